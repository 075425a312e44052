// The book of errors: every code that the Core itself may answer with, its status, and what it means.

export const ERROR_BOOK = {
  invalid_request: [400, 'The request does not fit what the route describes; `errors` says where.'],
  invalid_pattern: [400, 'An event pattern is malformed.'],
  invalid_argument: [400, 'A function of the SDK was called with something that it does not take.'],
  invalid_schedule: [400, 'A schedule is neither a positive number of ms nor a cron expression.'],
  not_canonical: [400, 'The URL is not in canonical form, so that it could be read in two ways.'],
  unauthorized: [401, 'The route needs a token, and the request has none that is valid.'],
  forbidden: [403, 'The token is valid but lacks a right that the route asks for.'],
  cross_origin: [403, 'A page of another site sent the request.'],
  reserved_event_type: [403, "Events of this type are the Core's own."],
  reserved_event_source: [403, 'Events of this source are not for the sender to publish.'],
  not_found: [404, 'There is nothing at this path.'],
  no_such_plugin: [404, 'No plugin has this id.'],
  method_not_allowed: [405, 'The path is there, but not for this method; `Allow` says for which.'],
  plugin_disabled: [409, 'The plugin is disabled; enable it first.'],
  mode_not_supported: [409, 'The plugin cannot run in this mode.'],
  generation_closed: [410, 'This version of the plugin was closed.'],
  payload_too_large: [413, 'The body is larger than the route takes.'],
  unsupported_media_type: [415, 'The route does not take a body of this type.'],
  misdirected: [421, 'The Host is none of the names under which this house is reached.'],
  reload_refused: [422, 'The new version of the plugin was refused; `reload` says why.'],
  upgrade_required: [426, 'This path is a WebSocket.'],
  handler_failed: [500, 'The code that answers this route threw an error; the log of its owner has it.'],
  odd_answer: [500, 'The code that answers this route gave no Response.'],
  internal_error: [500, 'The Core itself made a mistake; its log has it.'],
  plugin_unavailable: [503, 'The plugin is not serving now.'],
  generation_ended: [503, 'The version of the plugin that was answering was ended before it could.'],
} as const satisfies Record<string, readonly [status: number, meaning: string]>

export type ErrorCode = keyof typeof ERROR_BOOK

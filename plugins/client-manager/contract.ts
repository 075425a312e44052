// What others may know of this plugin: when computers come and go, how commands end, and a service that runs one.

import { type EventsOf, z } from '@home-console/sdk'

/** `lost`: its computer went away, and nobody knows how it ended. */
export const Status = z
  .enum(['running', 'succeeded', 'failed', 'timed_out', 'cancelled', 'lost'])
  .openapi('CommandStatus')
export type Status = z.infer<typeof Status>

const client = z.string().describe('The id of the computer: the fingerprint of its key')
const hostname = z.string().describe('What it calls itself')

/** It is the external service that says them: the plugin declares what they must look like. */
export const events = {
  'client.connected': z.object({ client, hostname }),
  'client.disconnected': z.object({ client, hostname, reason: z.string() }),
  'command.finished': z.object({
    command: z.string().describe('Its id'),
    client,
    name: z.string().nullable().describe('Of the policy’s; null: it was a free one'),
    by: z.string().describe('Who asked for it'),
    status: Status.exclude(['running']),
    exitCode: z.number().int().nullable(),
  }),
}

/** A computer that the owner has let in. */
export interface KnownClient {
  id: string
  hostname: string
  connected: boolean
  deviceType: string
  tags: string[]
  location: string | null
  /** RFC 3339 in UTC; null: never. */
  lastSeen: string | null
}

/** One of the policy's commands, or a program with its arguments; no shell reads it. */
export type CommandRequest =
  { name: string; params?: Record<string, string | number> } | { command: readonly string[] }

export interface CommandOutcome {
  id: string
  status: Status
  exitCode: number | null
  error: string | null
  stdout: string
  stderr: string
  /** Whether that is all that it said. */
  complete: boolean
}

export interface ClientsService {
  /** As they were known last, be the external service there or not. */
  list(): KnownClient[]
  get(id: string): KnownClient | null
  /**
   * Runs a command on a computer, as far as the owner's policy lets it, and waits for its end: well or not, that is an
   * outcome, and no error.
   *
   * @param options `timeout`: in s, 30 unless given, 300 at most; `source`: who wants it, for the log
   * @throws Problem `no_such_client`, `client_offline`, `unknown_command`, `command_refused`, `too_many_commands`,
   *   `invalid_request`; `external_unavailable` and its like where the external service is not there
   */
  execute(
    client: string,
    request: CommandRequest,
    options?: { timeout?: number; source?: string },
  ): Promise<CommandOutcome>
}

declare module '@home-console/sdk' {
  interface Events extends EventsOf<typeof events> {}
  interface Services {
    clients: ClientsService
  }
}

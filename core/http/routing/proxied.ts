// Which handlers pass a request on to an external service, to which path there, and how to do the same without the handler.

import type { RequestInfo } from '../request-info.ts'

/** What `ctx.proxy()` was told of paths. */
export interface ProxiedPath {
  /** The path at the service, `/clients/{id}` in the words of the route; without it, what follows the plugin's prefix. */
  readonly path?: string | undefined
  /** Goes before the path at the service; '' unless given. */
  readonly base?: string | undefined
}

/** A route that passes requests on. */
export interface ProxiedRoute extends ProxiedPath {
  /** As it is routed: `/api/plugins/<id>/clients/:id`. */
  readonly route: string
}

/**
 * The same operation has the same key, whatever its parameters are called: `GET /clients/{}` for `get /clients/:id`. Who
 * has GET has HEAD.
 */
export function operationKey(method: string, path: string): string {
  const shape = path.replaceAll(/\{[^{}/]+\}|(?<=\/):[^/]+/g, '{}')
  return `${method.toUpperCase().replace('HEAD', 'GET')} ${shape}`
}

/** The key of what is written as `GET /clients/{id}`. */
export function keyOf(operation: string): string {
  const [method = '', path = ''] = operation.split(' ')
  return operationKey(method, path)
}

/** The path at the service to which a route, registered under the prefix, passes on. */
export function pathThere({ path, base = '' }: ProxiedPath, route: string, prefix: string): string {
  return base + (path ?? route.slice(prefix.length))
}

/**
 * Does what the handler does, with the request alone: no code of the plugin's is in between, and no context of Hono's.
 *
 * @param route as it is routed
 * @throws what the handler would
 */
export type PassOn = (info: RequestInfo, route: string) => Promise<Response>

const proxied = new WeakMap<Function, ProxiedPath>()
const straight = new WeakMap<Function, PassOn>()

export function markProxied<Handler extends Function>(
  handler: Handler,
  path: ProxiedPath,
  passOn?: PassOn,
): Handler {
  proxied.set(handler, path)
  if (passOn !== undefined) straight.set(handler, passOn)
  return handler
}

/** What stands for the handler itself; nothing stands for one that others were put around. */
export function passOnBy(handler: Function): PassOn | undefined {
  return straight.get(handler)
}

export function proxiedBy(handler: Function): ProxiedPath | undefined {
  return proxied.get(handler)
}

/** For what is put around a handler: it leads to where the handler leads. */
export function leadAlike<Handler extends Function>(around: Handler, handler: Function): Handler {
  const path = proxied.get(handler)
  if (path !== undefined) proxied.set(around, path)
  return around
}

/** For what is put around a handler and does nothing that whoever stands for it would miss. */
export function passOnAlike(around: Function, handler: Function): void {
  const passOn = straight.get(handler)
  if (passOn !== undefined) straight.set(around, passOn)
}

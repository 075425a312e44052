// Which handlers pass a request on to an external service, and to which path there: the document asks, and nobody else.

/** What `ctx.proxy()` was told of paths. */
export interface ProxiedPath {
  /** The path at the service, `/clients/{id}` in the words of the route; without it, what follows the plugin's prefix. */
  readonly path?: string | undefined
  /** Goes before the path at the service; '' unless given. */
  readonly base?: string | undefined
}

const proxied = new WeakMap<Function, ProxiedPath>()

export function markProxied<Handler extends Function>(handler: Handler, path: ProxiedPath): Handler {
  proxied.set(handler, path)
  return handler
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

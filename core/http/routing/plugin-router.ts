// The router that a plugin writes on: an OpenAPIHono that binds each declaration to the handler that answers.

import type {
  Logger,
  PluginRouter,
  RouterEnv,
  RouterOptions,
  RouterVariables,
  SocketHandlers,
} from '@home-console/sdk'
import { OpenAPIHono, type z } from '@hono/zod-openapi'
import type { Context, Handler, Hono } from 'hono'
import { findTargetHandler } from 'hono/utils/handler'
import { coreProblem, OddAnswer, pointerTo, problemResponse } from '../answers/problems.ts'
import { accessOf, OWNER_ONLY, refusal, securityOf, type Access } from '../door/access.ts'
import { RequestInfo } from '../request-info.ts'
import { leadAlike, passOnAlike, proxiedBy, type ProxiedPath } from './proxied.ts'
import { checked, parameterCheck, type Check, type CheckHook } from './route-checks.ts'

/** Who may call a handler. The key is a closure that no other route shares. */
const declared = new WeakMap<Function, Access>()
/** Where a documented route was registered, for errors that only show later. */
const registeredAt = new WeakMap<object, Error>()

/** Who may call the handler of a route, through all that composing put around it. */
export function accessOfHandler(handler: Function): Access {
  return declared.get(findTargetHandler(handler)) ?? OWNER_ONLY
}

/** Where the handler of a route passes its requests on to, likewise. */
export function proxiedByHandler(handler: Function): ProxiedPath | undefined {
  return proxiedBy(findTargetHandler(handler))
}

/** A path as `createRoute` takes it, the way zod-openapi makes one of Hono's out of it. */
export function routingPath(path: string): string {
  return path.replaceAll(/\/\{(.+?)\}/g, '/:$1')
}

/** The error that was made where a route of a document was registered: its stack says where. */
export function registrationOf(route: object): Error | undefined {
  return registeredAt.get(route)
}

export interface DeclaringRouterOptions extends RouterOptions {
  /** Makes the log of one request. */
  readonly logFor?: ((info: RequestInfo) => Logger) | undefined
}

export class DeclaringRouter extends OpenAPIHono<RouterEnv> {
  /** For the routes that say nothing themselves; where there is none, that of the router which takes this one in. */
  #access: Access | undefined
  readonly #logFor: ((info: RequestInfo) => Logger) | undefined

  constructor({
    security,
    logFor,
    ...init
  }: DeclaringRouterOptions & ConstructorParameters<typeof OpenAPIHono>[0] = {}) {
    super({ defaultHook: answerInvalid, ...(init as object) })
    this.#access = security === undefined ? undefined : accessOf(security)
    this.#logFor = logFor
    const register = this.openapi
    const openapi = (route: Parameters<typeof register>[0], handler: Handler, hook?: CheckHook) => {
      const access = route.security === undefined ? this.#access : accessOf(route.security)
      const first = this.routes.length
      register(route, handler as never, hook)
      const middlewares = [route.middleware ?? []].flat().length
      this.#joinFrom(first + middlewares, parameterChecks(route, hook ?? this.defaultHook!))
      if (access !== undefined) this.#bindFrom(first, access)
      const definition = this.openAPIRegistry.definitions.at(-1)
      if (!route.hide && definition?.type === 'route') {
        // The document says what the guard enforces, and where nothing was said, the default.
        definition.route.security = securityOf(access ?? OWNER_ONLY) as Record<string, string[]>[]
        registeredAt.set(definition.route, new Error('registered here'))
      }
      return this
    }
    this.openapi = openapi
  }

  /** A WebSocket at `path`. */
  ws(path: string, handlers: SocketHandlers): this {
    this.get(routingPath(path), (c) => {
      const info = c.env as RequestInfo
      if (c.req.header('Upgrade')?.toLowerCase() === 'websocket') {
        info.socket = handlers
        info.params = c.req.param() as Record<string, string>
      }
      // Seen by a client only where the request does not become a socket.
      return problemResponse(coreProblem('upgrade_required'), {
        requestId: info.id,
        headers: { Upgrade: 'websocket' },
      })
    })
    return this
  }

  override route(path: string, app?: Hono<any, any, any>): any {
    // What a router with a default of its own brings is bound by it; all else follows this one.
    if (app instanceof DeclaringRouter && app.#access !== undefined) app.bind()
    return super.route(path, app as never)
  }

  /** The same router under a path: what is registered there follows the same default. */
  override basePath(path: string): any {
    const based = super.basePath(path)
    const router = new DeclaringRouter({ logFor: this.#logFor })
    router.#access = this.#access
    const { router: matcher, routes, getPath, errorHandler, defaultHook, _basePath } = based as any
    return Object.assign(router, { router: matcher, routes, getPath, errorHandler, defaultHook, _basePath })
  }

  /** Binds every route that was added without a declaration to this router's default; where it has none, an owner's. */
  bind(): void {
    this.#bindFrom(0, this.#access ?? OWNER_ONLY)
  }

  /**
   * Makes one route of the checks that zod-openapi registered and of the handler behind them.
   *
   * @param ours take the place of the library's first ones
   */
  #joinFrom(first: number, ours: readonly Check[]): void {
    const last = this.routes.at(-1)!
    const others = this.routes.slice(first + ours.length, -1).map(({ handler }) => handler as Check)
    const handler = checked([...ours, ...others], last.handler as Handler)
    this.routes.splice(first, Infinity, { ...last, handler: leadAlike(handler, last.handler) })
  }

  #bindFrom(first: number, access: Access): void {
    for (const route of this.routes.slice(first)) {
      if (declared.has(findTargetHandler(route.handler as Handler))) continue
      const { handler } = route
      // Who takes `next` may leave the answer to others.
      const passes = handler.length > 1
      const logFor = this.#logFor
      // A fresh closure: one function that serves an open and a closed route must not open both.
      const bound: Handler = (c, next) => {
        const info = c.env as RequestInfo
        introduce(c, info, logFor)
        // The guard asked for the first match; what runs after it has a word of its own.
        const refused = info.admitted === access ? null : refusal(access, info.caller)
        if (refused !== null) return problemResponse(refused, { requestId: info.id })
        const answer = handler(c, next)
        if (!(answer instanceof Promise)) return answered(answer, c)
        // What it gives in the end is looked at only if Hono finds that nobody answered.
        if (!passes) info.lastAnswer = answer
        return answer
      }
      declared.set(bound, access)
      leadAlike(bound, findTargetHandler(handler))
      passOnAlike(bound, handler)
      route.handler = bound
    }
  }
}

/** For what zod-openapi checks first, and in its order. */
function parameterChecks({ request }: Parameters<OpenAPIHono['openapi']>[0], hook: CheckHook): Check[] {
  const { query, params } = request ?? {}
  return [
    ...(query === undefined ? [] : [parameterCheck('query', query as z.ZodType, hook)]),
    ...(params === undefined ? [] : [parameterCheck('param', params as z.ZodType, hook)]),
  ]
}

/** @throws OddAnswer where nobody answered: Hono would say that there is nothing at the path */
function answered(answer: Response | void, c: Context): Response | void {
  if (!answer && !c.finalized) throw new OddAnswer(answer)
  return answer
}

/** Puts the caller before the handler, without the cost of a middleware. */
function introduce(c: Context, info: RequestInfo, logFor: ((info: RequestInfo) => Logger) | undefined): void {
  if (info.introduced) return
  info.introduced = true
  c.set('requestId' satisfies keyof RouterVariables, info.id)
  c.set('caller' satisfies keyof RouterVariables, info.caller)
  if (logFor !== undefined) c.set('log' satisfies keyof RouterVariables, logFor(info))
}

const answerInvalid: CheckHook = (result) => {
  if (result.success) return
  const { target, error } = result
  const base = target === 'json' || target === 'form' ? '' : `/${target}`
  throw coreProblem('invalid_request', undefined, {
    errors: error.issues.map((issue: { path: PropertyKey[]; message: string }) => ({
      pointer: base + pointerTo(issue.path),
      detail: issue.message,
    })),
  })
}

/** What `ctx.router()` gives: it needs an owner unless told otherwise, wherever it is mounted. */
export function pluginRouter({ security = [{ bearer: [] }], logFor }: DeclaringRouterOptions): PluginRouter {
  return new DeclaringRouter({ security, logFor })
}

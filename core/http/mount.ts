// A mount: one router under one prefix, behind the guard, with one shape of error.

import { Hono } from 'hono'
import { METHODS } from 'hono/router'
import type { Handler, RouterRoute } from 'hono/types'
import { refusal, type Access } from './access.ts'
import { ownBody } from './body.ts'
import { MatchOnceRouter } from './match-once-router.ts'
import { accessOfHandler, type DeclaringRouter } from './plugin-router.ts'
import { coreProblem, isMistake, problemOf, problemResponse } from './problems.ts'
import type { MountOwner, RequestInfo } from './request-info.ts'
import { isFinished } from './response-body.ts'

type Entry = [handler: Handler, route: RouterRoute]

/** Works out who may call an entry once, when it is added. */
class GuardedRouter extends MatchOnceRouter<Entry> {
  readonly #access = new WeakMap<RouterRoute, Access>()

  override add(method: string, path: string, entry: Entry): void {
    this.#access.set(entry[1], accessOfHandler(entry[0]))
    super.add(method, path, entry)
  }

  /** Who may call: the first match decides, as it is the first to run. Null where there is none. */
  accessAt(method: string, path: string): Access | null {
    const first = this.match(method, path)[0][0]
    return first === undefined ? null : this.#access.get(first[0][1])!
  }
}

export class Mount {
  readonly prefix: string
  readonly owner: MountOwner
  readonly #router = new GuardedRouter()
  readonly #app: Hono

  /** @param prefix `/api/plugins/<id>`, or '' for the Core's own */
  constructor(prefix: string, router: DeclaringRouter, owner: MountOwner) {
    this.prefix = prefix
    this.owner = owner
    router.bind()
    this.#app = new Hono({
      router: this.#router as never,
      getPath: (_request, options) => (options?.env as RequestInfo).path,
    })
    this.#app.onError((error, c) => this.#answerError(error, c.env as RequestInfo))
    this.#app.notFound((c) =>
      problemResponse(coreProblem('not_found'), { requestId: (c.env as RequestInfo).id }),
    )
    this.#app.route(prefix || '/', router as never)
  }

  /** Every route, as registered. */
  get routes(): { method: string; path: string }[] {
    const seen = new Map<string, { method: string; path: string }>()
    for (const { method, path } of this.#app.routes) seen.set(`${method} ${path}`, { method, path })
    return [...seen.values()]
  }

  /** Builds the matcher now, so that no request has to pay for it. */
  warmUp(): void {
    this.#router.match('GET', `${this.prefix}/`)
  }

  accessAt(method: string, path: string): Access | null {
    return this.#router.accessAt(method, path)
  }

  /**
   * Answers a request, once the guard has let it in. Never throws and never rejects.
   *
   * @param underWay called once when nothing of the request is left to be done
   */
  handle(request: Request, info: RequestInfo): Response | Promise<Response> {
    const access = this.#router.accessAt(info.method === 'HEAD' ? 'GET' : info.method, info.path)
    const refused = access === null ? this.#nothingAt(info) : refusal(access, info.caller)
    if (refused !== null) {
      const allow = refused.extensions['allow'] as string | undefined
      return problemResponse(refused, {
        requestId: info.id,
        ...(allow !== undefined && { headers: { Allow: allow } }),
      })
    }
    const { owner } = this
    owner.begin(info)
    try {
      const answer = owner.enter(() => this.#app.fetch(request, info))
      if (!(answer instanceof Promise)) return this.#answer(answer, info)
      return answer.then(
        (response) => this.#answer(response, info),
        (error: unknown) => this.#fail(error, info),
      )
    } catch (error) {
      return this.#fail(error, info)
    }
  }

  #answer(response: unknown, info: RequestInfo): Response {
    if (!(response instanceof Response)) {
      const found = response === undefined || response === null ? 'nothing' : `a ${typeof response}`
      this.owner.charge(
        new TypeError(`${info.label} answered with ${found} instead of a Response.`),
        info.label,
      )
      this.owner.end(info)
      return problemResponse(coreProblem('odd_answer'), { requestId: info.id })
    }
    if (isFinished(response)) {
      this.owner.end(info)
      return response
    }
    return ownBody(response, this.owner, info.label, () => this.owner.end(info))
  }

  #fail(error: unknown, info: RequestInfo): Response {
    this.owner.end(info)
    return this.#answerError(error, info)
  }

  #answerError(error: unknown, info: RequestInfo): Response {
    if (isMistake(error)) this.owner.charge(error, info.label)
    return problemResponse(problemOf(error, this.owner.plugin), { requestId: info.id })
  }

  /** What to say where no route matches: to a stranger nothing, not even whether there is one. */
  #nothingAt(info: RequestInfo) {
    if (info.caller.kind === 'anonymous') return coreProblem('unauthorized')
    const allowed = METHODS.map((method) => method.toUpperCase()).filter(
      (method) => this.#router.accessAt(method, info.path) !== null,
    )
    if (allowed.length === 0) return coreProblem('not_found', `There is nothing at ${info.path}.`)
    return coreProblem('method_not_allowed', `${info.path} does not take ${info.method}.`, {
      allow: allowed.join(', '),
    })
  }
}

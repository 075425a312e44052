// A mount: one router under one prefix, behind the guard, with one shape of error.

import { Hono } from 'hono'
import { METHODS } from 'hono/router'
import { ownBody } from './answers/body.ts'
import { coreProblem, isMistake, OddAnswer, problemOf, problemResponse } from './answers/problems.ts'
import { isFinished } from './answers/response-body.ts'
import { refusal, type Access } from './door/access.ts'
import { handOn } from './hand-on.ts'
import { limitedRequest, mayBeTooLarge } from './request-body.ts'
import type { MountOwner, RequestInfo } from './request-info.ts'
import { GuardedRouter } from './routing/guarded-router.ts'
import { routingPath, type DeclaringRouter } from './routing/plugin-router.ts'
import { pathThere, type PassOn, type ProxiedRoute } from './routing/proxied.ts'

/** Seen by nobody but the metrics; the number is nginx's. */
const CLIENT_LEFT = 499

/** What answers the requests under a prefix. */
export interface Mounting {
  readonly prefix: string
  readonly owner: MountOwner
  /** Answers a request, once the guard has let it in. Never throws and never rejects. */
  handle<Result>(
    request: Request,
    info: RequestInfo,
    finish: (response: Response) => Result,
  ): Result | Promise<Result>
}

export class Mount implements Mounting {
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
      getPath: (_request, options) => (options!.env as RequestInfo).path,
    })
    this.#app.onError((error, c) => this.#answerThrown(error, c.env as RequestInfo))
    this.#app.notFound((c) => this.#answerError(coreProblem('not_found'), c.env as RequestInfo))
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

  /** What it takes to reach a documented route, its path as `createRoute` takes it. */
  accessAt(method: string, path: string): Access | undefined {
    const routed = routingPath(path)
    return this.#router.accessTo(method.toUpperCase(), routed, routed.replaceAll(/:[^/]+/g, 'x'))
  }

  /** The path at an external service to which a documented route passes its requests on. */
  readonly passedOnTo = (method: string, path: string): string | undefined => {
    const told = this.#router.passedOn(method.toUpperCase(), routingPath(path))
    return told && pathThere(told, path, this.prefix)
  }

  /** Which of them pass requests on to an external service. */
  get proxied(): ProxiedRoute[] {
    return this.#router.proxied
  }

  /** What a request would be passed on by; undefined where something else answers it. */
  readonly proxiedAt = (method: string, path: string) =>
    this.#router.proxiedAt(method === 'head' ? 'GET' : method.toUpperCase(), path)

  /** What the guard answers to whoever may not come in; null for all others. */
  refuse(info: RequestInfo): Response | null {
    const access = this.#router.accessAt(info.method === 'HEAD' ? 'GET' : info.method, info.path)
    const refused = access === null ? this.#nothingAt(info) : refusal(access, info.caller)
    if (refused === null) {
      info.admitted = access!
      return null
    }
    const allow = refused.extensions['allow'] as string | undefined
    const headers = allow === undefined ? undefined : { Allow: allow }
    return problemResponse(refused, { requestId: info.id, ...(headers && { headers }) })
  }

  handle<Result>(
    request: Request,
    info: RequestInfo,
    finish: (response: Response) => Result,
  ): Result | Promise<Result> {
    const refused = this.refuse(info)
    if (refused !== null) {
      // What a stranger goes on sending would be read for ever, and thrown away.
      if (mayBeTooLarge(request)) refused.headers.set('Connection', 'close')
      return finish(refused)
    }
    const { owner } = this
    info.owner = owner
    info.request = request
    let asked: Request
    try {
      asked = this.#asked(request, info)
    } catch (error) {
      return finish(answerTooLarge(error, info))
    }
    owner.begin(info)
    const straight = this.#router.straightAt(info.method === 'HEAD' ? 'GET' : info.method, info.path)
    if (straight !== undefined) return this.#passOn(straight, info, finish)
    return owner.ask(
      info,
      () => this.#app.fetch(asked, info),
      (answer) => finish(this.#answer(answer, info)),
      (error) => finish(this.#fail(error, info)),
    )
  }

  /** Nobody's code is called for it, and nothing made that only a handler would look at. */
  #passOn<Result>(
    { passOn, route }: { passOn: PassOn; route: string },
    info: RequestInfo,
    finish: (response: Response) => Result,
  ): Result | Promise<Result> {
    const fail = (error: unknown) => {
      this.owner.end(info)
      return finish(this.#answerThrown(error as Error, info))
    }
    try {
      return handOn(info, passOn(info, route), (answer) => finish(this.#answer(answer, info)), fail)
    } catch (error) {
      return fail(error)
    }
  }

  /** As Hono gets it. @throws Problem `payload_too_large` */
  #asked(request: Request, info: RequestInfo): Request {
    const { method, path } = info
    if (method === 'GET') return request
    // Hono would drop the body of a HEAD's answer without a word, and whatever feeds it would never end.
    if (method === 'HEAD') return new Request(request, { method: 'GET' })
    return this.#router.takesAnyBody(method, path)
      ? request
      : limitedRequest(request, (problem) => (info.tooLarge = problem))
  }

  #answer(response: unknown, info: RequestInfo): Response {
    if (!(response instanceof Response)) return this.#fail(new OddAnswer(response), info)
    if (isFinished(response)) {
      this.owner.end(info)
      return response
    }
    const owned = ownBody(response, this.owner, info, () => this.owner.end(info))
    if (info.method !== 'HEAD') return owned
    void owned.body?.cancel()
    return new Response(null, owned)
  }

  #fail(error: unknown, info: RequestInfo): Response {
    this.owner.end(info)
    return this.#answerError(error, info)
  }

  /** Whoever asked has left, and what was done for them was told so: that is nobody's mistake. */
  #answerThrown(error: Error, info: RequestInfo): Response {
    return error.name === 'AbortError' && info.request!.signal.aborted
      ? new Response(null, { status: CLIENT_LEFT })
      : this.#answerError(error, info)
  }

  #answerError(thrown: unknown, info: RequestInfo): Response {
    if (info.tooLarge !== undefined) return answerTooLarge(info.tooLarge, info)
    const error = nothingIn(info.lastAnswer) ?? thrown
    if (isMistake(error, this.owner.plugin)) this.owner.charge(error, info.label)
    return problemResponse(problemOf(error, this.owner.plugin), { requestId: info.id })
  }

  /** What to say where no route matches: to a stranger nothing, not even whether there is one. */
  #nothingAt(info: RequestInfo) {
    if (info.caller.kind === 'anonymous') return coreProblem('unauthorized')
    const allowed = METHODS.map((method) => method.toUpperCase())
      .filter((method) => this.#router.accessAt(method, info.path) !== null)
      .flatMap((method) => (method === 'GET' ? [method, 'HEAD'] : method))
    if (allowed.length === 0) return coreProblem('not_found', `There is nothing at ${info.path}.`)
    return coreProblem('method_not_allowed', `${info.path} does not take ${info.method}.`, {
      allow: allowed.join(', '),
    })
  }
}

/** Who sends on and on is listened to no longer. */
function answerTooLarge(error: unknown, { id }: RequestInfo): Response {
  return problemResponse(problemOf(error, null), { requestId: id, headers: { Connection: 'close' } })
}

/** Hono takes a handler that promised an answer and gave none for a route that is not there. */
function nothingIn(promised: Promise<unknown> | undefined): OddAnswer | undefined {
  if (promised === undefined || Bun.peek.status(promised) !== 'fulfilled') return undefined
  const answer = Bun.peek(promised)
  return answer ? undefined : new OddAnswer(answer)
}

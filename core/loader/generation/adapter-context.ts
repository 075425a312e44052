// What an adapter gets of its external service: a handle on it, and handlers that pass requests on to it.

import { type ExternalService, type Mode, type ProxyHandler, type ProxyOptions } from '@home-console/sdk'
import { routePath } from 'hono/route'
import * as v from 'valibot'
import type { ExternalService as Service } from '../../external/external-service.ts'
import { coreProblem, problemResponse } from '../../http/answers/problems.ts'
import type { RequestInfo } from '../../http/request-info.ts'
import { keyOf, markProxied, operationKey, pathThere, type PassOn } from '../../http/routing/proxied.ts'
import type { OwnedLog } from '../../log/log.ts'
import { mistakesIn } from '../../mistakes.ts'
import type { Admission } from '../../proxy/admission.ts'
import { ownFetch } from '../../proxy/own-fetch.ts'
import { passRequest } from '../../proxy/pass-request.ts'
import { passSocket } from '../../proxy/pass-socket.ts'
import type { Scope } from '../../scope/scope.ts'
import { leave, leaving } from '../border/border.ts'
import type { Organs } from '../organs.ts'
import { pathMaker } from './path-maker.ts'

export interface AdapterOwner {
  readonly id: string
  /** Under which its routes are. */
  readonly prefix: string
  readonly log: OwnedLog
  readonly scope: Scope
  /** Where its work runs, or will once it is live. */
  readonly mode: Mode
  /** It cannot do without this operation of its service: `GET /clients/{id}`. */
  addUse(operation: string): void
}

const path = v.pipe(v.string(), v.regex(/^\/[^\s?#]*$/, 'must be a path that begins with a slash'))
const ms = v.pipe(v.number(), v.integer(), v.minValue(1))

const Options = v.strictObject({
  path: v.optional(path),
  base: v.optional(
    v.pipe(v.string(), v.regex(/^(?:\/[^\s?#/]+)*$/, "must be '', or a path without a slash at its end")),
  ),
  connectMs: v.optional(ms),
  firstByteMs: v.optional(ms),
  silenceMs: v.optional(ms),
})

const noParameter = () => undefined

export class AdapterContext {
  readonly #owner: AdapterOwner
  readonly #organs: Organs
  readonly #name: string
  #admission: Admission | undefined
  #service: Service | undefined
  readonly external: ExternalService

  constructor(owner: AdapterOwner, organs: Organs, name: string) {
    this.#owner = owner
    this.#organs = organs
    this.#name = name
    const service = () => organs.external.find(name)
    this.external = {
      name,
      get mode() {
        return leave(() => owner.mode)
      },
      get state() {
        return leave(() => service()?.state ?? 'stopped')
      },
      uses: leaving((...operations: readonly unknown[]) => {
        for (const operation of operations) this.#use(operation)
      }),
      fetch: leaving(async (path: string, init?: RequestInit) => ownFetch(this.#open(), path, init)),
    }
  }

  readonly proxy = (options: ProxyOptions = {}): ProxyHandler => {
    if ('req' in Object(options))
      throw new TypeError("ctx.proxy makes a handler and is none: router.all('/*', ctx.proxy())")
    const { success, issues } = v.safeParse(Options, options)
    if (!success) {
      throw coreProblem('invalid_argument', `ctx.proxy: ${mistakesIn(issues, 'options').join('; ')}.`)
    }
    const pathOf = pathMaker(options, this.#owner.prefix)
    const handler: ProxyHandler = (c) => {
      const info = c.env as RequestInfo
      const path = pathOf(info.request!.url, (name) => c.req.param(name as never))
      return leave(() => this.#pass(info, path, options, () => routePath(c)))
    }
    // Where the path is that of the request, nothing but the request is needed.
    const passOn: PassOn | undefined =
      options.path === undefined
        ? (info, route) => this.#pass(info, pathOf(info.request!.url, noParameter), options, () => route)
        : undefined
    return markProxied(handler, { path: options.path, base: options.base }, passOn)
  }

  #pass(info: RequestInfo, path: string, options: ProxyOptions, route: () => string): Promise<Response> {
    const admission = this.#open()
    // Seldom so, and then it is worth a look at the route.
    if (this.#service!.missing.length > 0) this.#assertThere(info.method, options, route())
    return this.#answer(admission, info, path, options)
  }

  #use(operation: unknown): void {
    if (this.#owner.scope.state !== 'staged')
      throw coreProblem('invalid_argument', 'ctx.external.uses must be called in onLoad.')
    if (
      typeof operation !== 'string' ||
      !/^(GET|PUT|POST|DELETE|OPTIONS|HEAD|PATCH) \/[^\s?#]*$/.test(operation)
    )
      throw coreProblem(
        'invalid_argument',
        `ctx.external.uses takes operations such as 'GET /clients/{id}', not ${JSON.stringify(operation)}.`,
      )
    this.#owner.addUse(operation)
  }

  /** @throws Problem `external_incompatible` where the service says of itself that it has no such operation */
  #assertThere(method: string, options: ProxyOptions, route: string): void {
    const { name, missing, document } = this.#service!
    const asked = operationKey(method, pathThere(options, route, this.#owner.prefix))
    const operation = missing.find((operation) => keyOf(operation) === asked)
    if (operation === undefined) return
    throw coreProblem(
      'external_incompatible',
      `The external service "${name}" no longer has ${operation}, says the OpenAPI document of its version ${document?.version}.`,
    )
  }

  #answer(admission: Admission, info: RequestInfo, path: string, options: ProxyOptions): Promise<Response> {
    const asked = info as RequestInfo & { request: Request }
    // A WebSocket begins as a GET, and another method was let in as what it is.
    if (asked.method !== 'GET' || asked.request.headers.get('Upgrade')?.toLowerCase() !== 'websocket') {
      return passRequest(admission, asked, path, options)
    }
    // Before the service hears of it.
    if (this.#organs.app.isForeign(asked.request)) throw coreProblem('cross_origin')
    return passSocket(admission, asked, path, options).then((relay) => {
      info.relay = relay
      // Seen by a client only where the request does not become a socket.
      return problemResponse(coreProblem('upgrade_required'), {
        requestId: info.id,
        headers: { Upgrade: 'websocket' },
      })
    })
  }

  /** Opened when first needed: the service may come after its adapter's code. */
  #open(): Admission {
    if (this.#admission !== undefined) return this.#admission
    const target = this.#organs.external.find(this.#name)
    if (target === undefined) {
      throw coreProblem('external_unavailable', `There is no external service "${this.#name}".`)
    }
    const { id, prefix, log, scope } = this.#owner
    this.#service = target
    const admission = this.#organs.proxy.admission({ plugin: id, prefix, log, target })
    scope.add({
      kind: 'external',
      label: this.#name,
      release: () => admission.close(coreProblem('generation_ended')),
    })
    return (this.#admission = admission)
  }
}

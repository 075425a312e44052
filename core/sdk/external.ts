// What an adapter gets in its hands of the external service that it stands for.

import type { Handler } from 'hono'
import type { RouterEnv } from './router.ts'

/** Where a plugin's work runs: here, in a child process that the Core starts, or in a process that someone else runs. */
export type Mode = 'in_process' | 'embedded' | 'microservice'

/**
 * How an external service is doing: `stopped` while nobody wants it, `starting` until it first answers, `up`, `down` while
 * it does not answer, `given_up` after it died too often, `incompatible` where it no longer has what its adapter uses.
 */
export type ExternalState = 'stopped' | 'starting' | 'up' | 'down' | 'given_up' | 'incompatible'

/** The external service of an adapter: the one that `external` in its definition names. */
export interface ExternalService {
  readonly name: string
  readonly mode: Mode
  readonly state: ExternalState
  /**
   * Says in `onLoad` what of the service the adapter cannot do without: `uses('GET /api/clients/{id}')`. What its documented
   * routes pass on need not be named. Where the service's OpenAPI document no longer has all of it, its state is
   * `incompatible`, and a route that leads to what is not there answers `external_incompatible` (502).
   *
   * @throws Problem `invalid_argument`
   */
  uses(...operations: readonly string[]): void
  /**
   * Calls it: `path` begins with a slash, under its own origin. Its credential is added; deadlines, the circuit breaker and
   * the limit of calls in flight hold as for the proxy.
   *
   * @throws Problem `invalid_argument` (400), `external_unreachable` and `external_bad_answer` (502), `external_unavailable`
   *   (503), `external_timeout` (504)
   */
  fetch(path: string, init?: RequestInit): Promise<Response>
}

export interface ProxyOptions {
  /**
   * The path at the service, in the words of the route: `/api/clients/{id}`. Unless given, what follows the plugin's own
   * prefix, with `base` before it.
   */
  readonly path?: string
  /** Goes before the path at the service; '' unless given. */
  readonly base?: string
  /** Deadlines in ms, where they are not those of `service.json`. */
  readonly connectMs?: number
  readonly firstByteMs?: number
  /** How long either side may say nothing once the answer has begun. */
  readonly silenceMs?: number
}

/** A handler that passes a request on to the external service and its answer back: `router.all('/*', ctx.proxy())`. */
export type ProxyHandler = Handler<RouterEnv>

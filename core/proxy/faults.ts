// What went wrong with a service, as its caller and the log are told: one of four problems, each naming the service.

import type { Logger } from '@home-console/sdk'
import { BadAnswer } from './wire/failure.ts'

export type FaultCode =
  'external_unreachable' | 'external_bad_answer' | 'external_unavailable' | 'external_timeout'

/** Makes an error of the Core's own book. */
export type MakeProblem = (
  code: FaultCode | 'method_not_allowed' | 'invalid_argument' | 'invalid_request',
  detail: string,
  extensions?: Record<string, unknown>,
) => Error

export type FaultLog = Pick<Logger, 'info' | 'warn'>

/** All that is in words already. */
const made = new WeakSet<Error>()
/** That nobody answered, or nothing that is HTTP: what a service's circuit counts. An answer that is not taken is none. */
const faults = new WeakSet<Error>()
/** Answers that are not taken: the service is there. */
const refused = new WeakSet<Error>()

/** What Bun says of an answer that is none; all else is about the way to the service. */
const NO_ANSWER = new Set([
  'Malformed_HTTP_Response',
  'InvalidHTTPResponse',
  'ResponseHeadersTooLarge',
  'InvalidContentLength',
  'UnrequestedUpgrade',
])

/** A connection that never was, or broke before a byte of an answer: calling again may help, where it does no harm. */
const BROKEN = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE'])

export class Faults {
  readonly #service: string
  readonly #problem: MakeProblem
  readonly #log: FaultLog

  constructor(service: string, problem: MakeProblem, log: FaultLog) {
    this.#service = service
    this.#problem = problem
    this.#log = log
  }

  /** @param what goes on where the service's name ends */
  make(code: FaultCode, what: string): Error {
    const problem = this.#problem(code, `The external service "${this.#service}" ${what}.`, {
      service: this.#service,
    })
    made.add(problem)
    return problem
  }

  /** @param trouble why there is nowhere to call, as the service's target says it */
  unavailable(trouble: string | null): Error {
    const detail = `The external service ${trouble ?? `"${this.#service}" is not up.`}`
    return this.#problem('external_unavailable', detail, { service: this.#service })
  }

  /** One that its circuit counts. */
  fault(code: FaultCode, what: string): Error {
    const fault = this.make(code, what)
    faults.add(fault)
    return fault
  }

  /** An answer that is not taken: its circuit counts none. */
  refused(what: string): Error {
    const error = this.make('external_bad_answer', what)
    refused.add(error)
    return error
  }

  /** What Bun or the wire says of a call, in words. */
  of(error: unknown, answered: boolean, large: boolean): Error {
    if (error instanceof Error && made.has(error)) return error
    const code = codeOf(error)
    if (code === 'TimeoutError') {
      const what = 'neither took nor gave anything for too long'
      // Nobody can tell whether it was the service, or who sends the large body and stalls.
      return large ? this.make('external_timeout', what) : this.fault('external_timeout', what)
    }
    if (error instanceof BadAnswer)
      return this.fault('external_bad_answer', `gave no HTTP answer: ${error.message}`)
    if (answered) return this.fault('external_bad_answer', `broke off its answer (${code})`)
    if (NO_ANSWER.has(code)) return this.fault('external_bad_answer', `gave no HTTP answer (${code})`)
    return this.fault('external_unreachable', `cannot be reached (${code})`)
  }

  /** @returns the same, told to the log */
  told(error: Error, label: string): Error {
    this.#log.warn(`${error.message} It was asked for ${label}.`)
    return error
  }
}

export function isFault(error: unknown): error is Error {
  return error instanceof Error && faults.has(error)
}

export function isRefused(error: unknown): boolean {
  return error instanceof Error && refused.has(error)
}

export function isBroken(error: unknown): boolean {
  return BROKEN.has(codeOf(error))
}

/**
 * Whether it is about what was to be sent: its sender left in the middle, or what came was none. What Bun says of the
 * service, and of the way there, has a code.
 */
export function isOfWhoAsks(error: unknown): boolean {
  const { code, name } = error as { code?: unknown; name?: unknown }
  return typeof code !== 'string' && name !== 'TimeoutError'
}

/** Nobody waits for the answer any more. The name is that of `fetch`, and no mistake of anybody's. */
export function nobodyWaits(): Error {
  return new DOMException('Whoever asked has left.', 'AbortError')
}

function codeOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown }
  return typeof code === 'string' ? code : String(name)
}

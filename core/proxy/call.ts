// One call to an external service that is under way: until when it may be silent, who may end it, and that it ends once.

import type { Calls } from './calls.ts'
import { nobodyWaits } from './faults.ts'

export interface CallOptions {
  readonly calls: Calls
  /** Whoever calls it off with all its others. */
  readonly owner: object
  /** Told once, when it has come to its end. */
  readonly onEnd: () => void
}

export class Call {
  readonly owner: object
  readonly #calls: Calls
  readonly #onEnd: () => void
  #controller: AbortController | undefined
  #late: (() => void) | undefined
  #ended = false
  #reason: Error | undefined
  #farewells: (() => void)[] | undefined
  #hangUp: (() => void) | undefined
  /** When something must have happened; as `performance.now()` tells it. */
  dueAt = Infinity
  /** Told when it is called off. */
  onCalledOff: ((reason: Error) => void) | undefined = undefined
  /** Whether the head of the answer is there. */
  answered = false

  constructor({ calls, owner, onEnd }: CallOptions) {
    this.owner = owner
    this.#calls = calls
    this.#onEnd = onEnd
    calls.add(this)
  }

  /** Made for those who ask for it: it costs as much as all else that a call is. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#reason !== undefined) this.#controller.abort()
    return this.#controller.signal
  }

  /** Why it was called off; undefined where it was not. */
  get reason(): Error | undefined {
    return this.#reason
  }

  /** Something must happen within so many ms from now. What was expected before is forgotten. */
  expect(ms: number, late: () => void): void {
    if (this.#ended) return
    this.#late = late
    this.dueAt = performance.now() + ms
    this.#calls.lookAt(this.dueAt)
  }

  /** It may take its time from now on. */
  expectNothing(): void {
    this.dueAt = Infinity
  }

  /** It is too late. */
  fallDue(): void {
    this.dueAt = Infinity
    this.#late?.()
  }

  /** Ends it, at the service too. */
  callOff(reason: Error = nobodyWaits()): void {
    if (this.#ended) return
    this.#reason = reason
    this.end()
    this.#controller?.abort()
    this.#hangUp?.()
    this.onCalledOff?.(reason)
  }

  /** Takes what ends it at the service, for who does not look at the signal. */
  readonly onHangUp = (hangUp: () => void): void => {
    this.#hangUp = hangUp
  }

  /** It came to its end. Again is no harm. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#calls.remove(this)
    this.#onEnd()
    for (const run of this.#farewells ?? []) run()
  }

  /** Calls back when it has come to its end, however. */
  atEnd(run: () => void): void {
    if (this.#ended) run()
    else (this.#farewells ??= []).push(run)
  }
}

/** Calls it off when the signal says so, until the undo is called. */
export function abortWith(signal: AbortSignal, call: Call): () => void {
  const leave = () => call.callOff(signal.reason as Error)
  if (signal.aborted) leave()
  else signal.addEventListener('abort', leave)
  return () => signal.removeEventListener('abort', leave)
}

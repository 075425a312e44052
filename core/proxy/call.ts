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
  readonly #controller = new AbortController()
  #late: (() => void) | undefined
  #ended = false
  #reason: Error | undefined
  #farewells: (() => void)[] | undefined
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

  get signal(): AbortSignal {
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
    this.#controller.abort()
    this.onCalledOff?.(reason)
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

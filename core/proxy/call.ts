// One call to an external service that is under way: until when it may be silent, who may end it, and that it ends once.

import { nobodyWaits } from './faults.ts'

export class Call {
  readonly #controller = new AbortController()
  readonly #onEnd: (call: Call) => void
  #timer: Timer | undefined
  #ended = false
  #reason: Error | undefined
  /** Told when it is called off. */
  onCalledOff: ((reason: Error) => void) | undefined = undefined
  /** Whether the head of the answer is there. */
  answered = false

  constructor(onEnd: (call: Call) => void) {
    this.#onEnd = onEnd
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
    clearTimeout(this.#timer)
    if (!this.#ended) this.#timer = setTimeout(late, ms)
  }

  /** It may take its time from now on. */
  expectNothing(): void {
    clearTimeout(this.#timer)
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
    clearTimeout(this.#timer)
    this.#onEnd(this)
  }
}

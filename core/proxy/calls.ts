// All calls that are under way, and one timer for their deadlines: nearly all end long before theirs, and a timer for each
// would cost as much as writing its headers.

import { Roster } from '../roster.ts'
import type { Call } from './call.ts'

/** No deadline is kept more exactly than this. */
const GRAIN_MS = 10

export class Calls {
  readonly #calls = new Roster<Call>()
  #timer: Timer | undefined
  #tickAt = Infinity

  add(call: Call): void {
    this.#calls.add(call)
  }

  remove(call: Call): void {
    this.#calls.delete(call)
  }

  /** Those of one owner. */
  of(owner: object): Call[] {
    return [...this.#calls].filter((call) => call.owner === owner)
  }

  /** Looks at the calls then, or before. */
  lookAt(time: number): void {
    if (time >= this.#tickAt) return
    clearTimeout(this.#timer)
    this.#tickAt = time
    this.#timer = setTimeout(this.#tick, Math.max(GRAIN_MS, Math.ceil(time - performance.now())))
  }

  readonly #tick = (): void => {
    this.#tickAt = Infinity
    const now = performance.now()
    let next = Infinity
    for (const call of this.#calls) {
      if (call.dueAt <= now) call.fallDue()
      next = Math.min(next, call.dueAt)
    }
    if (next < Infinity) this.lookAt(next)
  }
}

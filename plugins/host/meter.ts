// Turns counters that only grow into what they grew by since the sample before.

interface Reading {
  value: number
  /** Monotonic, in ms: a wall clock that is set would bend every rate. */
  at: number
}

/** Remembers each counter, by a name of the caller's choice, from one sample to the next and no longer. */
export class Meter {
  #before = new Map<string, Reading>()
  #now = new Map<string, Reading>()

  /** Begins a sample. Counters that the last one did not see, of a disk pulled out for instance, are forgotten. */
  turn(): void {
    this.#before = this.#now
    this.#now = new Map()
  }

  /** What the counter grew by, or null when that cannot be known: it is new, or it began again from a lower value. */
  growth(name: string, value: number | null): number | null {
    return this.#note(name, value, 0)?.grown ?? null
  }

  /**
   * The same, per second, in whole units.
   * @param at when it was read, by `performance.now()`
   */
  perSecond(name: string, value: number | null, at = performance.now()): number | null {
    const step = this.#note(name, value, at)
    return step && step.ms > 0 ? Math.round((step.grown / step.ms) * 1_000) : null
  }

  #note(name: string, value: number | null, at: number): { grown: number; ms: number } | null {
    if (value === null) return null
    this.#now.set(name, { value, at })
    const before = this.#before.get(name)
    return before && value >= before.value ? { grown: value - before.value, ms: at - before.at } : null
  }
}

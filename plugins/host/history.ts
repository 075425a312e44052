// The last samples, in memory: so many and no more.

import type { Sample } from './contract.ts'

export class History {
  readonly #capacity: number
  #samples: Sample[] = []

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  push(sample: Sample): void {
    this.#samples.push(sample)
    if (this.#samples.length > this.#capacity) this.#samples.shift()
  }

  /** Puts what was remembered elsewhere in its place, but for what is here already. */
  recall(samples: readonly Sample[]): void {
    const byTime = new Map([...samples, ...this.#samples].map((sample) => [sample.time, sample]))
    this.#samples = [...byTime.values()]
      .sort((a, b) => Date.parse(a.time) - Date.parse(b.time))
      .slice(-this.#capacity)
  }

  /**
   * Oldest first. When there are more than `limit`, evenly spaced ones, the newest among them.
   * @param since only those taken after it, in ms since 1970
   */
  list(limit: number, since = -Infinity): Sample[] {
    const wanted = this.#samples.filter(({ time }) => Date.parse(time) > since)
    if (wanted.length <= limit) return wanted
    // Whole numbers up to the division: a step of 1.1 added up would miss the last by a rounding error.
    const pick = (index: number) => Math.ceil(((index + 1) * wanted.length) / limit) - 1
    return Array.from({ length: limit }, (_, index) => wanted[pick(index)]!)
  }
}

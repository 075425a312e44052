// How many calls are under way, to each service and in all, so that one that hangs starves nobody.

import type { Target } from './target.ts'

/**
 * Bun has 256 requests under way at once and lets the others wait for ever. From so many on, a service that has its share
 * gets no more: some always go through to the others, and to what plugins call themselves.
 */
const CROWDED = 160
const SHARE = 16

export class Traffic {
  readonly #calls = new WeakMap<Target, { count: number; crowded: boolean }>()
  #all = 0

  of(target: Target): number {
    return this.#calls.get(target)?.count ?? 0
  }

  /**
   * @param onCrowded told when a service has its fill, once until there is room again
   * @returns whether there was room
   */
  enter(target: Target, onCrowded: (count: number) => void): boolean {
    let calls = this.#calls.get(target)
    if (calls === undefined) this.#calls.set(target, (calls = { count: 0, crowded: false }))
    const { count } = calls
    if (count >= target.limits.concurrency || (this.#all >= CROWDED && count >= SHARE)) {
      if (!calls.crowded) onCrowded(count)
      calls.crowded = true
      return false
    }
    calls.count++
    this.#all++
    return true
  }

  leave(target: Target): void {
    const calls = this.#calls.get(target)!
    calls.count--
    this.#all--
    if (calls.count < target.limits.concurrency / 2) calls.crowded = false
  }
}

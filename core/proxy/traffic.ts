// How many calls are under way, to each service and in all, so that one that hangs starves nobody.

import type { Target } from './target.ts'

/**
 * Bun has 256 requests under way at once and lets the others wait for ever. From so many on, a service that has its share
 * gets no more: some always go through to the others, and to what plugins call themselves.
 */
const CROWDED = 160
const SHARE = 16

/** Large bodies on their way to a service: who stalls them must leave room for those who only ask. */
type Kind = 'calls' | 'large uploads'

interface Calls {
  count: number
  uploads: number
  /** Of what it has its fill, and was told so. */
  readonly crowded: Set<Kind>
}

export class Traffic {
  readonly #calls = new WeakMap<Target, Calls>()
  #all = 0

  of(target: Target): number {
    return this.#calls.get(target)?.count ?? 0
  }

  /**
   * @param onCrowded told when a service has its fill, once until there is room again
   * @returns of what there are too many; null where there was room
   */
  enter(target: Target, isUpload: boolean, onCrowded: (count: number, of: Kind) => void): Kind | null {
    let calls = this.#calls.get(target)
    if (calls === undefined) this.#calls.set(target, (calls = { count: 0, uploads: 0, crowded: new Set() }))
    const full = this.#fullOf(calls, target.limits.concurrency, isUpload)
    if (full !== null) {
      if (!calls.crowded.has(full)) onCrowded(full === 'calls' ? calls.count : calls.uploads, full)
      calls.crowded.add(full)
      return full
    }
    calls.count++
    if (isUpload) calls.uploads++
    this.#all++
    return null
  }

  leave(target: Target, isUpload: boolean): void {
    const calls = this.#calls.get(target)!
    calls.count--
    if (isUpload) calls.uploads--
    this.#all--
    const half = target.limits.concurrency / 2
    if (calls.count < half) calls.crowded.delete('calls')
    if (calls.uploads < half / 2) calls.crowded.delete('large uploads')
  }

  #fullOf({ count, uploads }: Calls, most: number, isUpload: boolean): Kind | null {
    if (count >= most || (this.#all >= CROWDED && count >= SHARE)) return 'calls'
    return isUpload && uploads >= most / 2 ? 'large uploads' : null
  }
}

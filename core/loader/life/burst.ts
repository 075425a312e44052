// Notices that a version makes mistakes in a burst, right after it took over.

import type { Clock } from '../../clock.ts'

/** How long a new version is watched, and how far back the one before counts, in ms. */
export const WATCHED_MS = 30_000

/** More than these are not remembered. */
const MOST = 1_000

/** Counts the mistakes of one plugin, and calls back once for a version at most. */
export class BurstWatch {
  readonly #clock: Clock
  /** When the last ones were made. */
  #times: number[] = []
  #watched: {
    readonly until: number
    readonly before: number
    readonly onBurst: (count: number) => void
  } | null = null
  #count = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A new version took over. A plugin that makes as many mistakes as ever is no worse than before. */
  begin(onBurst: (count: number) => void): void {
    this.#count = 0
    this.#watched = { until: this.#clock.now() + WATCHED_MS, before: this.#recent().length, onBurst }
  }

  end(): void {
    this.#watched = null
  }

  /** @param limit how many more than before are too many; 0 where none are */
  count(limit: number): void {
    this.#times = this.#recent()
    if (this.#times.length < MOST) this.#times.push(this.#clock.now())
    const watched = this.#watched
    if (watched === null || this.#clock.now() > watched.until) return
    this.#count++
    if (limit === 0 || this.#count < limit + watched.before) return
    this.#watched = null
    watched.onBurst(this.#count)
  }

  #recent(): number[] {
    const since = this.#clock.now() - WATCHED_MS
    return this.#times.filter((time) => time > since)
  }
}

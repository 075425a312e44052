// Tells each turn of the sun once: across swaps, restarts, a suspended machine, and clocks that are set.

import type { PluginContext } from '@home-console/sdk'
import { type Place, type Turning, turnsBetween } from './sky.ts'

/** A turn that passed longer ago is no news any more. */
const LATE_MS = 3_600_000

export class Herald {
  readonly #ctx: Pick<PluginContext, 'kv' | 'log'>
  #told: number | undefined

  constructor(ctx: Pick<PluginContext, 'kv' | 'log'>) {
    this.#ctx = ctx
  }

  /** Up to when all is told, in ms since the epoch. */
  get told(): number {
    return (this.#told ??= this.#ctx.kv.get<number>('told') ?? 0)
  }

  /** Begins at this moment: what was before it, at another place, is not told. */
  begin(now: number): void {
    this.#keep(now)
  }

  /** What has happened at a place and is not told yet, in order. Each is given once. */
  news(now: number, place: Place): Turning[] {
    if (this.told === 0) this.begin(now)
    // Told in a future that was none, by a clock that has been put right since: that does not silence the present.
    const since = this.told > now + LATE_MS ? now : Math.max(this.told, now - LATE_MS)
    const turns = turnsBetween(since, now, place)
    // A clock that is set back a little passes the same turn twice; it is told the first time.
    const last = turns.at(-1)
    if (last === undefined) this.#told = since
    else this.#keep(last.at)
    return turns
  }

  /** Where the next version, or the next start, finds it: a few times a day. */
  #keep(told: number): void {
    this.#told = told
    try {
      this.#ctx.kv.set('told', told)
    } catch (error) {
      this.#ctx.log.warn(`A turn of the sun may be told again after a restart: ${(error as Error).message}`)
    }
  }
}

// Who is charged with the death of a process, and which plugins the Core therefore starts without.

import type { CoreDatabase } from '../db/core-database.ts'
import { readCrashCharges, writeCrashCharges, type CrashCharges } from '../db/crash-charges.ts'
import { StorageTrouble } from '../db/storage-trouble.ts'
import { nameOf } from './pulse.ts'
import type { Death, Work } from './record.ts'

/** So many deaths in a row, each within so long of the last, and the Core starts without the plugin. */
const LIMIT = 3
const PERIOD_MS = 60 * 60_000
/** After so long, in ms, a start was none that its plugins end. */
export const PROVEN_MS = 5 * 60_000

export interface Charge {
  readonly plugin: string
  readonly message: string
}

export class Crashes {
  /** What the death before this start was charged with, for the log. */
  readonly news: readonly Charge[]
  readonly #db: CoreDatabase
  readonly #onUnwritten: (trouble: StorageTrouble) => void
  #charges: CrashCharges
  /** The end of the last load of a plugin that stands under suspicion. */
  #turn: Promise<unknown> = Promise.resolve()

  /**
   * @param death of the process before, if it died
   * @param onUnwritten told when the next start will not know who is charged: no reason not to go on with this one
   */
  constructor(
    db: CoreDatabase,
    death: Death | null,
    now: number,
    onUnwritten: (trouble: StorageTrouble) => void,
  ) {
    this.#db = db
    this.#onUnwritten = onUnwritten
    this.#charges = readCrashCharges(db)
    this.news = death === null ? [] : this.#charge(death, now)
  }

  /** Why the Core does not load this version of a plugin; null when it does. A version with other files is another one. */
  verdictOn(plugin: string, digest: string): string | null {
    const charge = this.#isCharged(plugin) ? this.#charges[plugin] : undefined
    if (charge === undefined || charge.times.length < LIMIT || charge.digest !== digest) return null
    return `The Core died ${charge.times.length} times in a row while this plugin ${charge.deed}. It is left out until its files change, or you reload it to try again.`
  }

  /** A version with these files took over: what was held against another is no matter any more. */
  replaced(plugin: string, digest: string): void {
    const charge = this.#isCharged(plugin) ? this.#charges[plugin] : undefined
    if (charge !== undefined && charge.times.length >= LIMIT && charge.digest !== digest) this.forgive(plugin)
  }

  forgive(plugin: string): void {
    if (this.#isCharged(plugin)) this.#keep(([id]) => id !== plugin)
  }

  /** The Core has run for `PROVEN_MS`: whoever is loaded now is not the reason. */
  prove(): void {
    const isVerdict = ([, { times }]: [string, CrashCharges[string]]) => times.length >= LIMIT
    if (!Object.entries(this.#charges).every(isVerdict)) this.#keep(isVerdict)
  }

  /** Loads of plugins under suspicion take turns: if the Core dies again, it is known of which. */
  async inTurn<T>(plugin: string, load: () => Promise<T>): Promise<T> {
    if (!this.#isCharged(plugin)) return load()
    const mine = this.#turn.then(load)
    this.#turn = mine.catch(() => {})
    return mine
  }

  /** A plugin may be called like what every object comes with. */
  #isCharged(plugin: string): boolean {
    return Object.hasOwn(this.#charges, plugin)
  }

  #charge(death: Death, now: number): Charge[] {
    const suspects = suspectsOf(death)
    const before = this.#charges
    this.#keep(([, { times }]) => times.length >= LIMIT)
    if (suspects.length === 0) return []
    for (const [{ plugin, digest }, deed] of suspects) {
      const known = before[plugin]?.digest === digest ? before[plugin].times : []
      const times = [...known, now].filter((time) => now - time < PERIOD_MS || known.length >= LIMIT)
      this.#charges[plugin] = { digest, deed, times }
    }
    this.#write()
    return suspects.map(([{ plugin }, deed]) => {
      const count = this.#charges[plugin]!.times.length
      const next =
        count < LIMIT
          ? `After ${LIMIT} times in a row the Core starts without it.`
          : 'The Core starts without it.'
      return { plugin, message: `The Core died while this plugin ${deed}. That was time ${count}. ${next}` }
    })
  }

  #keep(isKept: (entry: [string, CrashCharges[string]]) => boolean): void {
    const entries = Object.entries(this.#charges)
    const kept = entries.filter(isKept)
    if (kept.length === entries.length) return
    this.#charges = Object.fromEntries(kept)
    this.#write()
  }

  #write(): void {
    try {
      writeCrashCharges(this.#db, this.#charges)
    } catch (error) {
      if (!(error instanceof StorageTrouble)) throw error
      this.#onUnwritten(error)
    }
  }
}

/** Whoever was inside; else those that were being loaded; else, of a blocked loop, whoever ran last. */
function suspectsOf({ inside, loading, last, blockedMs }: Death): [Work, deed: string][] {
  const how = blockedMs === 0 ? '' : ` and blocked the event loop for ${blockedMs} ms`
  if (inside !== null) return [[inside, `ran ${nameOf(inside)}${how}`]]
  if (loading.length === 1) return loading.map((work) => [work, `was being loaded (${work.label})${how}`])
  if (loading.length > 1)
    return loading.map((work) => [work, `and ${loading.length - 1} others were being loaded${how}`])
  return blockedMs > 0 && last !== null ? [[last, `had run last, ${nameOf(last)},${how}`]] : []
}

// Tells each turn of the sun once: across swaps, restarts, a suspended machine, and clocks that are set.

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '@home-console/sdk'
import { type Place, type Turning, turnsBetween } from './sky.ts'

/** A turn that passed longer ago is no news any more. */
export const LATE_MS = 3_600_000

export class Herald {
  readonly #file: string
  readonly #log: Logger
  /** Up to when all is told, in ms since the epoch. */
  #told: number | undefined

  /** @param folder where it keeps what it told last: a few writes a day */
  constructor(folder: string, log: Logger) {
    this.#file = join(folder, 'told.txt')
    this.#log = log
  }

  /** Begins anew from this moment: what was before it, at another place, is not told. */
  begin(now: number): void {
    this.#keep(now)
  }

  /** What has happened at a place and is not told yet, in order. Each is given once. */
  news(now: number, place: Place): Turning[] {
    this.#told ??= this.#read()
    if (this.#told === undefined) this.begin(now)
    const told = this.told
    // Told in a future that was none, by a clock that has been put right since: that does not silence the present.
    const since = told > now + LATE_MS ? now : Math.max(told, now - LATE_MS)
    const turns = turnsBetween(since, now, place)
    // A clock that is set back a little passes the same turn twice; it is told the first time.
    const last = turns.at(-1)
    if (last === undefined) this.#told = since
    else this.#keep(last.at)
    return turns
  }

  /** Ms since the epoch up to which all is told. */
  get told(): number {
    return this.#told ?? 0
  }

  #read(): number | undefined {
    try {
      const time = Date.parse(readFileSync(this.#file, 'utf8').trim())
      return Number.isNaN(time) ? undefined : time
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#log.warn(`Could not read what was told last: ${(error as Error).message}`)
      return undefined
    }
  }

  /** At once and whole: the next version, or the next start, must find it. */
  #keep(told: number): void {
    this.#told = told
    try {
      writeFileSync(`${this.#file}.new`, new Date(told).toISOString(), { flush: true })
      renameSync(`${this.#file}.new`, this.#file)
    } catch (error) {
      this.#log.warn(`A turn of the sun may be told again after a restart: ${(error as Error).message}`)
    }
  }
}

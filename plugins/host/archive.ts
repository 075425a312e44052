// What was measured, on the disk: every sample of the last hour, the last week by the minute, ten years by the hour.

import type { Db } from '@home-console/sdk'
import type { Sample } from './contract.ts'
import { type Metric, metrics } from './metrics.ts'
import { Ring, type RowOf, startOf } from './ring.ts'
import { type Stat, merged, statOf } from './stat.ts'
import * as tables from './tables.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** In ms. */
export const resolutions = { second: 1_000, minute: MINUTE, hour: HOUR } as const

export type Resolution = keyof typeof resolutions

/** A metric in the second, minute or hour that begins at `start`, in ms since 1970. */
export interface Point {
  start: number
  stat: Stat
}

/** What is asked of a metric: from the second, minute or hour that a moment belongs to, until another moment. */
export interface Question {
  readonly metric: Metric
  readonly resolution: Resolution
  /** In ms since 1970, as is `until`. */
  readonly from: number
  readonly until: number
}

/** One a second: only a clock that is set back again and again would bring more into a minute. */
const MOST_A_MINUTE = 60

/**
 * At most 60 + 10,080 + 87,660 rows, which are 51 MB and never more than 80; a day writes some 25 MB, the journal's among
 * them, in 1,440 transactions (both measured in the test). What is written is merged with what is there, so that a minute
 * in which the plugin was restarted, or that a clock brings twice, is one row all the same.
 */
export class Archive {
  readonly #db: Db<typeof tables>
  readonly #samples: Ring<typeof tables.samples>
  readonly #minutes: Ring<typeof tables.minutes>
  readonly #hours: Ring<typeof tables.hours>

  constructor(db: Db<typeof tables>) {
    this.#db = db
    this.#samples = new Ring(db, tables.samples, { step: MINUTE, slots: 60 })
    this.#minutes = new Ring(db, tables.minutes, { step: MINUTE, slots: 7 * 24 * 60 })
    this.#hours = new Ring(db, tables.hours, { step: HOUR, slots: 87_660 })
  }

  /** All of them in one transaction, or none when it throws. @throws Problem `storage_failed` */
  write(samples: readonly Sample[]): void {
    this.#db.transaction(() => {
      for (const [start, taken] of byStart(samples, MINUTE)) {
        const before = this.#samples.get(start)?.samples ?? []
        this.#samples.put({ start, samples: [...before, ...taken].slice(-MOST_A_MINUTE) })
      }
      for (const ring of [this.#minutes, this.#hours]) {
        for (const [start, taken] of byStart(samples, ring.step)) {
          const before = ring.get(start)
          const row = { start } as RowOf<typeof tables.minutes>
          for (const metric of metrics) row[metric] = total(taken, metric, before?.[metric])
          ring.put(row)
        }
      }
    })
  }

  /** The samples taken from a moment until another, oldest first. There are none from before the last hour. */
  samples(from: number, until: number): Sample[] {
    return this.#samples
      .between(from, until, 'samples')
      .flatMap((row) => row.samples)
      .map((sample) => ({ sample, time: Date.parse(sample.time) }))
      .filter(({ time }) => time >= from && time < until)
      .sort((a, b) => a.time - b.time)
      .map(({ sample }) => sample)
  }

  /** Oldest first; none where nothing was known. @param unwritten samples that count as well */
  read({ metric, resolution, from, until }: Question, unwritten: readonly Sample[] = []): Point[] {
    const step = resolutions[resolution]
    const begin = startOf(from, step)
    const stats = new Map<number, Stat | null>()
    if (resolution !== 'second') {
      const ring = resolution === 'minute' ? this.#minutes : this.#hours
      for (const row of ring.between(from, until, 'start', metric)) stats.set(row.start, row[metric])
    }
    const samples = resolution === 'second' ? [...this.samples(begin, until), ...unwritten] : unwritten
    for (const [start, taken] of byStart(samples, step)) {
      if (start >= begin && start < until) stats.set(start, total(taken, metric, stats.get(start)))
    }
    return [...stats]
      .flatMap(([start, stat]) => (stat === null ? [] : { start, stat }))
      .sort((a, b) => a.start - b.start)
  }
}

function byStart(samples: readonly Sample[], step: number): Map<number, Sample[]> {
  return Map.groupBy(samples, ({ time }) => startOf(Date.parse(time), step))
}

function total(samples: readonly Sample[], metric: Metric, before: Stat | null = null): Stat | null {
  return samples.reduce((stat, sample) => merged(stat, statOf(sample[metric])), before)
}

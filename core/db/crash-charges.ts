// Which plugins ran when the Core died: read at the start, written only when that changes.

import * as v from 'valibot'
import type { CoreDatabase } from './core-database.ts'
import { readSetting, writeSetting } from './setting.ts'

const Charges = v.record(
  v.string(),
  v.object({
    /** Of the plugin's files as they were. */
    digest: v.string(),
    /** What it did when the Core died the last time, as the end of a sentence. */
    deed: v.string(),
    /** When the Core died, in a row, in ms since the epoch. */
    times: v.array(v.number()),
  }),
)

/** By the plugin's id. */
export type CrashCharges = v.InferOutput<typeof Charges>

const KEY = 'crash-charges'

export function readCrashCharges(db: CoreDatabase): CrashCharges {
  const stored = readSetting(db, KEY)
  return v.is(Charges, stored) ? stored : {}
}

/** They are on the disk when this returns. @throws StorageTrouble */
export function writeCrashCharges(db: CoreDatabase, value: CrashCharges): void {
  writeSetting(db, KEY, value)
}

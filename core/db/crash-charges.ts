// Which plugins ran when the Core died: read at the start, written only when that changes.

import { eq } from 'drizzle-orm'
import * as v from 'valibot'
import type { CoreDatabase } from './core-database.ts'
import { settings } from './schema.ts'
import { keep } from './storage-trouble.ts'

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
  const stored = db.select().from(settings).where(eq(settings.key, KEY)).get()?.value
  return v.is(Charges, stored) ? stored : {}
}

/** They are on the disk when this returns. @throws StorageTrouble */
export function writeCrashCharges(db: CoreDatabase, value: CrashCharges): void {
  keep(db, () =>
    db
      .insert(settings)
      .values({ key: KEY, value })
      .onConflictDoUpdate({ target: settings.key, set: { value } })
      .run(),
  )
}

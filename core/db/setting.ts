// Single values of the house, as JSON under a key: read at the start, written through.

import { eq } from 'drizzle-orm'
import type { CoreDatabase } from './core-database.ts'
import { settings } from './schema.ts'
import { keep } from './storage-trouble.ts'

/** Undefined where nothing was ever set. */
export function readSetting(db: CoreDatabase, key: string): unknown {
  return db.select().from(settings).where(eq(settings.key, key)).get()?.value
}

/** It is on the disk when this returns. @throws StorageTrouble */
export function writeSetting(db: CoreDatabase, key: string, value: unknown): void {
  keep(db, () =>
    db
      .insert(settings)
      .values({ key, value })
      .onConflictDoUpdate({ target: settings.key, set: { value } })
      .run(),
  )
}

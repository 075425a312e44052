// The Core's database: the only file that opens SQLite.

import { Database } from 'bun:sqlite'
import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { drizzle, type BunSQLiteDatabase } from 'drizzle-orm/bun-sqlite'
import { migrate } from 'drizzle-orm/bun-sqlite/migrator'
import * as schema from './schema.ts'

export type CoreDatabase = BunSQLiteDatabase<typeof schema>

const MIGRATIONS = join(import.meta.dir, '../../drizzle')

/** "HOME" in ASCII: tells a database of ours from a stray file (https://sqlite.org/pragma.html#pragma_application_id). */
const APPLICATION_ID = 0x48_4f_4d_45

/**
 * Opens `core.sqlite` in the data folder and brings it up to date.
 *
 * @throws Error when the file is not a database of ours, or cannot be opened or migrated
 */
export function openCoreDatabase(dataDir: string): { db: CoreDatabase; close: () => void } {
  const file = join(dataDir, 'core.sqlite')
  if (!existsSync(file)) createWhole(file)
  const sqlite = new Database(file, { readwrite: true, strict: true })
  try {
    // What the owner decided must survive a power cut: FULL.
    sqlite.run(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON',
    )
    const id = sqlite.query<{ application_id: number }, []>('PRAGMA application_id').get()?.application_id
    if (id !== APPLICATION_ID) {
      throw new Error(
        `it is no Home Console database (application_id ${id}). Put a backup in its place, or move it away to begin anew.`,
      )
    }
    const db = drizzle(sqlite, { schema })
    migrate(db, { migrationsFolder: MIGRATIONS })
    return { db, close: () => sqlite.close() }
  } catch (error) {
    sqlite.close()
    throw new Error(`${file} cannot be used: ${(error as Error).message}`, { cause: error })
  }
}

/** There is a database with our mark, or none: a start that fails half-way leaves nothing that the next would refuse. */
function createWhole(file: string): void {
  const beside = `${file}.new`
  rmSync(beside, { force: true })
  const sqlite = new Database(beside, { create: true })
  try {
    sqlite.run(`PRAGMA application_id = ${APPLICATION_ID}`)
  } finally {
    sqlite.close()
  }
  chmodSync(beside, 0o600)
  renameSync(beside, file)
}

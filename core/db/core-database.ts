// The Core's database: made once, and from then on opened only when it is what it was.

import { Database } from 'bun:sqlite'
import { chmodSync, existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { drizzle, type BunSQLiteDatabase } from 'drizzle-orm/bun-sqlite'
import { migrate } from 'drizzle-orm/bun-sqlite/migrator'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { damageIn, valueOf } from './look.ts'
import { removeDatabase, sizeOf, troubleWith } from './plugin-file.ts'
import * as schema from './schema.ts'
import { StartRefusal } from './start-refusal.ts'
import { syncFolder } from './whole-file.ts'

export type CoreDatabase = BunSQLiteDatabase<typeof schema> & { readonly $client: Database }

/** In the data folder: who started there last. Where there is one, there was a database. */
export const LAST_START = 'last-start.json'

const MIGRATIONS = join(import.meta.dir, '../../drizzle')

/** "HOME" in ASCII: tells a database of ours from a stray file (https://sqlite.org/pragma.html#pragma_application_id). */
const APPLICATION_ID = 0x48_4f_4d_45

/** The first two bytes of a write-ahead log, whatever byte order it has (https://sqlite.org/fileformat2.html#walformat). */
const WAL_MAGIC = 0x37_7f

const OR_ANEW = `Put a backup in its place, or move it and ${LAST_START} away to begin anew.`

/**
 * Opens `core.sqlite` in the data folder and brings it up to date. Only where no Core ever started is it made anew: a house
 * whose database is lost must not come up as one that nobody has claimed.
 *
 * @throws StartRefusal saying what is wrong and what to do
 */
export function openCoreDatabase(dataDir: string): { db: CoreDatabase; close: () => void } {
  const file = join(dataDir, 'core.sqlite')
  let sqlite: Database | undefined
  try {
    if (sizeOf(file) === null) makeFirst(dataDir, file)
    // SQLite would take it for a new one, and remove the log that may hold all that there was.
    if (sizeOf(file) === 0) throw damaged(file, 'is empty')
    assertLog(`${file}-wal`)
    sqlite = new Database(file, { readwrite: true, strict: true })
    // Only who goes past the Core makes anyone wait here, and waiting blocks the loop.
    sqlite.run('PRAGMA busy_timeout = 1000')
    assertSound(sqlite, file)
    // What the owner decided must survive a power cut: FULL. The log is cut back whenever it was written into the file.
    sqlite.run('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 4194304')
    // A file that can only be read opens as well.
    sqlite.run('BEGIN IMMEDIATE; ROLLBACK')
    const db = drizzle(sqlite, { schema })
    // With foreign keys, a table that is rebuilt would take the rows that point to it along.
    migrate(db, { migrationsFolder: MIGRATIONS })
    sqlite.run('PRAGMA foreign_keys = ON')
    assertReadable(sqlite, file)
    const opened = sqlite
    return {
      db,
      close() {
        try {
          // A statement that nobody finalized would keep the log.
          opened.run('PRAGMA wal_checkpoint(TRUNCATE)')
        } catch {
          // There is no room in the file: the log still has it.
        }
        opened.close()
      },
    }
  } catch (error) {
    sqlite?.close()
    throw refusalOf(error, file)
  }
}

/** There is a database with our mark, or none: a start that fails half-way leaves nothing that the next would refuse. */
function makeFirst(dataDir: string, file: string): void {
  const trace = [`${file}-wal`, join(dataDir, LAST_START)].find((path) => existsSync(path))
  if (trace !== undefined) {
    throw new StartRefusal(
      'data',
      `${file} is gone, though a Core ran here: there is ${trace}. Put a backup in its place. To begin anew, with nothing that was ever set, move ${trace} away as well.`,
    )
  }
  const beside = `${file}.new`
  removeDatabase(beside)
  const sqlite = new Database(beside, { create: true })
  try {
    sqlite.run(`PRAGMA application_id = ${APPLICATION_ID}`)
  } finally {
    sqlite.close()
  }
  chmodSync(beside, 0o600)
  renameSync(beside, file)
  syncFolder(dataDir)
}

/** SQLite passes over a log that it cannot read, and with it over what was decided last. A power cut leaves zeros at most. */
function assertLog(log: string): void {
  if ((sizeOf(log) ?? 0) === 0) return
  const magic = readFileSync(log).readUInt16BE(0)
  if (magic === WAL_MAGIC || magic === 0) return
  throw new StartRefusal(
    'data',
    `${log} is damaged: what was set last may stand nowhere else. Put a backup of it and of the database in their place, or move it away to go on with what the database has.`,
  )
}

/** Before anything is written: what is not ours stays as it is. */
function assertSound(sqlite: Database, file: string): void {
  const id = valueOf(sqlite, 'PRAGMA application_id')
  if (id !== APPLICATION_ID)
    throw damaged(file, `is no database of a Home Console (application_id ${String(id)})`)
  const damage = damageIn(sqlite)
  if (damage !== null) throw damaged(file, `is damaged (${damage})`)
  if (valueOf(sqlite, `SELECT count(*) FROM sqlite_schema WHERE name = '__drizzle_migrations'`) === 0) return
  const last = Number(valueOf(sqlite, 'SELECT max(created_at) FROM __drizzle_migrations'))
  const known = readMigrationFiles({ migrationsFolder: MIGRATIONS }).at(-1)!.folderMillis
  if (last > known) {
    throw new StartRefusal(
      'data',
      `${file} was written by a newer Home Console. Update this one, or put the backup in its place that was made before the update.`,
    )
  }
}

/** A row may be damaged where the tree that holds it is not. */
function assertReadable(sqlite: Database, file: string): void {
  const bad = valueOf(
    sqlite,
    `SELECT (SELECT count(*) FROM settings WHERE NOT json_valid(value))
          + (SELECT count(*) FROM plugins WHERE NOT json_valid(coalesce(pinned, '{}')))`,
  )
  if (bad !== 0) throw damaged(file, `is damaged (${String(bad)} rows cannot be read)`)
}

function damaged(file: string, what: string): StartRefusal {
  return new StartRefusal('data', `${file} ${what}. ${OR_ANEW}`)
}

function refusalOf(error: unknown, file: string): StartRefusal {
  if (error instanceof StartRefusal) return error
  const code = String((error as { code?: unknown }).code)
  if (/^SQLITE_(CORRUPT|NOTADB)|^SQLITE_IOERR_SHORT_READ/.test(code))
    return new StartRefusal('data', `${file} is damaged (${code}). ${OR_ANEW}`, error)
  const { message } = error as Error
  const trouble = troubleWith(error, file)
  // What is no trouble of the disk's is one of what stands in the file, such as a table that is missing.
  return new StartRefusal(
    trouble === null ? 'data' : 'folder',
    trouble ?? `${file} cannot be used: ${message}. ${OR_ANEW}`,
    error,
  )
}

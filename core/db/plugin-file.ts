// One plugin's SQLite file: made whole or not at all, and opened only when it is what it should be.

import { Database } from 'bun:sqlite'
import { chmodSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { damageIn, valueOf } from './look.ts'
import { syncFolder } from './whole-file.ts'

/** "HOMP" in ASCII: tells a plugin's database from a stray file, and a new one from one that was emptied. */
const APPLICATION_ID = 0x48_4f_4d_50
/** Of the tables that are the Core's own in it. */
const FORMAT = 1

/** Up to so many bytes a file is looked through when it is first opened; a larger one would hold the loop for too long. */
const LOOKED_THROUGH = 16 * 1024 * 1024

/** The Core's own tables: no plugin's schema has such names. */
const TABLES = `
  CREATE TABLE home_console_kv (
    key TEXT PRIMARY KEY, value TEXT NOT NULL, sealed INTEGER NOT NULL, expires_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX home_console_kv_expiry ON home_console_kv (expires_at) WHERE expires_at IS NOT NULL;
  CREATE TABLE home_console_migrations (
    tag TEXT PRIMARY KEY, idx INTEGER NOT NULL, hash TEXT NOT NULL, applied_at INTEGER NOT NULL,
    only_adds INTEGER NOT NULL, take_back TEXT
  ) STRICT;
`

/** Why a database cannot be used: what happened, where, and what to do. */
export class DataRefusal extends Error {
  override readonly name = 'DataRefusal'
  readonly code: string
  /** Absolute: where it shows. */
  readonly file: string

  constructor(code: string, file: string, message: string) {
    super(message)
    this.code = code
    this.file = file
  }
}

/**
 * Opens a plugin's file, and makes it where there is none.
 *
 * @param look whether to look through it for damage
 * @param mend what is done first, once it is known to be sound
 * @throws DataRefusal `data_damaged`, `data_newer` or `data_unusable`
 */
export function openPluginFile(file: string, look: boolean, mend?: (sqlite: Database) => void): Database {
  let sqlite: Database | undefined
  try {
    if (sizeOf(file) === null) makeWhole(file)
    sqlite = new Database(file, { readwrite: true, strict: true })
    // Only who goes past the Core makes anyone wait here, and waiting blocks the loop.
    sqlite.run('PRAGMA busy_timeout = 1000; PRAGMA foreign_keys = ON')
    assertOurs(sqlite, file, look && sizeOf(file)! <= LOOKED_THROUGH)
    sqlite.run('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 4194304')
    mend?.(sqlite)
    return sqlite
  } catch (error) {
    sqlite?.close()
    throw refusalOf(error, file)
  }
}

/** In words what SQLite or the file system says of the file itself; null for a mistake in a query. */
export function troubleWith(error: unknown, file: string): string | null {
  const code = String((error as { code?: unknown }).code)
  const trouble = TROUBLES.find(([codes]) => codes.test(code))
  return trouble === undefined ? null : `${file} ${trouble[1]} (${code}). ${trouble[2]}`
}

const TROUBLES: readonly [codes: RegExp, is: string, todo: string][] = [
  [
    /^SQLITE_(CORRUPT|NOTADB)|^SQLITE_IOERR_SHORT_READ/,
    'is damaged',
    'Put a backup in its place, or move it away to begin anew.',
  ],
  [/^(SQLITE_FULL|ENOSPC|EDQUOT)/, 'cannot grow: the disk is full', 'Make room; then it goes on by itself.'],
  [/^(SQLITE_READONLY|EROFS)/, 'cannot be written', 'Make the file, its folder and its disk writable.'],
  [/^SQLITE_(BUSY|LOCKED)/, 'is locked by somebody else', 'End the other program that writes to it.'],
  [
    /^(SQLITE_(CANTOPEN|IOERR|PERM|AUTH|PROTOCOL)|E[A-Z]+$)/,
    'cannot be read or written',
    'Look at the disk and at who may use the file.',
  ],
]

/** Why a file cannot be used, whatever was thrown. */
export function refusalOf(error: unknown, file: string): DataRefusal {
  if (error instanceof DataRefusal) return error
  const trouble = troubleWith(error, file)
  const code = trouble?.includes(' is damaged ') ? 'data_damaged' : 'data_unusable'
  return new DataRefusal(code, file, trouble ?? `${file} cannot be used: ${String(error)}`)
}

function assertOurs(sqlite: Database, file: string, look: boolean): void {
  const size = sizeOf(file)
  if (size === 0 || valueOf(sqlite, 'PRAGMA application_id') !== APPLICATION_ID) {
    throw new DataRefusal(
      'data_damaged',
      file,
      `${file} is ${size === 0 ? 'empty' : 'no database of a plugin'}, so its data is lost or elsewhere. Put a backup in its place, or move it away to begin anew.`,
    )
  }
  const format = Number(valueOf(sqlite, 'PRAGMA user_version'))
  if (format > FORMAT) {
    throw new DataRefusal(
      'data_newer',
      file,
      `${file} was written by a newer Home Console (format ${format}; this one knows ${FORMAT}). Update it, or put a backup of the file in its place.`,
    )
  }
  const damage = look ? damageIn(sqlite, 'quick_check') : null
  if (damage !== null) {
    throw new DataRefusal(
      'data_damaged',
      file,
      `${file} is damaged: ${damage}. Put a backup in its place, or move it away to begin anew.`,
    )
  }
}

/** A start that fails half-way leaves nothing that the next would take for a database. */
function makeWhole(file: string): void {
  const beside = `${file}.new`
  removeDatabase(beside)
  const sqlite = new Database(beside, { create: true })
  try {
    // Freed pages can be given back to the disk only if it is said before the first table.
    sqlite.run(`PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = ${APPLICATION_ID}`)
    sqlite.run(TABLES)
    sqlite.run(`PRAGMA user_version = ${FORMAT}`)
  } finally {
    sqlite.close()
  }
  chmodSync(beside, 0o600)
  renameSync(beside, file)
  syncFolder(dirname(file))
}

/** A database goes with what SQLite keeps beside it. */
export function removeDatabase(file: string): void {
  for (const ending of ['-wal', '-shm', '-journal', '']) rmSync(file + ending, { force: true })
}

/** In bytes; null where there is none. */
export function sizeOf(file: string): number | null {
  return statSync(file, { throwIfNoEntry: false })?.size ?? null
}

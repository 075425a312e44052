// The data folder belongs to one Core at a time: a lock that the kernel frees when its process dies, however it dies.

import { Database } from 'bun:sqlite'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import { LAST_START, openCoreDatabase, type CoreDatabase } from './core-database.ts'
import { StartRefusal } from './start-refusal.ts'

/** Stays empty: not even a full disk keeps a Core from locking it. */
const LOCK = 'core.lock'

const LastStart = v.object({
  /** As its own container counts, if it is in one. */
  pid: v.number(),
  host: v.string(),
  since: v.string(),
  url: v.nullable(v.string()),
})

export interface DataFolder {
  /** Gives the folder back when it refuses. @throws StartRefusal */
  openDatabase(): { db: CoreDatabase; close: () => void }
  /** Says at which address the Core is that has the folder, for whoever finds it locked. */
  sign(url: string): void
  release(): void
}

/**
 * Makes the folder where there is none, and locks it.
 *
 * @throws StartRefusal when it cannot be written, or another Core has it
 */
export function takeDataFolder(dir: string): DataFolder {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw unwritable(dir, error)
  }
  const lock = lockFile(dir)
  const since = new Date().toISOString()
  const sign = (url: string | null) => {
    const text = JSON.stringify({ pid: process.pid, host: hostname(), since, url })
    try {
      writeFileSync(join(dir, LAST_START), text, { mode: 0o600 })
    } catch {
      // It helps people, and the lock does not need it: a full disk is no reason not to start.
    }
  }
  return {
    openDatabase() {
      try {
        const opened = openCoreDatabase(dir)
        sign(null)
        return opened
      } catch (error) {
        lock.close()
        throw error
      }
    },
    sign,
    release: () => lock.close(),
  }
}

/**
 * SQLite's own lock on a file of its own, and nothing in it: `fcntl(2)`, on every system that Bun runs on. It holds across
 * containers, as it hangs on the file. Nobody in this process may open the file beside it: closing it would free the lock.
 */
function lockFile(dir: string): Database {
  const file = join(dir, LOCK)
  let sqlite: Database | undefined
  try {
    sqlite = new Database(file, { create: true, readwrite: true })
    chmodSync(file, 0o600)
    // Without a journal in memory, SQLite would write one to begin with.
    sqlite.run('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return sqlite
  } catch (error) {
    sqlite?.close()
    const isTaken = String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY')
    throw isTaken ? taken(dir) : unwritable(dir, error)
  }
}

function taken(dir: string): StartRefusal {
  let who = 'Who it is cannot be read.'
  try {
    const { pid, host, since, url } = v.parse(
      LastStart,
      JSON.parse(readFileSync(join(dir, LAST_START), 'utf8')),
    )
    who = `It is process ${pid} on ${host}, since ${since}${url === null ? '' : `, at ${url}`}.`
  } catch {
    // It has not got so far, or the disk was full.
  }
  return new StartRefusal(
    'taken',
    `${dir} is in use by another Core. ${who} Stop it, or give this one a DATA_DIR of its own.`,
  )
}

function unwritable(dir: string, error: unknown): StartRefusal {
  return new StartRefusal(
    'folder',
    `${dir} cannot be written: ${(error as Error).message}. Make the folder and its disk writable for the user that runs the Core, or set DATA_DIR to another.`,
    error,
  )
}

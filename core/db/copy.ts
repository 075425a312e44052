// Copies a database that others write to meanwhile, and looks a copy through. Blocks: it is for a process of its own.

import { Database } from 'bun:sqlite'
import { backup, DatabaseSync } from 'node:sqlite'
import { damageIn, valueOf } from './look.ts'

/** What tells one database from another: whose it is, and which form it has. */
export interface Schema {
  readonly applicationId: number
  readonly userVersion: number
}

/**
 * Copies what is committed at one moment. Writers do not wait for it.
 *
 * @throws Error when the source cannot be read or the copy not be written; what is written of it is to be removed
 */
export async function copyDatabase(from: string, to: string): Promise<void> {
  const source = new DatabaseSync(from, { readOnly: true, timeout: 5_000 })
  try {
    // In one step: between two, somebody else's commit would begin it anew, in a busy house for ever.
    await backup(source, to, { rate: 2 ** 31 - 1 })
  } finally {
    source.close()
  }
}

/**
 * Looks through a database that nobody else uses.
 *
 * @throws Error saying what is damaged
 */
export function lookThrough(file: string): Schema {
  const sqlite = new Database(file, { readwrite: true })
  try {
    const damage = damageIn(sqlite)
    if (damage !== null) throw new Error(`it is damaged: ${damage}`)
    const read = (pragma: string) => Number(valueOf(sqlite, `PRAGMA ${pragma}`))
    return { applicationId: read('application_id'), userVersion: read('user_version') }
  } finally {
    sqlite.close()
  }
}

// What the disk or the file does to a write of the Core's: nothing of it happened, and whoever asked is told.

import type { CoreDatabase } from './core-database.ts'
import { troubleWith } from './plugin-file.ts'

export class StorageTrouble extends Error {
  override readonly name = 'StorageTrouble'
  /** Of the book of errors. */
  readonly code: 'disk_full' | 'storage_failed'

  constructor(code: StorageTrouble['code'], message: string, cause: unknown) {
    super(message, { cause })
    this.code = code
  }
}

/** Runs one write to the database. It is on the disk when this returns, and not there when it throws. @throws StorageTrouble */
export function keep<T>(db: CoreDatabase, write: () => T): T {
  return keepIn(db.$client.filename, write)
}

/**
 * Runs what writes to a file.
 *
 * @throws StorageTrouble for what the disk says; all else as it is
 */
export function keepIn<T>(file: string, write: () => T): T {
  try {
    return write()
  } catch (error) {
    const trouble = troubleWith(error, file)
    if (trouble === null) throw error
    const isFull = /^(SQLITE_FULL|ENOSPC|EDQUOT)$/.test(String((error as { code?: unknown }).code))
    throw new StorageTrouble(isFull ? 'disk_full' : 'storage_failed', trouble, error)
  }
}

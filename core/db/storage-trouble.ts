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

/**
 * Runs one write. It is on the disk when this returns, and not there when it throws.
 *
 * @throws StorageTrouble
 */
export function keep<T>(db: CoreDatabase, write: () => T): T {
  try {
    return write()
  } catch (error) {
    const trouble = troubleWith(error, db.$client.filename)
    if (trouble === null) throw error
    const isFull = (error as { code?: unknown }).code === 'SQLITE_FULL'
    throw new StorageTrouble(isFull ? 'disk_full' : 'storage_failed', trouble, error)
  }
}

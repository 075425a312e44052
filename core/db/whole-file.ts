// Writes a file that matters: it is there whole or as it was, whenever the power goes.

import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** A text that is on the disk already, beside the file that it is to replace. */
export interface Prepared {
  /** Puts it in the place of the file, in one step. */
  commit(): void
  /** Throws it away. Does nothing after the commit. */
  discard(): void
}

/**
 * Writes the text beside the file: after this, nothing that a full disk refuses is left to do.
 *
 * @throws Error when it cannot be written whole
 */
export function prepareFile(file: string, text: string | Uint8Array, mode = 0o600): Prepared {
  const beside = join(dirname(file), `.${basename(file)}.new`)
  let isWaiting = true
  const discard = () => {
    if (isWaiting) rmSync(beside, { force: true })
    isWaiting = false
  }
  try {
    const descriptor = openSync(beside, 'w', mode)
    try {
      const bytes = Buffer.from(text as string)
      // A full disk takes what it can, and says so only to whoever comes with the rest.
      for (let at = 0; at < bytes.length; at += writeSync(descriptor, bytes, at));
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    discard()
    throw error
  }
  return {
    commit() {
      renameSync(beside, file)
      isWaiting = false
      syncFolder(dirname(file))
    },
    discard,
  }
}

/** @throws Error when it cannot be written whole */
export function writeWhole(file: string, text: string | Uint8Array, mode?: number): void {
  prepareFile(file, text, mode).commit()
}

let asides = 0

/**
 * The same while the loop goes on. Many files may be written at once, and some of them be one: whoever needs their names
 * on the disk has their folder synced when all are written.
 *
 * @throws what the file system says
 */
export async function writeWholeAside(file: string, content: Uint8Array | string): Promise<void> {
  const beside = `${file}.${++asides}.new`
  const handle = await open(beside, 'w', 0o600)
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(beside, file)
}

/** A name is on the disk when its folder is. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

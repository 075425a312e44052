// Reads a service.json from the disk, whatever lies there in its place.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'

/** What is longer is no service.json; so much of it says so. */
const MOST_BYTES = 512 * 1_024

/** @returns its text; null where there is no file, or none that can be read: a pipe would hold up the house for ever */
export function readServiceFile(path: string): string | null {
  let file: number
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch {
    return null
  }
  try {
    const stats = fstatSync(file)
    if (!stats.isFile()) return null
    const bytes = Buffer.allocUnsafe(Math.min(stats.size, MOST_BYTES))
    return bytes.toString('utf8', 0, readSync(file, bytes, 0, bytes.length, 0))
  } catch {
    return null
  } finally {
    closeSync(file)
  }
}

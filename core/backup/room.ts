// How much may be written: a backup never takes the last of a disk that the house lives on.

import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Below the data folder: copies that are on their way into a backup. */
export const STAGE = '.backup'

/** What is left to the house, in bytes. */
const RESERVE = 64 * 1024 * 1024

/** The disk has no room for it. */
export class NoRoom extends Error {
  override readonly name = 'NoRoom'
}

/**
 * @param folder absolute; where something is to be written
 * @throws NoRoom
 */
export async function assertRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (bytes + RESERVE <= free) return
  const mb = (count: number) => `${Math.ceil(count / 1024 / 1024).toLocaleString('en')} MiB`
  throw new NoRoom(
    `${folder} has ${mb(free)} free, and ${mb(bytes)} are needed besides ${mb(RESERVE)} for the house. Make room, or name another folder.`,
  )
}

/** Says of what the disk refused that it is full. */
export function roomFor(error: unknown, file: string): unknown {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'SQLITE_FULL'
    ? new NoRoom(`${dirname(file)} is full. Make room, or name another folder.`)
    : error
}

// Reads the kernel's small text files, in which "there is none" has many names.

import { readFile, readdir } from 'node:fs/promises'

/** What /proc and /sys answer for a value that this machine has not, or has not now. */
const absent = new Set([
  'ENOENT',
  'ENOTDIR',
  'EINVAL',
  'ENODATA',
  'ENODEV',
  'ENXIO',
  'EIO',
  'EAGAIN',
  'EOPNOTSUPP',
])

/**
 * The text of a file without the space around it, or null where there is none.
 * @throws what reading throws for any other reason, such as EACCES
 */
export async function textOf(path: string): Promise<string | null> {
  return orNull(readFile(path, 'utf8').then((text) => text.trim()))
}

/** The names in a folder, in their natural order; none where there is no such folder. */
export async function namesIn(path: string): Promise<string[]> {
  const names = (await orNull(readdir(path))) ?? []
  const key = (name: string) => name.replaceAll(/\d+/g, (digits) => digits.padStart(12, '0'))
  // A collator would bring its tables along, some MB, for names that are ASCII.
  return names.sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

async function orNull<Answer>(reading: Promise<Answer>): Promise<Answer | null> {
  try {
    return await reading
  } catch (error) {
    if (absent.has((error as NodeJS.ErrnoException).code ?? '')) return null
    throw error
  }
}

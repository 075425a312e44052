// Reads a backup that nobody vouches for, and lays it out in a folder where it can do no harm.

import { mkdir, open, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { lookThrough } from '../db/copy.ts'
import { entriesOf, isOfSystem } from './archive.ts'
import {
  assertPlace,
  assertSame,
  BackupRefused,
  MANIFEST,
  parseManifest,
  type Entry,
  type Manifest,
} from './manifest.ts'
import { assertRoom, NoRoom } from './room.ts'

/** Nobody's house has more files; each costs memory until the end is read. */
const MOST_FILES = 200_000
const MOST_MANIFEST = 64 * 1024 * 1024
/** "HOME" in ASCII, as in core/db. */
const CORE_ID = 0x48_4f_4d_45

export interface Reading {
  /** Of this Home Console. */
  readonly version: string
  /** Absolute, empty: where to lay it out. Without it, it is only read. */
  readonly into?: string
}

/**
 * Reads all of it, and checks every byte against the manifest; what is laid out is on the disk when this is done.
 *
 * @throws BackupRefused, NoRoom
 */
export async function readBackup(file: string, reading: Reading): Promise<Manifest> {
  const { manifest, found } = await readEntries(file, reading).catch((error: unknown) => {
    throw isOfHouse(error)
      ? error
      : new BackupRefused(`The file is no backup, or damaged: ${(error as Error).message}`)
  })
  assertSame(manifest, found)
  const { into } = reading
  if (into !== undefined) {
    assertDatabases(manifest, into)
    await syncFolders(into)
  }
  return manifest
}

/** Whether it is said already what is wrong, or is no fault of the file. */
function isOfHouse(error: unknown): boolean {
  return error instanceof BackupRefused || error instanceof NoRoom || isOfSystem(error)
}

async function readEntries(
  file: string,
  { version, into }: Reading,
): Promise<{ manifest: Manifest; found: Map<string, Entry> }> {
  const found = new Map<string, Entry>()
  let manifest: Manifest | undefined
  for await (const { header, body } of entriesOf(file)) {
    const { name, size, type } = header
    assertPlace(name)
    if (type !== 'file' || header.linkname) throw new BackupRefused(`The backup has a ${type}: ${name}`)
    if (manifest !== undefined || found.has(name) || found.size >= MOST_FILES)
      throw new BackupRefused(`The backup has an entry too many: ${name}`)
    if (name === MANIFEST) {
      if (size > MOST_MANIFEST) throw new BackupRefused('The manifest of the backup is too large to be one.')
      manifest = parseManifest(await new Response(body).text(), version)
    } else {
      const to = into === undefined ? null : join(into, name)
      found.set(
        name,
        await read(body, header, to).catch((error: unknown) => {
          throw refusalOf(error, name)
        }),
      )
    }
  }
  if (manifest === undefined) throw new BackupRefused('The backup is cut off: its end is missing.')
  return { manifest, found }
}

async function read(
  body: ReadableStream<Uint8Array>,
  { size, mode = 0o600 }: { size: number; mode?: number },
  to: string | null,
): Promise<Entry> {
  const hash = new Bun.CryptoHasher('sha256')
  if (to === null) {
    for await (const chunk of body) hash.update(chunk)
  } else {
    await mkdir(dirname(to), { recursive: true, mode: 0o700 })
    // What it says it is larger than the disk: it is not begun. More than it says is not read.
    await assertRoom(dirname(to), size)
    // Only what is not there yet: no entry writes through another.
    await using handle = await open(to, 'wx', (mode & 0o777) | 0o600)
    for await (const chunk of body) {
      hash.update(chunk)
      await handle.writeFile(chunk)
    }
    await handle.sync()
  }
  return { bytes: size, sha256: hash.digest('hex') }
}

/** What a name does to the folder, such as to stand below a file, is the fault of the backup. */
function refusalOf(error: unknown, name: string): unknown {
  const { code = '' } = error as NodeJS.ErrnoException
  return ['EEXIST', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG', 'EILSEQ'].includes(code)
    ? new BackupRefused(`The backup has an entry that cannot be laid out (${code}): ${JSON.stringify(name)}`)
    : error
}

function assertDatabases({ files }: Manifest, into: string): void {
  for (const [name, { schema }] of Object.entries(files)) {
    const isCore = name === 'data/core.sqlite'
    if (schema === undefined && !isCore && !name.startsWith('data/plugins/')) continue
    try {
      const { applicationId } = lookThrough(join(into, name))
      if (isCore && applicationId !== CORE_ID) throw new Error('it is no database of Home Console')
    } catch (error) {
      throw new BackupRefused(`${name} in the backup cannot be used: ${(error as Error).message}`)
    }
  }
}

async function syncFolders(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await syncFolders(join(folder, entry.name))
  await using handle = await open(folder)
  await handle.sync()
}

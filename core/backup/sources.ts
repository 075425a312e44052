// What belongs to the house: where it is, what it is called in a backup, and how each of it is copied.

import { existsSync } from 'node:fs'
import { constants, copyFile, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { copyDatabase, lookThrough, type Schema } from '../db/copy.ts'
import type { LeftOut } from './manifest.ts'

/** How every SQLite database begins (https://www.sqlite.org/fileformat.html). */
const SQLITE = 'SQLite format 3\0'

export interface Source {
  /** In the archive. */
  readonly name: string
  readonly path: string
}

export const CORE = 'data/core.sqlite'

function isOurDatabase(name: string): boolean {
  return name === CORE || name.startsWith('data/plugins/')
}

/** All that belongs to the house, in an order that is always the same. What cannot be copied is named in `leftOut`. */
export async function* sourcesOf(
  dataDir: string,
  code: readonly string[],
  leftOut: LeftOut[],
): AsyncGenerator<Source> {
  yield { name: CORE, path: join(dataDir, 'core.sqlite') }
  for await (const source of walk(join(dataDir, 'plugins'), 'data/plugins', leftOut))
    if (/^data\/plugins\/[^/]+\.sqlite$/.test(source.name)) yield inForce(source)
  for (const folder of ['config', 'files']) yield* walk(join(dataDir, folder), `data/${folder}`, leftOut)
  // What external services keep that the Core runs: of them, it owns no more than the folder.
  yield* walk(join(dataDir, 'external'), 'data/external', leftOut)
  for (const [index, folder] of code.entries()) yield* walk(folder, `code/${index}`, leftOut, isNoCode)
}

/** While a version that rebuilds its tables is not proven good, the copy from before is the truth. */
function inForce({ name, path }: Source): Source {
  const before = `${path}.before`
  return { name, path: existsSync(before) ? before : path }
}

/** What comes from elsewhere, and can come again. */
function isNoCode(name: string): boolean {
  return name === 'node_modules' || name === '.git'
}

/** The plain files below a folder, in order. A link could lead anywhere, and what else there is cannot be read. */
async function* walk(
  folder: string,
  name: string,
  leftOut: LeftOut[],
  isSkipped: (name: string) => boolean = () => false,
): AsyncGenerator<Source> {
  const found = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') leftOut.push({ path: name, reason: error.message })
    return []
  })
  for (const entry of found.toSorted((one, other) => (one.name < other.name ? -1 : 1))) {
    const source = { name: `${name}/${entry.name}`, path: join(folder, entry.name) }
    if (isSkipped(entry.name)) continue
    if (entry.isDirectory()) yield* walk(source.path, source.name, leftOut, isSkipped)
    else if (!entry.isFile() || entry.name.includes('\\'))
      leftOut.push({ path: source.name, reason: 'It is no plain file.' })
    else if (!(await isBesideDatabase(source.path))) yield source
  }
}

/** Whether a file is what SQLite keeps beside a database: it is part of the copy of that. */
async function isBesideDatabase(path: string): Promise<boolean> {
  const [database, ending] = path.split(/-(?:wal|shm|journal)$/)
  return ending !== undefined && (await looksLikeDatabase(database!).catch(() => false))
}

/**
 * Copies a source as it is at one moment.
 *
 * @returns of a database, which one it is
 */
export async function copySource({ name, path: from }: Source, to: string): Promise<Schema | undefined> {
  if (!isOurDatabase(name) && !(await looksLikeDatabase(from))) {
    // Nobody but the Core reads it meanwhile: what is hashed is what is kept.
    await copyFile(from, to, constants.COPYFILE_FICLONE)
    return undefined
  }
  await copyDatabase(from, to)
  return lookThrough(to)
}

async function looksLikeDatabase(file: string): Promise<boolean> {
  await using handle = await open(file)
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(SQLITE.length), 0, SQLITE.length, 0)
  return bytesRead === SQLITE.length && buffer.toString('latin1') === SQLITE
}

/** With what looking through it left beside it. */
export async function removeCopy(database: string): Promise<void> {
  for (const ending of ['', '-wal', '-shm', '-journal']) await rm(database + ending, { force: true })
}

// Makes one backup: copies what belongs to the house into one file, and reads that again before it counts.

import { copyFile, constants, lstat, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { copyDatabase, lookThrough, type Schema } from '../db/copy.ts'
import { ArchiveWriter } from './archive.ts'
import { FORMAT, MANIFEST, SEALED_KEY, type Entry, type LeftOut, type Manifest } from './manifest.ts'
import { assertRoom, roomFor, STAGE } from './room.ts'
import { readBackup } from './unpack.ts'

/** Of the plugins' own files, in bytes. What does not fit is named. */
const MOST_BYTES = 2 * 1024 ** 3
/** How every SQLite database begins (https://www.sqlite.org/fileformat.html). */
const SQLITE = 'SQLite format 3\0'

export interface Making {
  /** Absolute: the backup that is to be. */
  readonly file: string
  readonly dataDir: string
  /** Folders of plugins whose code is to be in it. */
  readonly code: readonly string[]
  /** The key for secrets, under a passphrase. */
  readonly sealedKey: string | null
  /** Of this Home Console. */
  readonly version: string
  /** RFC 3339 in UTC. */
  readonly madeAt: string
}

export interface Made {
  readonly bytes: number
  readonly files: number
  readonly leftOut: LeftOut[]
}

interface Source {
  /** In the archive. */
  readonly name: string
  readonly path: string
}

/** @throws NoRoom; Error when the Core's own database cannot be copied, or the backup is not what it should be */
export async function makeBackup(making: Making): Promise<Made> {
  const { file, dataDir, code, sealedKey, version, madeAt } = making
  const part = partOf(file)
  const stage = join(dataDir, STAGE)
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await rm(stage, { recursive: true, force: true })
  await mkdir(stage, { recursive: true, mode: 0o700 })
  const archive = new ArchiveWriter(part)
  try {
    const files: Record<string, Entry> = {}
    const leftOut: LeftOut[] = []
    let left = MOST_BYTES
    for await (const { name, path } of sourcesOf(dataDir, code, leftOut)) {
      const { size } = await lstat(path).catch(() => ({ size: 0 }))
      if (name.startsWith('data/files/') && (left -= size) < 0) {
        left += size
        leftOut.push({ path: name, reason: 'The files of plugins are more than 2 GiB.' })
        continue
      }
      // Once as a copy, once in the archive: what cannot be compressed is no smaller there.
      await assertRoom(stage, size)
      await assertRoom(dirname(file), size)
      const staged = join(stage, 'file')
      const schema = await copy(path, staged, isOurDatabase(name)).catch((error: unknown) => {
        const reason = roomFor(error, staged)
        if (reason !== error || name === CORE) throw reason
        leftOut.push({ path: name, reason: (error as Error).message })
        return null
      })
      if (schema !== null) files[name] = { ...(await archive.add(name, staged)), ...(schema && { schema }) }
      await removeAll(staged)
    }
    if (sealedKey !== null) files[SEALED_KEY] = await archive.addText(SEALED_KEY, sealedKey)
    const manifest: Manifest = { format: FORMAT, version, madeAt, files, leftOut }
    await archive.addText(MANIFEST, JSON.stringify(manifest))
    await archive.close()
    // The databases were looked through as they were added, and their hashes say that they are the same still.
    await readBackup(part, { version })
    await rename(part, file)
    await syncFolder(dirname(file))
    return { bytes: (await stat(file)).size, files: Object.keys(files).length, leftOut }
  } catch (error) {
    await archive.abandon(error)
    await rm(part, { force: true })
    throw roomFor(error, file)
  } finally {
    await rm(stage, { recursive: true, force: true })
  }
}

const CORE = 'data/core.sqlite'

/** What is being written has a name that no backup has. */
function partOf(file: string): string {
  return join(dirname(file), `.${basename(file)}.part`)
}

function isOurDatabase(name: string): boolean {
  return name === CORE || name.startsWith('data/plugins/')
}

async function* sourcesOf(
  dataDir: string,
  code: readonly string[],
  leftOut: LeftOut[],
): AsyncGenerator<Source> {
  yield { name: CORE, path: join(dataDir, 'core.sqlite') }
  for await (const source of walk(join(dataDir, 'plugins'), 'data/plugins', leftOut))
    if (/^data\/plugins\/[^/]+\.sqlite$/.test(source.name)) yield source
  for (const folder of ['config', 'files']) yield* walk(join(dataDir, folder), `data/${folder}`, leftOut)
  for (const [index, folder] of code.entries()) yield* walk(folder, `code/${index}`, leftOut, isNoCode)
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

/** @returns of a database, which one it is */
async function copy(from: string, to: string, isDatabase: boolean): Promise<Schema | undefined> {
  if (!isDatabase && !(await looksLikeDatabase(from))) {
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

async function removeAll(database: string): Promise<void> {
  for (const ending of ['', '-wal', '-shm', '-journal']) await rm(database + ending, { force: true })
}

export async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder)
  await handle.sync()
}

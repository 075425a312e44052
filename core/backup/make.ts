// Makes one backup: copies what belongs to the house into one file, and reads that again before it counts.

import { lstat, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ArchiveWriter } from './archive.ts'
import { FORMAT, MANIFEST, SEALED_KEY, type Entry, type LeftOut, type Manifest } from './manifest.ts'
import { assertRoom, roomFor, STAGE } from './room.ts'
import { CORE, copySource, removeCopy, sourcesOf } from './sources.ts'
import { readBackup } from './unpack.ts'

/** Of what plugins and services keep in files of their own, in bytes. What does not fit is named. */
const MOST_BYTES = 2 * 1024 ** 3

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
      if (/^data\/(files|external)\//.test(name) && (left -= size) < 0) {
        left += size
        leftOut.push({ path: name, reason: 'The files of plugins and services are more than 2 GiB.' })
        continue
      }
      // Once as a copy, once in the archive: what cannot be compressed is no smaller there.
      await assertRoom(stage, size)
      await assertRoom(dirname(file), size)
      const staged = join(stage, 'file')
      const schema = await copySource({ name, path }, staged).catch((error: unknown) => {
        const reason = roomFor(error, staged)
        if (reason !== error || name === CORE) throw reason
        leftOut.push({ path: name, reason: (error as Error).message })
        return null
      })
      if (schema !== null) files[name] = { ...(await archive.add(name, staged)), ...(schema && { schema }) }
      await removeCopy(staged)
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

/** What is being written has a name that no backup has. */
function partOf(file: string): string {
  return join(dirname(file), `.${basename(file)}.part`)
}

export async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder)
  await handle.sync()
}

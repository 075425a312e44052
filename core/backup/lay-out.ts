// Lays a backup out beside what the house has, and says in what the two differ.

import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SEALED_KEY, type Manifest } from './manifest.ts'
import { STAGE } from './room.ts'
import { copySource, removeCopy, sourcesOf } from './sources.ts'
import { readBackup } from './unpack.ts'

export interface LayingOut {
  readonly file: string
  /** Absolute; no file is in it yet. */
  readonly into: string
  readonly dataDir: string
  /** Of this Home Console. */
  readonly version: string
}

export interface Change {
  /** As in the backup: `data/plugins/lamp.sqlite`. */
  readonly path: string
  /** What bringing it back would do. */
  readonly change: 'added' | 'changed' | 'removed'
}

export interface LaidOut {
  /** Of the Home Console that made it. */
  readonly version: string
  readonly madeAt: string
  readonly files: number
  /** Whether it has the key for secrets. */
  readonly hasKey: boolean
  /** What is the same is not named. */
  readonly changes: Change[]
}

/** @throws BackupRefused, NoRoom */
export async function layOut({ file, into, dataDir, version }: LayingOut): Promise<LaidOut> {
  const manifest = await readBackup(file, { version, into })
  return {
    version: manifest.version,
    madeAt: manifest.madeAt,
    files: Object.keys(manifest.files).length,
    hasKey: manifest.files[SEALED_KEY] !== undefined,
    changes: await changesTo(dataDir, manifest),
  }
}

async function changesTo(dataDir: string, { files }: Manifest): Promise<Change[]> {
  const stage = join(dataDir, STAGE)
  await rm(stage, { recursive: true, force: true })
  await mkdir(stage, { recursive: true, mode: 0o700 })
  try {
    const missing = new Set(Object.keys(files).filter((name) => name.startsWith('data/')))
    const changes: Change[] = []
    for await (const source of sourcesOf(dataDir, [], [])) {
      const path = source.name
      const then = files[path]?.sha256
      missing.delete(path)
      const copy = join(stage, 'file')
      // What is gone by now, or cannot be read, is not what the backup has.
      const now = await copySource(source, copy)
        .then(() => hashOf(copy))
        .catch(() => null)
      await removeCopy(copy)
      if (then === undefined && now !== null) changes.push({ path, change: 'removed' })
      else if (then !== undefined && now !== then)
        changes.push({ path, change: now === null ? 'added' : 'changed' })
    }
    return [...changes, ...Array.from(missing, (path): Change => ({ path, change: 'added' }))]
  } finally {
    await rm(stage, { recursive: true, force: true })
  }
}

async function hashOf(file: string): Promise<string> {
  const hash = new Bun.CryptoHasher('sha256')
  for await (const chunk of Bun.file(file).stream()) hash.update(chunk)
  return hash.digest('hex')
}

// Keeps the last good versions of every plugin by their contents, and brings one back while the disk holds others.

import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import type { Clock } from '../../clock.ts'
import { writeWholeAside } from '../../db/whole-file.ts'
import type { PluginPlace, PluginSource } from '../files/discovery.ts'
import { sha256, type Sources } from '../files/sources.ts'
import { Blobs } from './blobs.ts'
import { layOut } from './version-tree.ts'

/** Versions of each plugin. */
const KEEP = 3
/** A storm of saves is written once in so long, in ms. */
const PAUSE_MS = 10_000
/** A plugin that was not loaded for so long, in ms, is gone for good: 90 days. */
const FORGET_MS = 90 * 24 * 60 * 60 * 1_000
/** What is larger is no plugin's code. Of one version, in bytes. */
const MOST_BYTES = 16 * 1024 * 1024

const Version = v.object({
  digest: v.string(),
  since: v.string(),
  place: v.object({ path: v.string(), name: v.string(), single: v.boolean() }),
  files: v.record(v.string(), v.string()),
})
const Versions = v.object({ versions: v.array(Version) })

/** A version that served. */
export interface KeptVersion {
  /** Of its sources. */
  readonly digest: string
  /** When it took over. RFC 3339 in UTC. */
  readonly since: string
  readonly place: PluginPlace
  /** Hashes of its files, by absolute path. Packages are no part of it. */
  readonly files: Readonly<Record<string, string>>
}

/** A version laid out in a folder of its own. */
export interface RestoredVersion {
  readonly digest: string
  readonly source: PluginSource
  readonly sources: Sources
  /** Removes the folder. Never throws. */
  remove(): Promise<void>
}

interface Pending {
  readonly version: KeptVersion
  readonly sources: Sources
}

export interface VersionStoreOptions {
  /** Absolute; made when first written to. */
  readonly dir: string
  readonly clock: Clock
  /** Told when a version cannot be written. */
  readonly onError: (error: unknown) => void
}

export class VersionStore {
  readonly #options: VersionStoreOptions
  readonly #blobs: Blobs
  /** What took over and is not on the disk yet, by plugin, newest first. */
  #pending = new Map<string, Pending[]>()
  #cancel: (() => void) | undefined
  /** One thing at a time on the disk. */
  #queue: Promise<unknown> = Promise.resolve()
  #trees = 0
  /** Whatever was loaded since the start is not gone, be it ever so long ago. */
  readonly #loaded = new Set<string>()

  constructor(options: VersionStoreOptions) {
    this.#options = options
    this.#blobs = new Blobs(join(options.dir, 'blobs'))
  }

  /** Removes what an earlier process laid out. */
  async start(): Promise<void> {
    await rm(this.#treesDir, { recursive: true, force: true })
  }

  /** A version took over from the files at its place. Costs nothing now: it is written later, aside. */
  keep(id: string, place: PluginPlace, sources: Sources): void {
    this.#loaded.add(id)
    const files = [...sources.contents].filter(([path]) => !path.includes('/node_modules/'))
    if (files.reduce((bytes, [, { size }]) => bytes + size, 0) > MOST_BYTES) return
    const version: KeptVersion = {
      digest: sources.digest,
      since: new Date(this.#options.clock.now()).toISOString(),
      place,
      files: Object.fromEntries(files.map(([path, { hash }]) => [path, hash])),
    }
    const others = (this.#pending.get(id) ?? []).filter(
      ({ version: { digest } }) => digest !== version.digest,
    )
    this.#pending.set(id, [{ version, sources }, ...others].slice(0, KEEP))
    this.#cancel ??= this.#options.clock.after(PAUSE_MS, () => void this.flush())
  }

  /** What is kept of a plugin, newest first. */
  async list(id: string): Promise<KeptVersion[]> {
    await this.flush()
    return this.#read(id)
  }

  /** Forgets versions of a plugin, by digest. Never throws. */
  async forget(id: string, digests: readonly string[]): Promise<void> {
    await this.flush()
    await this.#alone(async () => {
      const before = this.#read(id)
      const after = before.filter(({ digest }) => !digests.includes(digest))
      if (after.length === before.length) return
      await this.#write(id, after)
      await this.#sweep()
    }).catch((error: unknown) => this.#options.onError(error))
  }

  /** Writes what is not on the disk yet. Never throws. */
  flush(): Promise<void> {
    this.#cancel?.()
    this.#cancel = undefined
    const pending = this.#pending
    this.#pending = new Map()
    return this.#alone(async () => {
      for (const [id, versions] of pending) {
        try {
          await this.#keep(id, versions)
        } catch (error) {
          this.#options.onError(error)
        }
      }
      if (pending.size > 0) await this.#forgetGone().catch(this.#options.onError)
    })
  }

  /** @throws Error when it is not kept, or cannot be read or laid out */
  async restore(id: string, digest: string): Promise<RestoredVersion> {
    await this.flush()
    const { version, files } = await this.#alone(() => this.#contentsOf(id, digest))
    const folder = join(this.#treesDir, `${id}-${digest}-${++this.#trees}`)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const remove = () => rm(folder, { recursive: true, force: true }).catch(() => {})
    try {
      // Stacks name files by their real paths.
      const { source, sources } = await layOut(realpathSync(folder), version.place, files)
      // It is the same version, wherever it stands.
      return { digest, source, sources: { ...sources, digest }, remove }
    } catch (error) {
      await remove()
      throw error
    }
  }

  async #contentsOf(id: string, digest: string) {
    const version = this.#read(id).find((kept) => kept.digest === digest)
    if (version === undefined) throw new Error(`No version ${digest} of "${id}" is kept.`)
    const files = new Map<string, Buffer>()
    for (const [path, hash] of Object.entries(version.files)) files.set(path, await this.#blobs.get(hash))
    return { version, files }
  }

  get #treesDir(): string {
    return join(this.#options.dir, 'trees')
  }

  /** @param pending newest first */
  async #keep(id: string, pending: readonly Pending[]): Promise<void> {
    const written: KeptVersion[] = []
    for (const { version, sources } of pending)
      if (await this.#putFiles(version, sources)) written.push(version)
    const before = this.#read(id)
    const digests = new Set(written.map(({ digest }) => digest))
    const after = [...written, ...before.filter(({ digest }) => !digests.has(digest))].slice(0, KEEP)
    if (after.every(({ digest }, index) => digest === before[index]?.digest)) return this.#touch(id)
    await this.#write(id, after)
    if (before.some((version) => !after.some(({ digest }) => digest === version.digest))) await this.#sweep()
  }

  /** @returns whether all of it is on the disk: what was not held in memory may have changed meanwhile */
  async #putFiles({ files }: KeptVersion, { contents }: Sources): Promise<boolean> {
    const put = async (path: string, hash: string) => {
      const file = contents.get(path)!
      if (!this.#blobs.has(hash)) {
        const content = file.content ?? (await readFile(path).catch(() => null))
        if (content === null || sha256(content) !== hash) return false
        await this.#blobs.put(hash, content)
      }
      file.content = null
      return true
    }
    const results = await Promise.all(Object.entries(files).map(([path, hash]) => put(path, hash)))
    return results.every(Boolean)
  }

  /** It was loaded now, if unchanged. */
  async #touch(id: string): Promise<void> {
    const seconds = this.#options.clock.now() / 1_000
    if (existsSync(this.#fileOf(id))) await utimes(this.#fileOf(id), seconds, seconds)
  }

  /** Plugins that were removed long ago leave nothing behind. */
  async #forgetGone(): Promise<void> {
    const since = this.#options.clock.now() - FORGET_MS
    const ids = await this.#ids()
    const gone = ids.filter((id) => !this.#loaded.has(id) && statSync(this.#fileOf(id)).mtimeMs < since)
    for (const id of gone) await rm(this.#fileOf(id))
    if (gone.length > 0) await this.#sweep()
  }

  async #ids(): Promise<string[]> {
    const names = await readdir(this.#options.dir).catch(() => [])
    return names.flatMap((name) => (name.endsWith('.json') ? [name.slice(0, -'.json'.length)] : []))
  }

  async #sweep(): Promise<void> {
    const ids = await this.#ids()
    await this.#blobs.sweep(
      new Set(ids.flatMap((id) => this.#read(id).flatMap(({ files }) => Object.values(files)))),
    )
  }

  /** None where there is nothing to read: what is kept is help in need, and no need of its own. */
  #read(id: string): KeptVersion[] {
    try {
      return v.parse(Versions, JSON.parse(readFileSync(this.#fileOf(id), 'utf8'))).versions
    } catch {
      return []
    }
  }

  async #write(id: string, versions: readonly KeptVersion[]): Promise<void> {
    await this.#blobs.sync()
    await writeWholeAside(this.#fileOf(id), JSON.stringify({ versions }))
    await this.#touch(id)
  }

  #fileOf(id: string): string {
    return join(this.#options.dir, `${id}.json`)
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work)
    this.#queue = done.catch(() => {})
    return done
  }
}

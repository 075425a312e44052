// Every plugin's database: where it is, who has a connection to it, and what it comes to.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Usage } from './connection.ts'
import type { Sealer } from './kv.ts'
import { PluginData } from './plugin-data.ts'
import { openPluginFile, refusalOf, removeDatabase, sizeOf } from './plugin-file.ts'
import { Snapshot } from './snapshot.ts'
import { takeBack, tentativeAdditions } from './take-back.ts'

const TIDY_MS = 60 * 60 * 1_000
/** The same trouble is told again after so many ms. */
const TROUBLE_MS = 60_000

/** In bytes. What writes more all the time wears out the card of a small computer. */
const HOURLY_BUDGET = 64 * 1024 * 1024

export type DataProblem = 'storage_failed' | 'generation_closed' | 'invalid_argument'

export interface PluginDatabasesOptions {
  /** Absolute; made when the first plugin needs it. */
  readonly dir: string
  readonly clock: { now(): number; after(ms: number, run: () => void): () => void }
  /** Runs as the Core. */
  readonly leave: <T>(run: () => T) => T
  readonly problem: (code: DataProblem, detail: string) => Error
  /** Tells the owner, in the plugin's name. */
  readonly warn: (plugin: string, message: string) => void
  readonly secrets: Sealer
}

/** What a plugin's database comes to. */
export interface DatabaseUsage {
  /** On the disk. */
  readonly bytes: number
  /** Bytes that were written since the start. */
  readonly written: number
  readonly queries: number
  readonly slowQueries: number
}

export class PluginDatabases {
  readonly #options: PluginDatabasesOptions
  readonly #lent = new Map<string, Set<PluginData>>()
  readonly #usage = new Map<string, Usage>()
  /** Damage that is there at the start is found when a file is first opened. */
  readonly #looked = new Set<string>()
  /** What the owner was told last, of each. */
  readonly #troubles = new Map<string, { detail: string; at: number }>()
  /** What each had written an hour ago. */
  readonly #written = new Map<string, number>()
  #cancel: (() => void) | undefined

  constructor(options: PluginDatabasesOptions) {
    this.#options = options
  }

  /** For one generation; nothing is opened before it is needed. Close it with the generation. */
  lend(id: string): PluginData {
    const { clock, leave, problem, warn, secrets } = this.#options
    const file = this.fileOf(id)
    const snapshot = new Snapshot(file)
    const lent = this.#lent.get(id) ?? new Set()
    const usage = this.#usage.get(id) ?? { queries: 0, slow: 0, written: 0, frames: 0 }
    this.#lent.set(id, lent)
    const data = new PluginData({
      id,
      file,
      usage,
      leave,
      now: () => clock.now(),
      secrets,
      snapshot,
      others: () => [...lent],
      open: () => {
        this.#usage.set(id, usage)
        this.#cancel ??= clock.after(TIDY_MS, () => this.#tidy())
        return leave(() => this.#open(id, file, snapshot))
      },
      trouble: (detail) => {
        this.#tellOfTrouble(id, detail)
        return problem('storage_failed', detail)
      },
      ended: () =>
        problem('generation_closed', 'This version of the plugin is gone, and its database is closed.'),
      invalid: (detail) => problem('invalid_argument', detail),
      onSlow: (sql, ms) =>
        warn(
          id,
          `A query took ${Math.round(ms)} ms, and the whole house waited for it: ${sql.slice(0, 200)}. An index, a limit or smaller steps help.`,
        ),
      onNotTakenBack: (error) =>
        warn(
          id,
          `What a refused version did to its tables is taken back at the next start: ${String(error)}`,
        ),
      onClosed: (closed) => void lent.delete(closed),
    })
    lent.add(data)
    return data
  }

  fileOf(id: string): string {
    return join(this.#options.dir, `${id}.sqlite`)
  }

  /** What a plugin's database comes to; null where it was not opened since the start. */
  usageOf(plugin: string): DatabaseUsage | null {
    const usage = this.#usage.get(plugin)
    if (usage === undefined) return null
    for (const data of this.#lent.get(plugin) ?? []) data.countWritten()
    const file = this.fileOf(plugin)
    const bytes = (sizeOf(file) ?? 0) + (sizeOf(`${file}-wal`) ?? 0)
    return { bytes, written: usage.written, queries: usage.queries, slowQueries: usage.slow }
  }

  /** The plugins whose databases were opened since the start. */
  get used(): string[] {
    return [...this.#usage.keys()]
  }

  has(id: string): boolean {
    return sizeOf(this.fileOf(id)) !== null
  }

  isOpen(id: string): boolean {
    return [...(this.#lent.get(id) ?? [])].some((data) => data.isOpen)
  }

  /** For good. Nobody may have it open. */
  remove(id: string): void {
    const file = this.fileOf(id)
    new Snapshot(file).remove()
    removeDatabase(file)
    this.#usage.delete(id)
    this.#written.delete(id)
    this.#looked.delete(id)
  }

  /** At the stop, when every generation is gone. */
  close(): void {
    this.#cancel?.()
    for (const lent of this.#lent.values()) for (const data of lent) data.close()
  }

  /** To a client it is an answer like others; the owner must hear of it too, if not with each query. */
  #tellOfTrouble(id: string, detail: string): void {
    const now = this.#options.clock.now()
    const last = this.#troubles.get(id)
    if (last?.detail === detail && now - last.at < TROUBLE_MS) return
    this.#troubles.set(id, { detail, at: now })
    this.#options.warn(id, detail)
  }

  #open(id: string, file: string, snapshot: Snapshot) {
    try {
      if (this.#looked.has(id)) return openPluginFile(file, false)
      mkdirSync(this.#options.dir, { recursive: true, mode: 0o700 })
      snapshot.recover()
      const sqlite = openPluginFile(file, true, (sound) => takeBack(sound, tentativeAdditions(sound)))
      this.#looked.add(id)
      return sqlite
    } catch (error) {
      throw this.#options.problem('storage_failed', refusalOf(error, file).message)
    }
  }

  #tidy(): void {
    for (const [id, lent] of this.#lent) {
      for (const data of lent) {
        try {
          data.tidy()
        } catch (error) {
          this.#options.warn(id, `Its database could not be tidied: ${String((error as Error).message)}`)
        }
      }
    }
    this.#warnOfWear()
    this.#cancel = this.#options.clock.after(TIDY_MS, () => this.#tidy())
  }

  #warnOfWear(): void {
    for (const [id, { written }] of this.#usage) {
      const recent = written - (this.#written.get(id) ?? 0)
      this.#written.set(id, written)
      if (recent <= HOURLY_BUDGET) continue
      this.#options.warn(
        id,
        `Its database wrote ${Math.round(recent / 1024 / 1024)} MiB in an hour, which wears out a memory card. Write more rows in one transaction, or less often.`,
      )
    }
  }
}

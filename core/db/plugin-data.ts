// What one generation has of its plugin's database: a connection of its own, and tables that are what its code expects.

import type { Database } from 'bun:sqlite'
import { Connection, type ConnectionOptions } from './connection.ts'
import { Kv, type Sealer } from './kv.ts'
import { pendingOf, readMigrations, type Applied, type Migration } from './migrations.ts'
import { DataRefusal } from './plugin-file.ts'
import type { Snapshot } from './snapshot.ts'
import { assertFits, tablesOver, type Schema, type Tables } from './tables.ts'
import { takeBack, type Addition } from './take-back.ts'

/** Freed pages are given back so many at a time, so that nobody waits for it. */
const TIDY_PAGES = 256

/** How long to wait for another version of the plugin to be decided or gone, in real ms. */
const PATIENCE_MS = 15_000

export interface PluginDataOptions extends ConnectionOptions {
  readonly id: string
  readonly open: () => Database
  readonly now: () => number
  readonly secrets: Sealer
  readonly snapshot: Snapshot
  /** What other generations of the plugin have. */
  readonly others: () => PluginData[]
  readonly invalid: (detail: string) => Error
  readonly onClosed: (data: PluginData) => void
  readonly onNotTakenBack: (error: unknown) => void
}

/** Thrown so that a transaction is rolled back that went well. */
const TRIED = new Error('tried')

/** What a plugin's definition says of its tables. */
export interface TablesWanted {
  readonly schema: Schema
  /** Absolute: where the migrations are. */
  readonly folder: string
  readonly durability: 'full' | 'normal'
  /** Whether the version is one from before, to which the house went back. */
  readonly wentBack: boolean
}

export class PluginData {
  readonly kv: Kv
  readonly #options: PluginDataOptions
  readonly #gone = Promise.withResolvers<void>()
  readonly #decided = Promise.withResolvers<void>()
  #connection: Connection | undefined
  /** What was migrated for this generation is taken back unless it goes live. */
  #tentative: readonly Addition[] | 'changed' | null = null
  #closed = false

  constructor(options: PluginDataOptions) {
    this.#options = options
    this.kv = new Kv({
      ...options,
      connection: () => this.connection,
      durably: (run) => this.connection.durably(run),
    })
  }

  get isOpen(): boolean {
    return this.#connection !== undefined && !this.#closed
  }

  /** @throws the error for a file that cannot be used, or for a generation that is gone */
  get connection(): Connection {
    if (this.#connection !== undefined) return this.#connection
    if (this.#closed) throw this.#options.ended()
    this.#connection = new Connection(this.#options.open(), this.#options)
    this.tidy()
    return this.#connection
  }

  /** So that what was written last is in the usage, too. */
  countWritten(): void {
    this.#connection?.countWritten()
  }

  /** Removes what has expired, and gives back to the disk what is free. */
  tidy(): void {
    const connection = this.#connection
    if (connection === undefined || this.#closed || connection.inTransaction) return
    this.kv.purge()
    connection.all(`PRAGMA incremental_vacuum(${TIDY_PAGES})`)
  }

  // --- Migrations: what a version that is refused did to the tables is undone, whenever the process dies.

  /**
   * Whether the migrations would break a version that serves beside this one. If so, they were tried, and rolled back.
   *
   * @throws DataRefusal why they cannot be applied at all
   */
  mustStepAside(wanted: TablesWanted): boolean {
    const pending = this.#pending(wanted)
    const changes = pending.some(({ takeBack }) => takeBack === null)
    if (changes) this.#apply(pending, { keep: false })
    return changes
  }

  /**
   * Brings the tables up to what the folder says, in one transaction. Until `goLive` all of it can be taken back: what
   * was added by dropping it, anything else by a copy of the file as it was, for which no other version may be open.
   *
   * @throws DataRefusal why not, with nothing changed
   */
  async migrate(wanted: TablesWanted): Promise<Tables> {
    const { schema, folder, durability } = wanted
    await this.#whenOthers(
      folder,
      (other) => other.#tentative !== null,
      (other) => other.#decided.promise,
    )
    const pending = this.#pending(wanted)
    if (pending.length > 0) {
      const changes = pending.some(({ takeBack }) => takeBack === null)
      if (changes) await this.#keepCopy(folder)
      this.#apply(pending, { keep: true })
      this.#tentative ??= pending.map(({ tag, takeBack: undo }) => ({ tag, undo: undo! }))
    }
    assertFits(this.connection, schema, folder, this.#options.id)
    if (durability === 'normal') this.connection.relax()
    return tablesOver(this.connection, schema)
  }

  /** The version is good: from now on a process that dies takes nothing back. @throws Error when that cannot be written */
  keep(): void {
    if (this.#tentative === null) return
    if (this.#tentative !== 'changed')
      this.connection.durably(() =>
        this.connection.run('UPDATE home_console_migrations SET take_back = NULL'),
      )
    else this.#options.snapshot.set()
  }

  /** The version went live: nothing is taken back any more. Never throws. */
  goLive(): void {
    if (this.#tentative === 'changed') this.#options.snapshot.forget()
    this.#tentative = null
    this.#decided.resolve()
  }

  /** Whoever comes later gets an error in words. Takes back what was migrated for a version that did not go live. */
  close(): void {
    if (this.#closed) return
    try {
      const added = this.#tentative
      if (Array.isArray(added)) this.#connection!.use((sqlite) => takeBack(sqlite, added))
    } catch (error) {
      this.#options.onNotTakenBack(error)
    }
    this.#closed = true
    this.#connection?.close()
    try {
      if (this.#tentative === 'changed') this.#options.snapshot.restore()
    } catch (error) {
      this.#options.onNotTakenBack(error)
    }
    this.#decided.resolve()
    this.#gone.resolve()
    this.#options.onClosed(this)
  }

  #pending({ folder, wentBack }: TablesWanted): Migration[] {
    const applied = this.connection.all(
      'SELECT tag, hash, only_adds FROM home_console_migrations ORDER BY idx',
    )
    return pendingOf(readMigrations(folder), applied as Applied[], folder, this.#options.file, wentBack)
  }

  async #keepCopy(folder: string): Promise<void> {
    await this.#whenOthers(
      folder,
      (other) => other.#connection !== undefined,
      (other) => other.#gone.promise,
    )
    // What the log has goes into the file, or it is said why it cannot: closing would keep silent.
    this.connection.execute('PRAGMA wal_checkpoint(TRUNCATE)')
    this.connection.close()
    this.#connection = undefined
    await this.#options.snapshot.take()
    // From here on the copy is the truth, until the version is known to be good.
    this.#tentative = 'changed'
  }

  #apply(pending: readonly Migration[], { keep }: { keep: boolean }): void {
    const { connection } = this
    const changes = pending.some(({ takeBack }) => takeBack === null)
    // A table is rebuilt by dropping the old one; with this on, that would delete all that refers to it.
    connection.execute('PRAGMA foreign_keys = OFF')
    try {
      connection.transaction(() => {
        for (const migration of pending) this.#applyOne(migration, changes)
        assertNothingOrphaned(connection, pending.at(-1)!)
        if (!keep) throw TRIED
      }, 'immediate')
    } catch (error) {
      if (error !== TRIED) throw error
    } finally {
      connection.execute('PRAGMA foreign_keys = ON')
    }
  }

  #applyOne({ tag, idx, file, hash, statements, takeBack: undo }: Migration, changes: boolean): void {
    for (const { text } of statements) {
      try {
        this.connection.execute(text)
      } catch (error) {
        if ((error as Error).name !== 'SQLiteError') throw error
        throw new DataRefusal(
          'migration_failed',
          file,
          `${file} cannot be applied, and nothing was changed: ${(error as Error).message}, in: ${text.slice(0, 200)}`,
        )
      }
    }
    this.connection.run('INSERT INTO home_console_migrations VALUES (?, ?, ?, ?, ?, ?)', [
      tag,
      idx,
      hash,
      this.#options.now(),
      undo === null ? 0 : 1,
      changes ? null : JSON.stringify(undo),
    ])
  }

  /** @throws DataRefusal `data_in_use` when they are still there after a while */
  async #whenOthers(
    folder: string,
    which: (other: PluginData) => boolean,
    when: (other: PluginData) => Promise<void>,
  ): Promise<void> {
    const others = this.#options.others().filter((other) => other !== this && which(other))
    if (others.length === 0) return
    const { promise: expired, resolve } = Promise.withResolvers<true>()
    const timer = setTimeout(resolve, PATIENCE_MS, true)
    const late = await Promise.race([Promise.all(others.map(when)), expired])
    clearTimeout(timer)
    if (late !== true) return
    throw new DataRefusal(
      'data_in_use',
      folder,
      `The migrations in ${folder} change tables that another version of the plugin still uses. Try again when that is gone.`,
    )
  }
}

function assertNothingOrphaned(connection: Connection, { file }: Migration): void {
  const [orphan] = connection.values('PRAGMA foreign_key_check')
  if (orphan === undefined) return
  const [table, , parent] = orphan
  throw new DataRefusal(
    'migration_failed',
    file,
    `${file} cannot be applied, and nothing was changed: rows of "${String(table)}" would refer to rows of "${String(parent)}" that are gone.`,
  )
}

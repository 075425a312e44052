// One connection to one plugin's database, lent to one generation: runs its statements as the Core, and counts them.

import type { Database, Statement } from 'bun:sqlite'
import { troubleWith } from './plugin-file.ts'

/** From so many ms on a query is slow: the whole house waits for it. */
const SLOW_MS = 50

/** Statements are kept prepared; more than these are not. */
const MOST_STATEMENTS = 200

/** What a plugin's queries came to since the start, whichever version asked. */
export interface Usage {
  queries: number
  slow: number
  /** Bytes of the write-ahead log. About as many again go to the file itself, later. */
  written: number
  /** How many pages the log had when it was last looked at. */
  frames: number
}

/** Of a page in the log (https://sqlite.org/fileformat.html#the_write_ahead_log). */
const FRAME_BYTES = 4_096 + 24

/** Before the log has so many pages, nothing begins it anew (https://sqlite.org/pragma.html#pragma_wal_autocheckpoint). */
const LEAST_FRAMES = 1_000

/** After so many ms of writing the log is looked at: often enough to miss nothing, and not for each row. */
const LOOK_MS = 0.25

/** Statements that neither write nor begin anything. What is not known may. */
const READS = /^\s*(select|pragma|explain)\b/i

export interface ConnectionOptions {
  readonly file: string
  readonly usage: Usage
  /** Runs as the Core: what SQLite opens there outlives no plugin's context by accident, and dies with none. */
  readonly leave: <T>(run: () => T) => T
  /** Makes the error for what is wrong with the file, not with the query. */
  readonly trouble: (detail: string) => Error
  /** Makes the error for whoever comes too late. */
  readonly ended: () => Error
  readonly onSlow: (sql: string, ms: number) => void
}

interface Prepared {
  readonly sql: string
  readonly statement: Statement
  readonly reads: boolean
  slow: boolean
}

export type Params = readonly unknown[]

export class Connection {
  readonly #sqlite: Database
  readonly #options: ConnectionOptions
  readonly #prepared = new Map<string, Prepared>()
  #log: Prepared['statement'] | undefined
  /** How long was written, in ms, since the log was looked at. */
  #unseen = 0
  #depth = 0
  #relaxed = false
  #closed = false

  constructor(sqlite: Database, options: ConnectionOptions) {
    this.#sqlite = sqlite
    this.#options = options
    // When the last one closed, the log went with it.
    options.usage.frames = this.#frames()
  }

  get inTransaction(): boolean {
    return this.#depth > 0
  }

  // Three times the same, with what is bound as one list and nothing called back: each row of each plugin goes through
  // here. Nor is the plugin's context left: what is prepared already opens nothing.

  run(sql: string, params: Params = []): { changes: number; lastInsertRowid: number | bigint } {
    const prepared = this.#ready(sql)
    const started = performance.now()
    try {
      return prepared.statement.run(params)
    } catch (error) {
      throw this.#inWords(error)
    } finally {
      this.#ran(prepared, performance.now() - started)
    }
  }

  all(sql: string, params: Params = []): unknown[] {
    const prepared = this.#ready(sql)
    const started = performance.now()
    try {
      return prepared.statement.all(params)
    } catch (error) {
      throw this.#inWords(error)
    } finally {
      this.#ran(prepared, performance.now() - started)
    }
  }

  values(sql: string, params: Params = []): unknown[][] {
    const prepared = this.#ready(sql)
    const started = performance.now()
    try {
      return prepared.statement.values(params)
    } catch (error) {
      throw this.#inWords(error)
    } finally {
      this.#ran(prepared, performance.now() - started)
    }
  }

  /** Synchronous: nothing of another generation comes between. One within another is rolled back alone. */
  transaction<T>(run: () => T, behavior = 'deferred'): T {
    const point = `home_console_${this.#depth++}`
    const nested = this.#depth > 1
    try {
      this.run(nested ? `SAVEPOINT ${point}` : `BEGIN ${behavior}`)
      const result = run()
      this.run(nested ? `RELEASE ${point}` : 'COMMIT')
      return result
    } catch (error) {
      // After a full disk SQLite has rolled back all of it already; after a throw nobody has.
      if (!this.#closed && this.#sqlite.inTransaction)
        this.#sqlite.run(nested ? `ROLLBACK TO ${point}; RELEASE ${point}` : 'ROLLBACK')
      throw error
    } finally {
      this.#depth--
    }
  }

  /** From now on a commit need not wait for the disk, but for what is written durably. */
  relax(): void {
    this.#relaxed = true
    this.execute('PRAGMA synchronous = NORMAL')
  }

  /** Commits so that a power cut does not take it. Within a transaction, it is as durable as that. */
  durably<T>(run: () => T): T {
    if (!this.#relaxed || this.#depth > 0) return run()
    this.execute('PRAGMA synchronous = FULL')
    try {
      return run()
    } finally {
      this.execute('PRAGMA synchronous = NORMAL')
    }
  }

  /** Several statements that take no parameters and give nothing; they are not kept prepared. */
  execute(sql: string): void {
    this.#guarded(() => this.#sqlite.run(sql))
  }

  /** Lends what is below, to the Core only. */
  use<T>(run: (sqlite: Database) => T): T {
    return this.#guarded(() => run(this.#sqlite))
  }

  /** Counts what came to the log since it was looked at, whoever wrote it. Never throws. */
  countWritten(): void {
    if (this.#closed) return
    this.#unseen = 0
    const { usage } = this.#options
    const before = usage.frames
    usage.frames = this.#frames()
    const anew = usage.frames < before
    usage.written +=
      (anew ? Math.max(LEAST_FRAMES - before, 0) + usage.frames : usage.frames - before) * FRAME_BYTES
  }

  /** Finalizes every statement: one that outlived its connection would keep the file open. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const { statement } of this.#prepared.values()) statement.finalize()
    this.#prepared.clear()
    this.#log?.finalize()
    this.#sqlite.close()
  }

  #ready(sql: string): Prepared {
    if (this.#closed) throw this.#options.ended()
    return this.#prepared.get(sql) ?? this.#guarded(() => this.#prepare(sql))
  }

  #ran(prepared: Prepared, ms: number): void {
    const { usage } = this.#options
    usage.queries++
    if (ms > SLOW_MS) this.#tellOfSlow(prepared, ms)
    if (prepared.reads) return
    this.#assertNotBegun()
    this.#unseen += ms
    if (this.#unseen > LOOK_MS && !this.#sqlite.inTransaction) this.countWritten()
  }

  #guarded<T>(run: () => T): T {
    if (this.#closed) throw this.#options.ended()
    let result: T
    try {
      result = this.#options.leave(run)
    } catch (error) {
      throw this.#inWords(error)
    }
    this.#assertNotBegun()
    return result
  }

  #inWords(error: unknown): unknown {
    const { file, leave, trouble } = this.#options
    const detail = troubleWith(error, file)
    return detail === null ? error : leave(() => trouble(detail))
  }

  #assertNotBegun(): void {
    if (this.#depth > 0 || !this.#sqlite.inTransaction) return
    this.#sqlite.run('ROLLBACK')
    throw new TypeError(
      'A transaction that is begun by hand would lock out everybody: use ctx.db.transaction().',
    )
  }

  /** Of the write-ahead log, that are in use. */
  #frames(): number {
    try {
      // Does nothing but tell: https://sqlite.org/pragma.html#pragma_wal_checkpoint
      this.#log ??= this.#options.leave(() => this.#sqlite.prepare('PRAGMA wal_checkpoint(NOOP)'))
      return this.#log.values()[0]![1] as number
    } catch {
      // It is only counted here: what is wrong with the file, whoever reads or writes it is told.
      return this.#options.usage.frames
    }
  }

  /** Each statement is named once. */
  #tellOfSlow(prepared: Prepared, ms: number): void {
    this.#options.usage.slow++
    if (prepared.slow) return
    prepared.slow = true
    this.#options.leave(() => this.#options.onSlow(prepared.sql, ms))
  }

  #prepare(sql: string): Prepared {
    const statement = this.#sqlite.prepare(sql)
    const prepared = { sql, statement, reads: READS.test(sql), slow: false }
    this.#prepared.set(sql, prepared)
    if (this.#prepared.size > MOST_STATEMENTS) {
      const [oldest, { statement }] = this.#prepared.entries().next().value!
      this.#prepared.delete(oldest)
      statement.finalize()
    }
    return prepared
  }
}

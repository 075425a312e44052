// One connection to one plugin's database, lent to one generation: runs its statements as the Core, and counts them.

import type { Database, SQLQueryBindings, Statement } from 'bun:sqlite'
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

/** Statements that write nothing. One that is not known is looked at. */
const READS = /^\s*(select|pragma|explain|begin|savepoint|release)\b/i

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
  readonly statement: Statement<unknown, SQLQueryBindings[]>
  readonly writes: boolean
  slow: boolean
}

export type Params = readonly unknown[]

export class Connection {
  readonly #sqlite: Database
  readonly #options: ConnectionOptions
  readonly #prepared = new Map<string, Prepared>()
  #log: Prepared['statement'] | undefined
  #depth = 0
  #relaxed = false
  #closed = false

  constructor(sqlite: Database, options: ConnectionOptions) {
    this.#sqlite = sqlite
    this.#options = options
  }

  get inTransaction(): boolean {
    return this.#depth > 0
  }

  run(sql: string, params: Params = []): { changes: number; lastInsertRowid: number | bigint } {
    return this.#measured(sql, (statement) => statement.run(...(params as SQLQueryBindings[])))
  }

  all(sql: string, params: Params = []): unknown[] {
    return this.#measured(sql, (statement) => statement.all(...(params as SQLQueryBindings[])))
  }

  values(sql: string, params: Params = []): unknown[][] {
    return this.#measured(sql, (statement) => statement.values(...(params as SQLQueryBindings[])))
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

  /** Finalizes every statement: one that outlived its connection would keep the file open. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const { statement } of this.#prepared.values()) statement.finalize()
    this.#prepared.clear()
    this.#log?.finalize()
    this.#sqlite.close()
  }

  #measured<T>(sql: string, run: (statement: Prepared['statement']) => T): T {
    const { usage, onSlow } = this.#options
    const started = performance.now()
    try {
      return this.#guarded(() => {
        const { statement, writes } = this.#prepare(sql)
        const result = run(statement)
        if (writes && !this.#sqlite.inTransaction) this.#countWritten()
        return result
      })
    } finally {
      usage.queries++
      const ms = performance.now() - started
      if (ms > SLOW_MS) {
        usage.slow++
        const prepared = this.#prepared.get(sql)
        if (prepared?.slow === false) {
          prepared.slow = true
          onSlow(sql, ms)
        }
      }
    }
  }

  #guarded<T>(run: () => T): T {
    if (this.#closed) throw this.#options.ended()
    let result: T
    try {
      result = this.#options.leave(run)
    } catch (error) {
      const trouble = troubleWith(error, this.#options.file)
      throw trouble === null ? error : this.#options.trouble(trouble)
    }
    if (this.#depth === 0 && this.#sqlite.inTransaction) {
      this.#sqlite.run('ROLLBACK')
      throw new TypeError(
        'A transaction that is begun by hand would lock out everybody: use ctx.db.transaction().',
      )
    }
    return result
  }

  /** Counts what came to the log since, whoever wrote it. The log begins anew now and then. */
  #countWritten(): void {
    const { usage } = this.#options
    // Does nothing but tell: https://sqlite.org/pragma.html#pragma_wal_checkpoint
    this.#log ??= this.#sqlite.prepare('PRAGMA wal_checkpoint(NOOP)')
    const frames = this.#log.values()[0]![1] as number
    usage.written += (frames < usage.frames ? frames : frames - usage.frames) * FRAME_BYTES
    usage.frames = frames
  }

  #prepare(sql: string): Prepared {
    let prepared = this.#prepared.get(sql)
    if (prepared === undefined) {
      prepared = { statement: this.#sqlite.prepare(sql), writes: !READS.test(sql), slow: false }
      this.#prepared.set(sql, prepared)
      if (this.#prepared.size > MOST_STATEMENTS) {
        const [oldest, { statement }] = this.#prepared.entries().next().value!
        this.#prepared.delete(oldest)
        statement.finalize()
      }
    }
    return prepared
  }
}

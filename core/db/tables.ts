// Drizzle over a lent connection: typed tables, and transactions that take no promise.

import { is } from 'drizzle-orm'
import { drizzle, type BunSQLiteDatabase } from 'drizzle-orm/bun-sqlite'
import { getTableConfig, SQLiteTable } from 'drizzle-orm/sqlite-core'
import type { Connection, Params } from './connection.ts'
import { DataRefusal } from './plugin-file.ts'

export type Schema = Record<string, unknown>
export type Tables = BunSQLiteDatabase<Schema>

/** What of `bun:sqlite` Drizzle calls, for as long as it may. */
class Client {
  readonly #connection: Connection
  #over = false

  constructor(connection: Connection) {
    this.#connection = connection
  }

  prepare(sql: string) {
    return {
      run: (...params: Params) => this.#lent().run(sql, params),
      all: (...params: Params) => this.#lent().all(sql, params),
      values: (...params: Params) => this.#lent().values(sql, params),
    }
  }

  transaction(run: () => void) {
    const begin = (behavior: string) => () => this.#connection.transaction(run, behavior)
    return { deferred: begin('deferred'), immediate: begin('immediate'), exclusive: begin('exclusive') }
  }

  /** Whoever still holds on to it gets an error instead of writing past the transaction. */
  end(): void {
    this.#over = true
  }

  #lent(): Connection {
    if (this.#over)
      throw new TypeError('The transaction is over, and this query was none of it: await nothing within one.')
    return this.#connection
  }
}

interface Session {
  transaction(run: (tx: Transaction) => unknown, config?: object): unknown
}

interface Transaction {
  transaction(run: (tx: Transaction) => unknown): unknown
}

export function tablesOver(connection: Connection, schema: Schema): Tables {
  const db = drizzle({ client: new Client(connection) as never, schema })
  const { session } = db as unknown as { session: Session }
  const transaction = (run: (tx: Transaction) => unknown, config?: object): unknown => {
    const client = new Client(connection)
    const own = Object.create(session, { client: { value: client } }) as Session
    try {
      return own.transaction(atOnce(run), config)
    } finally {
      client.end()
    }
  }
  return Object.assign(db, { transaction })
}

/** What a promise does later is outside of the transaction: it would neither be committed nor rolled back with it. */
function atOnce(run: (tx: Transaction) => unknown): (tx: Transaction) => unknown {
  if (Object.prototype.toString.call(run) === '[object AsyncFunction]') throw new AsyncTransaction()
  return (tx) => {
    const nested = tx.transaction.bind(tx)
    tx.transaction = (inner) => nested(atOnce(inner))
    const result = run(tx)
    if (typeof (result as PromiseLike<unknown> | null | undefined)?.then !== 'function') return result
    // It is refused here and now: what becomes of it later is no news. A query is none that has begun.
    if (result instanceof Promise) result.catch(() => {})
    throw new AsyncTransaction()
  }
}

class AsyncTransaction extends TypeError {
  constructor() {
    super(
      'ctx.db.transaction() takes no async function, and nothing of it was written: what comes after an await cannot be rolled back. Await before it, and end each query in it with .run(), .all(), .get() or .values().',
    )
  }
}

/**
 * A schema that the database does not have fails at some query, some day: better now.
 *
 * @throws DataRefusal `schema_ahead`
 */
export function assertFits(connection: Connection, schema: Schema, folder: string, plugin: string): void {
  for (const table of Object.values(schema)) {
    if (!is(table, SQLiteTable)) continue
    const { name, columns } = getTableConfig(table)
    const there = new Set(
      connection.values('SELECT name FROM pragma_table_xinfo(?)', [name]).map(([column]) => column),
    )
    const missing = columns.find((column) => !there.has(column.name))
    if (missing === undefined) continue
    throw new DataRefusal(
      'schema_ahead',
      folder,
      `The schema has ${there.size === 0 ? `a table "${name}"` : `a column "${missing.name}" of "${name}"`}, which no migration in ${folder} makes. Write it: hc plugin migrate ${plugin}`,
    )
  }
}

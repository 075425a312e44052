// A plugin with two tables and single values, and as many migrations as its version says.

import { migrations, type Script } from '../db/migrated.ts'
import type { CoreProcess } from '../faults/core-process.ts'
import { send } from './kill.ts'

/** @param more rows that are there from the beginning */
function first(more: number): Script {
  return {
    tag: '0000_rows',
    sql: `CREATE TABLE rows (id integer PRIMARY KEY NOT NULL);
--> statement-breakpoint
CREATE TABLE children (id integer PRIMARY KEY NOT NULL REFERENCES rows(id) ON DELETE CASCADE);
--> statement-breakpoint
INSERT INTO rows WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT -i FROM n LIMIT ${more};
--> statement-breakpoint
INSERT INTO children SELECT id FROM rows;`,
  }
}

/** Two tables at a time, of which there must never be one alone; every other one rebuilds the table with the rows too. */
function step(number: number): Script {
  const add = [`CREATE TABLE a${number} (x integer)`, `CREATE TABLE b${number} (x integer)`]
  const rebuild = [
    'CREATE TABLE __new_rows (id integer PRIMARY KEY NOT NULL)',
    'INSERT INTO __new_rows SELECT id FROM rows',
    'DROP TABLE rows',
    'ALTER TABLE __new_rows RENAME TO rows',
  ]
  const statements = number % 2 === 0 ? [add[0], ...rebuild, add[1]] : add
  return {
    tag: `${String(number).padStart(4, '0')}_step`,
    sql: statements.join(';\n--> statement-breakpoint\n'),
  }
}

/**
 * Below the plugins folder; the source comes last.
 *
 * @param more rows that each rebuild copies, so that it takes a while
 */
export function ledger(version: number, more = 0): Record<string, string> {
  const scripts = [first(more), ...Array.from({ length: version }, (_, index) => step(index + 1))]
  const source = `
import { definePlugin } from '@home-console/sdk'
import { sql } from 'drizzle-orm'
import { integer, sqliteTable } from 'drizzle-orm/sqlite-core'
const rows = sqliteTable('rows', { id: integer().primaryKey() })
const children = sqliteTable('children', { id: integer().primaryKey() })
export default definePlugin({
  version: '${version}',
  db: { schema: { rows, children } },
  onLoad(ctx) {
    const router = ctx.router()
    router.post('/row/:id', (c) => {
      const id = Number(c.req.param('id'))
      ctx.db.transaction((tx) => {
        tx.insert(rows).values({ id }).run()
        tx.insert(children).values({ id }).run()
      })
      return c.json({ version: ${version} })
    })
    router.post('/kv/:id', (c) => {
      ctx.kv.set('last', Number(c.req.param('id')))
      return c.json({ version: ${version} })
    })
    router.get('/', (c) => c.json({
      version: ${version},
      rows: ctx.db.select().from(rows).all().map(({ id }) => id),
      children: ctx.db.select().from(children).all().map(({ id }) => id),
      last: ctx.kv.get('last') ?? 0,
      tables: ctx.db.all(sql.raw("SELECT name FROM sqlite_schema WHERE name GLOB '[ab][0-9]*'")).length,
      applied: ctx.db.all(sql.raw('SELECT tag FROM home_console_migrations')).length,
      integrity: ctx.db.get(sql.raw('PRAGMA integrity_check'))[0],
    }))
    return router
  },
})
`
  return Object.fromEntries(
    Object.entries({ ...migrations(scripts), 'index.ts': source }).map(([name, text]) => [
      `ledger/${name}`,
      text,
    ]),
  )
}

export interface State {
  readonly version: number
  readonly rows: readonly number[]
  readonly children: readonly number[]
  /** The last single value. */
  readonly last: number
  readonly tables: number
  readonly applied: number
  readonly integrity: string
}

export const LEDGER = '/api/plugins/ledger'

/** Writes rows and single values, and remembers which of them were acknowledged. */
export class Writer {
  readonly #core: CoreProcess
  readonly #rows: number[] = []
  #last = 0
  #next = 0
  /** Of the plugin, that answered last. */
  version = 0

  constructor(core: CoreProcess) {
    this.#core = core
  }

  /** Settles when nobody answers; gives how many were acknowledged. */
  async write(kinds: readonly ('row' | 'kv')[]): Promise<number> {
    const counts = await Promise.all(
      kinds.map(async (kind) => {
        for (let acknowledged = 0; ; acknowledged++) {
          const id = ++this.#next
          const answer = (await send(this.#core, 'POST', `${LEDGER}/${kind}/${id}`, {})) as State | null
          if (answer === null) return acknowledged
          this.version = answer.version
          if (kind === 'row') this.#rows.push(id)
          else this.#last = id
        }
      }),
    )
    return counts.reduce((sum, count) => sum + count, 0)
  }

  /** What was acknowledged, and is not there. */
  lost({ rows, last }: State): string[] {
    const there = new Set(rows)
    const missing = this.#rows.filter((id) => !there.has(id))
    return [
      ...missing.map((id) => `row ${id} is gone`),
      ...(last < this.#last ? [`the last value is ${last}, and ${this.#last} was acknowledged`] : []),
    ]
  }
}

/** What a state has that no sound one has. */
export function unsound({ rows, children, integrity }: State): string[] {
  return [
    ...(Bun.deepEquals(rows, children) ? [] : ['there are rows without children']),
    ...(integrity === 'ok' ? [] : [`the database is damaged: ${integrity}`]),
  ]
}

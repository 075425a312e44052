// kill -9 in the middle of writes and migrations: what was acknowledged is there, and no migration is half done.

import { expect, test } from 'bun:test'
import { migrations, type Script } from '../db/migrated.ts'
import { CoreProcess } from './core-process.ts'

/** How often the process is killed. */
const KILLS = Number(process.env.DATA_KILLS ?? 50)

const ROWS: Script = {
  tag: '0000_rows',
  sql: `CREATE TABLE rows (id integer PRIMARY KEY NOT NULL);
--> statement-breakpoint
CREATE TABLE children (id integer PRIMARY KEY NOT NULL REFERENCES rows(id) ON DELETE CASCADE);`,
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

function ledger(version: number): Record<string, string> {
  const scripts = [ROWS, ...Array.from({ length: version }, (_, index) => step(index + 1))]
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
      return c.json({})
    })
    router.post('/kv/:id', (c) => {
      ctx.kv.set('last', Number(c.req.param('id')))
      return c.json({})
    })
    router.get('/', (c) => c.json({
      version: ${version},
      rows: ctx.db.select().from(rows).all().map(({ id }) => id),
      children: ctx.db.select().from(children).all().map(({ id }) => id),
      last: ctx.kv.get('last') ?? 0,
      tables: ctx.db.all(sql.raw("SELECT name FROM sqlite_schema WHERE name GLOB '[ab][0-9]*'")).length,
      applied: ctx.db.all(sql.raw('SELECT tag FROM home_console_migrations')).length,
      whole: ctx.db.all(sql.raw('PRAGMA integrity_check')).length,
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

interface State {
  version: number
  rows: number[]
  children: number[]
  last: number
  tables: number
  applied: number
}

const URL = '/api/plugins/ledger'

test(
  'nothing acknowledged is lost, no migration is half done, and it always starts again',
  async () => {
    await using core = await CoreProcess.start(ledger(0))
    const rows: number[] = []
    let last = 0
    let next = 0
    await serving(core)
    for (let version = 1; version <= KILLS; version++) {
      const writers = ['row', 'kv', 'row'].map(async (kind) => {
        for (;;) {
          const id = ++next
          const response = await core.request(`${URL}/${kind}/${id}`, { method: 'POST' }).catch(() => null)
          if (response === null) return
          if (response.status !== 200) continue
          if (kind === 'row') rows.push(id)
          else last = id
        }
      })
      for (const [name, text] of Object.entries(ledger(version))) core.write(name, text)
      // From before the files are read to after the swap.
      await Bun.sleep(Math.random() * 200)
      core.kill('SIGKILL')
      await core.exited
      await Promise.all(writers)
      await core.start()
      const state = await serving(core)
      expect(state).toMatchObject({ version, tables: version * 2, applied: version + 1, whole: 1 })
      const there = new Set(state.rows)
      expect(rows.filter((id) => !there.has(id))).toEqual([])
      expect(state.children).toEqual(state.rows)
      expect(state.last).toBeGreaterThanOrEqual(last)
    }
    expect(rows.length).toBeGreaterThan(KILLS)
  },
  KILLS * 5_000,
)

async function serving(core: CoreProcess): Promise<State> {
  for (const end = Date.now() + 10_000; ; await Bun.sleep(5)) {
    const response = await core.request(URL)
    if (response.status === 200) return (await response.json()) as State
    if (Date.now() > end)
      throw new Error(`The plugin did not come up: ${JSON.stringify(core.logs.slice(-5))}`)
  }
}

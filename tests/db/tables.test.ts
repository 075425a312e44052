// ctx.db: a plugin's own tables, brought up to date before it is loaded, and as they were when it is refused.

import { expect, test } from 'bun:test'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'
import { migrations, type Script } from './migrated.ts'
import { until } from '../until.ts'

const ROOMS: Script = {
  tag: '0000_rooms',
  sql: 'CREATE TABLE `rooms` (\n\t`id` integer PRIMARY KEY NOT NULL,\n\t`name` text NOT NULL\n);\n',
}
const FLOOR: Script = {
  tag: '0001_floor',
  sql: 'ALTER TABLE `rooms` ADD `floor` integer DEFAULT 0 NOT NULL;',
}
const LAMPS: Script = {
  tag: '0001_lamps',
  sql: 'CREATE TABLE `lamps` (`id` integer PRIMARY KEY, `room` integer NOT NULL REFERENCES `rooms`(`id`) ON DELETE CASCADE);\n--> statement-breakpoint\nCREATE UNIQUE INDEX `one_lamp` ON `lamps` (`room`);',
}

const COLUMNS = { id: 'integer().primaryKey()', name: 'text().notNull()' }
const WITH_FLOOR = { ...COLUMNS, floor: 'integer().notNull().default(0)' }

/** A plugin that keeps rooms. */
function house(columns: Record<string, string> = COLUMNS, onLoad = '', db = ''): string {
  const fields = Object.entries(columns).map(([name, type]) => `${name}: ${type}`)
  return `
import { definePlugin } from '@home-console/sdk'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { sql } from 'drizzle-orm'
const rooms = sqliteTable('rooms', { ${fields.join(', ')} })
export default definePlugin({
  db: { schema: { rooms }, ${db} },
  async onLoad(ctx) {
    const router = ctx.router({ security: [] })
    router.get('/', (c) => c.json(ctx.db.select().from(rooms).all()))
    router.post('/', async (c) => c.json(ctx.db.insert(rooms).values(await c.req.json()).returning().get()))
    router.get('/sql', (c) => c.json(ctx.db.all(sql.raw(c.req.query('q')))))
    ${onLoad}
    return router
  },
})
`
}

const URL = '/api/plugins/house'

async function rooms(house: TestHouse): Promise<unknown> {
  return (await house.request(URL)).json()
}

async function query(house: TestHouse, text: string): Promise<unknown> {
  return (await house.request(`${URL}/sql?q=${encodeURIComponent(text)}`)).json()
}

function start(source: string, scripts: readonly Script[]): Promise<TestHouse> {
  return startTestHouse({ plugins: { house: { ...migrations(scripts), 'index.ts': source } } })
}

/** Saves the migrations, the journal last. */
function write(house: TestHouse, scripts: readonly Script[]): void {
  for (const [name, text] of Object.entries(migrations(scripts))) house.write(`house/${name}`, text)
}

const hall = { id: 1, name: 'hall' }

test('tables are there before onLoad, outlive a swap, and grow with a migration', async () => {
  await using core = await start(house(), [ROOMS])
  expect(await (await core.send('POST', URL, hall)).json()).toEqual(hall)
  write(core, [ROOMS, FLOOR])
  const reload = await core.save('house/index.ts', house(WITH_FLOOR))
  expect(reload).toMatchObject({ outcome: 'committed', generation: reload.generation })
  expect(await rooms(core)).toEqual([{ ...hall, floor: 0 }])
})

test('a migration that is saved reloads the plugin', async () => {
  await using core = await start(house(WITH_FLOOR), [ROOMS])
  expect(core.runtime.loader.view('house')).toMatchObject({
    state: 'failed',
    error: { code: 'schema_ahead' },
  })
  write(core, [ROOMS, FLOOR])
  await core.event('plugin.loaded')
  await core.send('POST', URL, { ...hall, floor: 2 })
  expect(await rooms(core)).toEqual([{ ...hall, floor: 2 }])
})

test('a refused version leaves the tables, the rows and the old version as they were', async () => {
  await using core = await start(house(), [ROOMS])
  await core.send('POST', URL, hall)
  write(core, [ROOMS, FLOOR])
  const bad = house(
    WITH_FLOOR,
    `ctx.db.insert(rooms).values({ id: 9, name: 'x', floor: 3 }).run(); throw new Error('no')`,
  )
  expect(await core.save('house/index.ts', bad)).toMatchObject({
    outcome: 'kept_old',
    error: { message: 'no' },
  })
  await until('the tables as they were', async () =>
    Bun.deepEquals(await query(core, 'SELECT * FROM rooms WHERE id = 1'), [hall]),
  )
  expect(await (await core.send('POST', URL, { id: 2, name: 'attic' })).status).toBe(200)
  // It was never applied, so it may be another one by now.
  write(core, [ROOMS, LAMPS])
  expect((await core.save('house/index.ts', house(COLUMNS, '// mended'))).outcome).toBe('committed')
  expect(
    await query(
      core,
      `SELECT name FROM sqlite_schema WHERE name NOT LIKE 'home_console%' AND name NOT LIKE 'sqlite%' ORDER BY 1`,
    ),
  ).toEqual([{ name: 'lamps' }, { name: 'one_lamp' }, { name: 'rooms' }])
})

test.each([
  [
    'edited after it was applied',
    [{ ...ROOMS, sql: `${ROOMS.sql}-- edited` }, LAMPS],
    'migration_edited',
    '0000_rooms.sql',
  ],
  ['put before one that was applied', [ROOMS, FLOOR, LAMPS], 'migration_misplaced', '0001_floor.sql'],
  ['taken away again', [ROOMS], 'data_newer', 'meta/_journal.json'],
  [
    'that commits on its own',
    [ROOMS, LAMPS, { tag: '0002', sql: 'INSERT INTO rooms VALUES (5, 5); COMMIT;' }],
    'invalid_migration',
    '0002.sql',
  ],
  [
    'of the Core’s own tables',
    [ROOMS, LAMPS, { tag: '0002', sql: 'DROP TABLE [home_console_kv]' }],
    'invalid_migration',
    '0002.sql',
  ],
  [
    'that is no SQL',
    [ROOMS, LAMPS, { tag: '0002', sql: 'CREATE TABLE oh no' }],
    'migration_failed',
    '0002.sql',
  ],
])('a migration %s is refused by file, and the old version serves on', async (_what, scripts, code, file) => {
  await using core = await start(house(), [ROOMS, LAMPS])
  await core.send('POST', URL, hall)
  write(core, scripts)
  const reload = await core.save('house/index.ts', house(COLUMNS, '// touched'))
  // What only drops or renames waits for the old version to step aside; the rest is refused beside it.
  expect(reload).toMatchObject({
    outcome: 'kept_old',
    error: { code, file: core.path(`house/drizzle/${file}`) },
  })
  expect(await rooms(core)).toEqual([hall])
})

test('a journal that names what is not there is refused, and so is none at all', async () => {
  await using core = await start(house(), [ROOMS])
  core.write('house/drizzle/meta/_journal.json', migrations([ROOMS, FLOOR])['drizzle/meta/_journal.json']!)
  expect((await core.save('house/index.ts', house(COLUMNS, '// 2'))).error).toMatchObject({
    code: 'invalid_migration',
  })
  await using bare = await start(house(), [])
  expect(bare.runtime.loader.view('house')?.error).toMatchObject({
    code: 'schema_ahead',
    file: bare.path('house/index.ts'),
  })
})

test('a folder of another name is watched like the usual one', async () => {
  const source = house(WITH_FLOOR, '', `migrations: './db/steps'`)
  await using core = await startTestHouse({
    plugins: { house: { ...migrations([ROOMS], 'db/steps'), 'index.ts': source } },
  })
  for (const [name, text] of Object.entries(migrations([ROOMS, FLOOR], 'db/steps')))
    core.write(`house/${name}`, text)
  await core.event('plugin.loaded')
  expect(await rooms(core)).toEqual([])
})

test('a transaction is all or nothing, one within it too, and takes no promise', async () => {
  const tries = `
    const add = (tx, id) => tx.insert(rooms).values({ id, name: 'r' + id }).run()
    const late = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    const attempts = [
      () => ctx.db.transaction((tx) => { add(tx, 1); return 'done' }),
      () => ctx.db.transaction((tx) => { add(tx, 2); throw new Error('oops') }),
      () => ctx.db.transaction(async (tx) => { add(tx, 3) }),
      () => ctx.db.transaction((tx) => { add(tx, 4); return late(5).then(() => add(tx, 5)) }),
      () => ctx.db.transaction((tx) => tx.insert(rooms).values({ id: 6, name: 'r6' })),
      () => ctx.db.transaction((tx) => {
        add(tx, 7)
        try { tx.transaction((inner) => { add(inner, 8); throw new Error('inner') }) } catch {}
        try { tx.transaction(async (inner) => { add(inner, 9) }) } catch {}
        try { tx.transaction((inner) => late(1).then(() => add(inner, 10))) } catch {}
        try { ctx.db.transaction((inner) => { add(inner, 11); throw new Error('joined') }) } catch {}
        ctx.kv.set('with', 'it')
      }),
      () => ctx.db.transaction((tx) => { ctx.kv.set('without', 'it'); tx.rollback() }),
      () => ctx.db.run(sql.raw('BEGIN IMMEDIATE')),
    ]
    router.get('/tries', async (c) => {
      const said = attempts.map((attempt) => { try { return attempt() ?? null } catch (error) { return (error.cause ?? error).message.slice(0, 40) } })
      await late(30)
      return c.json({ said, keys: ctx.kv.list() })
    })`
  await using core = await start(house(COLUMNS, tries), [ROOMS])
  const { said, keys } = (await (await core.request(`${URL}/tries`)).json()) as {
    said: string[]
    keys: string[]
  }
  const refused = 'ctx.db.transaction() takes no async functio'.slice(0, 40)
  expect(said).toEqual([
    'done',
    'oops',
    refused,
    refused,
    refused,
    null,
    'Rollback',
    'A transaction that is begun by hand woul',
  ] as string[])
  expect(await query(core, 'SELECT id FROM rooms')).toEqual([{ id: 1 }, { id: 7 }])
  expect(keys).toEqual(['with'])
  // Who was refused wrote late, into nothing, and that is no mistake of anybody else.
  expect((await core.save('house/index.ts', house())).outcome).toBe('committed')
})

test('rows and kv are there after a restart, and the tables are not made again', async () => {
  await using core = await start(house(), [ROOMS, FLOOR])
  await core.send('POST', URL, hall)
  await core.runtime.stop('a restart')
  const folder = join(core.folder, 'copy')
  mkdirSync(folder)
  cpSync(join(core.folder, 'data'), folder, { recursive: true })
  await using again = await startTestHouse({
    plugins: { house: core.path('house') },
    config: { dataDir: folder, runtimeDir: folder },
  })
  expect(await rooms(again)).toEqual([hall])
})

test('ctx.db without tables, and a definition that is none, are refused in words', async () => {
  await using core = await startTestHouse({
    plugins: {
      none: { 'index.ts': `export default { onLoad(ctx) { ctx.db.select() } }` },
      odd: { 'index.ts': `export default { db: { tables: {} }, onLoad() {} }` },
    },
  })
  expect(core.runtime.loader.view('none')?.error).toMatchObject({ code: 'invalid_argument' })
  expect(core.runtime.loader.view('odd')?.error).toMatchObject({ code: 'invalid_definition' })
})

// Migrations that do more than add: the version that serves steps aside for them, and comes back to its own tables.

import { expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'
import { migrations, type Script } from './migrated.ts'

const TABLES: Script = {
  tag: '0000_tables',
  sql: `CREATE TABLE rooms (id integer PRIMARY KEY NOT NULL, name text NOT NULL);
--> statement-breakpoint
CREATE TABLE lamps (id integer PRIMARY KEY NOT NULL, room integer NOT NULL REFERENCES rooms(id) ON DELETE CASCADE);`,
}
/** What drizzle-kit writes when a column gets another type. */
const REBUILD: Script = {
  tag: '0001_rebuild',
  sql: `PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE \`__new_rooms\` (\`id\` integer PRIMARY KEY NOT NULL, \`title\` text NOT NULL);
--> statement-breakpoint
INSERT INTO \`__new_rooms\`("id", "title") SELECT "id", "name" FROM \`rooms\`;--> statement-breakpoint
DROP TABLE \`rooms\`;--> statement-breakpoint
ALTER TABLE \`__new_rooms\` RENAME TO \`rooms\`;--> statement-breakpoint
PRAGMA foreign_keys=ON;`,
}

function house(column: 'name' | 'title', onLoad = ''): string {
  return `
import { definePlugin } from '@home-console/sdk'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
const rooms = sqliteTable('rooms', { id: integer().primaryKey(), ${column}: text().notNull() })
const lamps = sqliteTable('lamps', { id: integer().primaryKey(), room: integer().notNull().references(() => rooms.id) })
export default definePlugin({
  db: { schema: { rooms, lamps } },
  onLoad(ctx) {
    const router = ctx.router({ security: [] })
    router.get('/', (c) => c.json({ rooms: ctx.db.select().from(rooms).all(), lamps: ctx.db.select().from(lamps).all() }))
    router.post('/:id', (c) => {
      const id = Number(c.req.param('id'))
      ctx.db.insert(rooms).values({ id, ${column}: 'r' + id }).run()
      ctx.db.insert(lamps).values({ id, room: id }).run()
      return c.json({})
    })
    ${onLoad}
    return router
  },
})
`
}

const URL = '/api/plugins/house'

async function state(house: TestHouse): Promise<unknown> {
  return (await house.request(URL)).json()
}

function write(house: TestHouse, scripts: readonly Script[]): void {
  for (const [name, text] of Object.entries(migrations(scripts))) house.write(`house/${name}`, text)
}

function start(): Promise<TestHouse> {
  return startTestHouse({ plugins: { house: { ...migrations([TABLES]), 'index.ts': house('name') } } })
}

function files(house: TestHouse): string[] {
  return readdirSync(join(house.folder, 'data/plugins')).filter((name) => !/-(wal|shm)$/.test(name))
}

const lamps = [{ id: 1, room: 1 }]

test('a table is rebuilt under a serving plugin, with its children, and no request fails', async () => {
  await using core = await start()
  await core.request(`${URL}/1`, { method: 'POST' })
  write(core, [TABLES, REBUILD])
  const over = new AbortController()
  const asked = (async () => {
    const statuses = new Set<number>()
    while (!over.signal.aborted) statuses.add((await core.request(URL)).status)
    return statuses
  })()
  const reload = await core.save('house/index.ts', house('title'))
  over.abort()
  expect(reload).toMatchObject({ outcome: 'committed', error: null })
  expect([...(await asked)]).toEqual([200])
  expect(await state(core)).toEqual({ rooms: [{ id: 1, title: 'r1' }], lamps })
  expect(files(core)).toEqual(['house.sqlite'])
})

test('a version that is refused after a rebuild: the one before is back, with every row', async () => {
  await using core = await start()
  await core.request(`${URL}/1`, { method: 'POST' })
  write(core, [TABLES, REBUILD])
  const bad = `ctx.db.delete(lamps).run(); ctx.kv.set('left', 1); throw new Error('no')`
  const reload = await core.save('house/index.ts', house('title', bad))
  expect(reload).toMatchObject({ outcome: 'kept_old', error: { message: 'no' } })
  expect(await state(core)).toEqual({ rooms: [{ id: 1, name: 'r1' }], lamps })
  expect((await core.request(`${URL}/2`, { method: 'POST' })).status).toBe(200)
  expect(files(core)).toEqual(['house.sqlite'])

  expect((await core.save('house/index.ts', house('title'))).outcome).toBe('committed')
  expect(await state(core)).toMatchObject({ rooms: [{ title: 'r1' }, { title: 'r2' }] })
})

test('for a migration that fails, nobody steps aside', async () => {
  await using core = await start()
  await core.request(`${URL}/1`, { method: 'POST' })
  write(core, [TABLES, { tag: '0001_orphans', sql: 'DELETE FROM rooms;' }])
  const reload = await core.save('house/index.ts', house('name', '// touched'))
  expect(reload).toMatchObject({
    outcome: 'kept_old',
    error: { code: 'migration_failed', file: core.path('house/drizzle/0001_orphans.sql') },
  })
  expect(core.runtime.loader.view('house')).toMatchObject({ generation: 1 })
  expect(await state(core)).toMatchObject({ lamps })
})

test('a rebuild of a plugin that does not serve is undone too when its version is refused', async () => {
  await using core = await start()
  await core.request(`${URL}/1`, { method: 'POST' })
  await core.send('PATCH', '/api/core/plugins/house', { enabled: false })
  write(core, [TABLES, REBUILD])
  core.write('house/index.ts', house('title', `throw new Error('no')`))
  await core.send('PATCH', '/api/core/plugins/house', { enabled: true })
  expect(core.runtime.loader.view('house')).toMatchObject({ state: 'failed' })
  write(core, [TABLES])
  expect((await core.save('house/index.ts', house('name', '// again'))).outcome).toBe('committed')
  expect(await state(core)).toEqual({ rooms: [{ id: 1, name: 'r1' }], lamps })
})

test('the house goes back over what a version added, and not over what it changed', async () => {
  await using core = await start()
  await core.request(`${URL}/1`, { method: 'POST' })
  const added = { tag: '0001_watts', sql: 'ALTER TABLE lamps ADD watts integer;' }
  write(core, [TABLES, added])
  expect((await core.save('house/index.ts', house('name', '// with watts'))).outcome).toBe('committed')
  const back = () => core.request('/api/core/plugins/house/rollback', { method: 'POST' })
  expect((await back()).status).toBe(200)
  expect((await core.request(`${URL}/2`, { method: 'POST' })).status).toBe(200)
  expect(await state(core)).toMatchObject({ lamps: [...lamps, { id: 2, room: 2 }] })

  write(core, [TABLES, added, { ...REBUILD, tag: '0002_rebuild' }])
  expect((await core.save('house/index.ts', house('title', '// rebuilt'))).outcome).toBe('committed')
  const refused = await back()
  expect(refused.status).toBe(422)
  expect(await refused.json()).toMatchObject({ reload: { error: { code: 'data_newer' } } })
  expect(await state(core)).toMatchObject({ rooms: [{ title: 'r1' }, { title: 'r2' }] })
})

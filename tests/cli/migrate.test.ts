// hc plugin migrate: what it writes is what the Core applies.

import { expect, test } from 'bun:test'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startTestHouse } from '@home-console/sdk/testing'
import { hc } from './hc.ts'
import { pluginsFolder } from './plugin-on-disk.ts'

const lamp = (columns: string, more = '') => `
import { definePlugin } from '@home-console/sdk'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
const lamps = sqliteTable('lamps', { id: integer().primaryKey(), ${columns} })
${more}
export default definePlugin({
  db: { schema: { lamps${more && ', rooms'} } },
  onLoad(ctx) {
    const router = ctx.router({ security: [] })
    router.get('/', (c) => c.json(ctx.db.select().from(lamps).all()))
    router.post('/', async (c) => c.json(ctx.db.insert(lamps).values(await c.req.json()).run().changes))
    return router
  },
})
`
const ROOMS = `const rooms = sqliteTable('rooms', { id: integer().primaryKey() })`

test('writes one migration after another, and the Core applies them', async () => {
  using folder = pluginsFolder({ 'lamp/index.ts': lamp('name: text().notNull()') })
  const dir = join(folder.path, 'lamp')
  expect(await hc(['plugin', 'migrate', dir, '--json'], { cwd: dir })).toEqual({
    code: 0,
    out: '{"file":"drizzle/0000_change.sql"}\n',
    err: '',
  })
  await using house = await startTestHouse({ plugins: { lamp: dir } })
  await house.send('POST', '/api/plugins/lamp', { id: 1, name: 'hall' })

  // By its id, beside the Core, which takes up what is written.
  const here = { env: { PLUGINS_DIR: join(house.folder, 'plugins') }, cwd: house.path('lamp') }
  await house.save('lamp/index.ts', lamp(`name: text(), watts: integer()`, ROOMS))
  expect(house.runtime.loader.view('lamp')!.error!.message).toContain('hc plugin migrate')
  const { code, out, err } = await hc(['plugin', 'migrate', 'lamp', '--name', 'rooms'], here)
  expect([code, out, err]).toEqual([0, 'drizzle/0001_rooms.sql\n', ''])
  await house.event('plugin.reloaded')
  const answer = await house.request('/api/plugins/lamp')
  expect(await answer.json()).toEqual([{ id: 1, name: 'hall', watts: null }])
  expect(readdirSync(house.path('lamp/drizzle/meta')).sort()).toEqual([
    '0000_snapshot.json',
    '0001_snapshot.json',
    '_journal.json',
  ])
  expect((await hc(['plugin', 'migrate', 'lamp'], here)).out).toContain('say all that the schema does')
}, 30_000)

test('writes no column that the rows which are there would have no value in', async () => {
  using folder = pluginsFolder({ 'lamp/index.ts': lamp('name: text()') })
  const here = { cwd: folder.path }
  expect((await hc(['plugin', 'migrate', 'lamp'], here)).code).toBe(0)
  writeFileSync(join(folder.path, 'lamp/index.ts'), lamp('name: text(), must: text().notNull()'))
  expect(await hc(['plugin', 'migrate', 'lamp'], here)).toMatchObject({
    code: 1,
    err: expect.stringContaining('"must" of "lamps" is notNull() and has no default'),
  })
  expect(readdirSync(join(folder.path, 'lamp/drizzle')).filter((name) => name.endsWith('.sql'))).toHaveLength(
    1,
  )
  writeFileSync(join(folder.path, 'lamp/index.ts'), lamp(`name: text(), must: text().notNull().default('x')`))
  expect((await hc(['plugin', 'migrate', 'lamp'], here)).code).toBe(0)
  await using house = await startTestHouse({ plugins: { lamp: join(folder.path, 'lamp') } })
  expect(house.runtime.loader.view('lamp')!.state).toBe('active')
}, 30_000)

test('asks nobody where nobody can answer, and says what is no plugin', async () => {
  using folder = pluginsFolder({
    'lamp/index.ts': lamp('name: text()'),
    'bare.ts': 'export default { onLoad() {} }',
  })
  const here = { cwd: folder.path }
  expect((await hc(['plugin', 'migrate', 'lamp'], here)).code).toBe(0)
  writeFileSync(join(folder.path, 'lamp/index.ts'), lamp('title: text()'))
  expect(await hc(['plugin', 'migrate', 'lamp'], here)).toMatchObject({
    code: 1,
    err: expect.stringContaining('renamed'),
  })
  expect(await hc(['plugin', 'migrate', 'bare.ts'], here)).toMatchObject({
    code: 1,
    err: expect.stringContaining('no tables'),
  })
  expect(await hc(['plugin', 'migrate', 'nobody'], here)).toMatchObject({ code: 2 })
  expect(await hc(['plugin', 'migrate', 'lamp', '--name', '../x'], here)).toMatchObject({ code: 2 })
}, 30_000)

// A database that is damaged, lost, full or locked: told in words, of one plugin only, and over as soon as the cause is.

import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'
import { until } from '../until.ts'
import { migrations } from './migrated.ts'

const NOTES = `
import { definePlugin } from '@home-console/sdk'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
const notes = sqliteTable('notes', { id: integer().primaryKey(), body: text().notNull() })
export default definePlugin({
  db: { schema: { notes } },
  onLoad(ctx) {
    const router = ctx.router({ security: [] })
    router.get('/', (c) => c.json(ctx.db.select({ id: notes.id }).from(notes).all().length))
    router.get('/all', (c) => c.json(ctx.db.select().from(notes).all().length))
    router.post('/', async (c) => c.json(ctx.db.insert(notes).values({ body: await c.req.text() }).run().changes))
    router.delete('/', (c) => c.json(ctx.db.delete(notes).run().changes))
    router.get('/slow', (c) => {
      ctx.db.all('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000) SELECT max(i) FROM n')
      return c.json({})
    })
    return router
  },
})
`
const SQL = 'CREATE TABLE notes (id integer PRIMARY KEY, body text NOT NULL);'
const PLUGINS = {
  notes: { ...migrations([{ tag: '0000_notes', sql: SQL }]), 'index.ts': NOTES },
  other: { 'index.ts': `export default { onLoad(ctx) { ctx.kv.set('a', (ctx.kv.get('a') ?? 0) + 1) } }` },
}
const URL = '/api/plugins/notes'

class DataFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'home-console-data-'))
  readonly file = join(this.path, 'plugins/notes.sqlite')
  #mounted = false

  constructor() {
    mkdirSync(join(this.path, 'plugins'), { mode: 0o700 })
  }

  house(): Promise<TestHouse> {
    return startTestHouse({ plugins: PLUGINS, config: { dataDir: this.path, runtimeDir: this.path } })
  }

  /** Makes a disk of the folder of databases. */
  mount(options: string): void {
    const { exitCode, stderr } = Bun.spawnSync([
      'mount',
      ...(this.#mounted ? ['-o', `remount,${options}`] : ['-t', 'tmpfs', '-o', options, 'tmpfs']),
      join(this.path, 'plugins'),
    ])
    if (exitCode !== 0)
      throw new Error(`This test needs to mount a small disk, and may not here: ${stderr.toString()}`)
    this.#mounted = true
  }

  [Symbol.dispose](): void {
    if (this.#mounted) Bun.spawnSync(['umount', '-l', join(this.path, 'plugins')])
    rmSync(this.path, { recursive: true })
  }
}

async function filled(folder: DataFolder): Promise<void> {
  await using house = await folder.house()
  for (let index = 0; index < 20; index++)
    await house.request(URL, { method: 'POST', body: 'x'.repeat(1_000) })
}

function change(file: string, sql: string): void {
  const sqlite = new Database(file)
  sqlite.run(sql)
  sqlite.close()
}

const damages: [string, (file: string) => void, RegExp][] = [
  ['of zero length', (file) => truncateSync(file, 0), /is empty, so its data is lost/],
  ['cut short', (file) => truncateSync(file, 8_192), /is damaged/],
  ['cut in a page', (file) => truncateSync(file, 5_000), /is damaged/],
  ['of noise', (file) => writeFileSync(file, Buffer.alloc(20_000, 'noise ')), /is damaged/],
  [
    'with a page of noise',
    (file) => {
      const descriptor = openSync(file, 'r+')
      for (let page = 2; page < readFileSync(file).length / 4_096; page++)
        writeSync(descriptor, Buffer.alloc(4_000, 'noise '), 0, 4_000, page * 4_096)
      closeSync(descriptor)
    },
    /is damaged/,
  ],
  [
    'of somebody else',
    (file) => {
      rmSync(file)
      change(file, 'CREATE TABLE theirs (a)')
    },
    /no database of a plugin/,
  ],
  ['of a newer Home Console', (file) => change(file, 'PRAGMA user_version = 99'), /newer Home Console/],
]

test.each(damages)('a file %s refuses the plugin by name, and nobody else', async (_what, damage, said) => {
  using folder = new DataFolder()
  await filled(folder)
  damage(folder.file)
  const before = readFileSync(folder.file)
  await using house = await folder.house()
  const { state, error } = house.runtime.loader.view('notes')!
  expect([state, error!.message]).toEqual(['failed', expect.stringMatching(said)])
  expect(error!.message).toContain(folder.file)
  expect(house.runtime.loader.view('other')).toMatchObject({ state: 'active' })
  // What might be mended is not touched.
  expect(readFileSync(folder.file).equals(before)).toBe(true)
})

test('on a full disk a write is refused in words, nothing is half written, and room is all that it takes', async () => {
  using folder = new DataFolder()
  folder.mount('size=400k')
  await using house = await folder.house()
  expect(house.runtime.loader.view('notes')).toMatchObject({ state: 'active' })
  const put = () => house.request(URL, { method: 'POST', body: 'x'.repeat(10_000) })
  let written = 0
  let refused: Response
  for (;;) {
    refused = await put()
    if (refused.status !== 200) break
    if (++written > 100) throw new Error('the disk never filled')
  }
  expect(refused.status).toBe(503)
  expect(await refused.json()).toMatchObject({
    code: 'storage_failed',
    detail: expect.stringContaining('disk is full'),
  })
  expect(await (await house.request(URL)).json()).toBe(written)
  await put()
  const told = house.logs.filter(
    ({ plugin, message }) => plugin === 'notes' && message.includes('disk is full'),
  )
  expect(told).toHaveLength(1)
  folder.mount('size=4m')
  expect((await put()).status).toBe(200)
  expect(await (await house.request(URL)).json()).toBe(written + 1)
})

test.each([
  ['what its log has', (_file: string) => {}],
  ['the copy that is taken first', (file: string) => change(file, 'PRAGMA wal_checkpoint(TRUNCATE)')],
])('where a rebuild has no room for %s, the version before goes on with its rows', async (_what, prepare) => {
  using folder = new DataFolder()
  folder.mount('size=4m')
  await using house = await folder.house()
  for (let index = 0; index < 100; index++)
    await house.request(URL, { method: 'POST', body: 'x'.repeat(5_000) })
  prepare(folder.file)
  const filler = join(folder.path, 'plugins/filler')
  for (const bytes of [1 << 16, 1 << 12]) {
    try {
      for (;;) appendFileSync(filler, new Uint8Array(bytes))
    } catch {
      // Full.
    }
  }
  const rebuilt = `CREATE TABLE __new (id integer PRIMARY KEY, body text NOT NULL);
--> statement-breakpoint
INSERT INTO __new SELECT id, body FROM notes;
--> statement-breakpoint
DROP TABLE notes;
--> statement-breakpoint
ALTER TABLE __new RENAME TO notes;`
  const scripts = [
    { tag: '0000_notes', sql: SQL },
    { tag: '0001_rebuilt', sql: rebuilt },
  ]
  // The source last: with a migration alone it is another version, too.
  for (const [name, text] of Object.entries(migrations(scripts))) house.write(`notes/${name}`, text)
  const refused = await house.save('notes/index.ts', `${NOTES}// rebuilt`)
  expect(refused).toMatchObject({
    outcome: 'kept_old',
    error: { message: expect.stringMatching(/disk is full|no space/i) },
  })
  expect(await (await house.request(URL)).json()).toBe(100)
  rmSync(filler)
  expect((await house.request('/api/core/plugins/notes/reload', { method: 'POST' })).status).toBe(200)
  expect(await (await house.request(URL)).json()).toBe(100)
})

test('on a disk that may not be written a plugin is refused, and comes up when it may', async () => {
  using folder = new DataFolder()
  folder.mount('size=4m')
  await filled(folder)
  folder.mount('ro')
  await using house = await folder.house()
  expect(house.runtime.loader.view('notes')!.error!.message).toContain('cannot be written')
  folder.mount('rw')
  expect((await house.request('/api/core/plugins/notes/reload', { method: 'POST' })).status).toBe(200)
  expect(await (await house.request(URL)).json()).toBe(20)
})

test('damage that shows late is told at the query', async () => {
  using folder = new DataFolder()
  await filled(folder)
  await using house = await folder.house()
  expect(await (await house.request(`${URL}/all`)).json()).toBe(20)
  // The disk loses what was read before; a new version has a connection without memory.
  const descriptor = openSync(folder.file, 'r+')
  for (let page = 5; page < readFileSync(folder.file).length / 4_096; page++)
    writeSync(descriptor, Buffer.alloc(4_096, 255), 0, 4_096, page * 4_096)
  closeSync(descriptor)
  await house.save('notes/index.ts', `${NOTES}// again`)
  const answer = await house.request(`${URL}/all`)
  expect(answer.status).toBe(503)
  expect(await answer.json()).toMatchObject({
    code: 'storage_failed',
    detail: expect.stringContaining('is damaged'),
  })
})

test('who locks the file from outside is told of, and the loop is not held for long', async () => {
  using folder = new DataFolder()
  await using house = await folder.house()
  const other = new Database(folder.file)
  other.run('BEGIN IMMEDIATE')
  const started = performance.now()
  const answer = await house.request(URL, { method: 'POST', body: 'x' })
  expect(await answer.json()).toMatchObject({
    code: 'storage_failed',
    detail: expect.stringContaining('locked'),
  })
  expect(performance.now() - started).toBeLessThan(2_500)
  other.run('ROLLBACK')
  other.close()
  expect((await house.request(URL, { method: 'POST', body: 'x' })).status).toBe(200)
})

test('a slow query is named in the log and counted, with what the database comes to', async () => {
  using folder = new DataFolder()
  await using house = await folder.house()
  await house.request(`${URL}/slow`)
  expect(
    house.logs.filter(({ plugin, message }) => plugin === 'notes' && message.includes('WITH RECURSIVE')),
  ).toHaveLength(1)
  const { database } = house.runtime.loader.view('notes')!
  expect(database).toMatchObject({ slowQueries: 1 })
  expect(database!.bytes).toBeGreaterThan(4_096)
  const metrics = await (await house.request('/metrics')).text()
  expect(metrics).toContain('home_console_plugin_slow_queries_total{plugin="notes"} 1\n')
  expect(metrics).toMatch(/home_console_plugin_database_bytes\{plugin="notes"\} \d{4,}\n/)
})

test('data outlives the plugin until the owner throws it away', async () => {
  using folder = new DataFolder()
  await using house = await folder.house()
  await house.request(URL, { method: 'POST', body: 'x' })
  const throwAway = (id: string) => house.request(`/api/core/plugins/${id}/data`, { method: 'DELETE' })
  expect(await (await throwAway('notes')).json()).toMatchObject({ status: 409, code: 'data_in_use' })
  rmSync(house.path('notes'), { recursive: true })
  await house.event('plugin.unloaded')
  expect(readFileSync(folder.file).length).toBeGreaterThan(0)
  // Until it is drained and closed, its data is in use.
  const { status } = await until('its data not to be in use', async () => {
    const answer = await throwAway('notes')
    return answer.status !== 409 && answer
  })
  expect(status).toBe(204)
  expect(await Bun.file(folder.file).exists()).toBe(false)
  expect((await throwAway('notes')).status).toBe(404)
  expect((await throwAway('Notes')).status).toBe(404)
  expect((await throwAway('..%2Fcore')).status).toBeGreaterThanOrEqual(400)
})

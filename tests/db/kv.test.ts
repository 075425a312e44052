// ctx.kv: single values that outlive swaps and restarts, for as long as is said.

import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { startTestHouse } from '@home-console/sdk/testing'
import * as fc from 'fast-check'
import { until } from '../until.ts'
import { Databases } from './databases.ts'

const KEEPER = (version: number) => `
import { definePlugin } from '@home-console/sdk'
export default definePlugin({
  version: '${version}',
  onLoad(ctx) {
    const router = ctx.router({ security: [] })
    router.get('/value/:key', (c) => c.json({ version: ${version}, value: ctx.kv.get(c.req.param('key')) ?? null }))
    router.put('/value/:key', async (c) => {
      const { value, ...options } = await c.req.json()
      ctx.kv.set(c.req.param('key'), value, options)
      return c.json({})
    })
    router.delete('/value/:key', (c) => c.json(ctx.kv.delete(c.req.param('key'))))
    router.get('/keys', (c) => c.json(ctx.kv.list(c.req.query('prefix'))))
    return router
  },
})
`

const at = (key: string) => `/api/plugins/keeper/value/${key}`

test('what was set outlives a swap, is the plugin’s own, and expires by the clock', async () => {
  await using house = await startTestHouse({
    plugins: { keeper: { 'index.ts': KEEPER(1) }, other: { 'index.ts': KEEPER(1) } },
  })
  const get = async (key: string) => (await house.request(at(key))).json()
  const file = join(house.folder, 'data/plugins/keeper.sqlite')
  expect(readdirSync(join(house.folder, 'data'))).not.toContain('plugins')

  expect((await house.send('PUT', at('a'), { value: { deep: [1, null, 'ü'] } })).status).toBe(200)
  await house.send('PUT', at('b'), { value: 2, ttl: 60_000 })
  expect(statSync(file).mode & 0o777).toBe(0o600)
  await house.save('keeper/index.ts', KEEPER(2))

  expect(await get('a')).toEqual({ version: 2, value: { deep: [1, null, 'ü'] } })
  expect(await (await house.request('/api/plugins/keeper/keys')).json()).toEqual(['a', 'b'])
  expect(await (await house.request('/api/plugins/keeper/keys?prefix=b')).json()).toEqual(['b'])
  expect(await (await house.request('/api/plugins/other/keys')).json()).toEqual([])
  await house.clock.advance(59_999)
  expect(await get('b')).toEqual({ version: 2, value: 2 })
  await house.clock.advance(1)
  expect(await get('b')).toEqual({ version: 2, value: null })
  expect(await (await house.request(at('b'), { method: 'DELETE' })).json()).toBe(false)
  expect(await (await house.request(at('a'), { method: 'DELETE' })).json()).toBe(true)
})

test('what is no JSON, no key or no ttl is refused in words', async () => {
  const source = `
import { definePlugin } from '@home-console/sdk'
const circle: unknown[] = []
circle.push(circle)
const tries = [
  (kv) => kv.set('a', undefined), (kv) => kv.set('a', () => {}), (kv) => kv.set('a', 1n), (kv) => kv.set('a', circle),
  (kv) => kv.set('', 1), (kv) => kv.set('x'.repeat(513), 1), (kv) => kv.get(5), (kv) => kv.list(5),
  (kv) => kv.set('a', 1, { ttl: 0 }), (kv) => kv.set('a', 1, { ttl: NaN }),
]
export default definePlugin({
  onLoad(ctx) {
    const router = ctx.router({ security: [] })
    router.get('/', (c) => c.json(tries.map((attempt) => {
      try { attempt(ctx.kv); return 'taken' } catch (error) { return error.code }
    }).concat(ctx.kv.list())))
    return router
  },
})
`
  await using house = await startTestHouse({ plugins: { keeper: { 'index.ts': source } } })
  expect(await (await house.request('/api/plugins/keeper')).json()).toEqual(
    Array(10).fill('invalid_argument'),
  )
})

test('a version that is gone holds no file open', async () => {
  await using house = await startTestHouse({ plugins: { keeper: { 'index.ts': KEEPER(1) } } })
  for (let version = 2; version < 32; version++) {
    await house.send('PUT', at('a'), { value: version })
    const { id } = await house.save('keeper/index.ts', KEEPER(version))
    // While another connection has a lock on the file, SQLite keeps the descriptors of those that go for those that come:
    // as many as there ever were at once, so that one version must be gone before the next one comes.
    await until('the version before to be gone', () => {
      const record = house.runtime.loader.find('keeper')!.reloads.list(1)[0]!
      return record.id === id && record.phases.close > 0
    })
  }
  await house.request(at('a'))
  expect(opened()).toBeWithin(1, 4)
})

/** How many descriptors of this process are on the file. */
function opened(): number {
  const paths = readdirSync('/proc/self/fd').map((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`)
    } catch {
      return ''
    }
  })
  return paths.filter((path) => path.endsWith('/keeper.sqlite')).length
}

test('it does what a Map would that forgets what has expired', () => {
  const key = fc.constantFrom('a', 'ab', 'b', '__proto__', 'constructor', 'é', '%', '_')
  const ttl = fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined })
  const step = fc.oneof(
    fc.record({ do: fc.constant('set' as const), key, value: fc.jsonValue(), ttl }),
    fc.record({ do: fc.constant('get' as const), key }),
    fc.record({ do: fc.constant('delete' as const), key }),
    fc.record({ do: fc.constant('list' as const), key }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ do: fc.constant('reopen' as const) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      using databases = new Databases()
      let data = databases.lend()
      let now = databases.clock.now()
      const model = new Map<string, { text: string; until: number }>()
      const alive = (name: string) => {
        const found = model.get(name)
        return found !== undefined && found.until > now ? found.text : undefined
      }
      for (const one of steps) {
        if (one.do === 'set') {
          data.kv.set(one.key, one.value, one.ttl === undefined ? {} : { ttl: one.ttl })
          model.set(one.key, { text: JSON.stringify(one.value), until: now + (one.ttl ?? Infinity) })
        } else if (one.do === 'get') {
          expect(JSON.stringify(data.kv.get(one.key))).toBe(alive(one.key)!)
        } else if (one.do === 'delete') {
          expect(data.kv.delete(one.key)).toBe(alive(one.key) !== undefined)
          model.delete(one.key)
        } else if (one.do === 'list') {
          const keys = [...model.keys()].filter(
            (name) => alive(name) !== undefined && name.startsWith(one.key),
          )
          expect(data.kv.list(one.key)).toEqual(keys.sort())
        } else if (one.do === 'wait') {
          void databases.clock.advance(one.ms)
          now += one.ms
        } else {
          data.close()
          data = databases.lend()
        }
      }
    }),
    { numRuns: 60 },
  )
})

test('a secret is not on the disk in the clear, and opens for its plugin under its key only', () => {
  using databases = new Databases()
  const data = databases.lend()
  data.kv.set('token', { bearer: 'opensesame' }, { secret: true })
  expect(data.kv.get('token')).toEqual({ bearer: 'opensesame' })
  data.connection.run(
    `INSERT INTO home_console_kv SELECT 'copy', value, sealed, expires_at FROM home_console_kv`,
  )
  expect(() => data.kv.get('copy')).toThrow(expect.objectContaining({ code: 'storage_failed' }))
  data.kv.set('token', 'public')
  expect(data.kv.get('token')).toBe('public')
  for (const name of readdirSync(databases.folder))
    expect(readFileSync(join(databases.folder, name)).includes('opensesame')).toBe(false)
})

test('what is deleted goes back to the disk', async () => {
  using databases = new Databases()
  const data = databases.lend()
  for (let index = 0; index < 200; index++) data.kv.set(`k${index}`, 'x'.repeat(10_000))
  data.connection.execute('PRAGMA wal_checkpoint(TRUNCATE)')
  const full = statSync(databases.file).size
  for (let index = 0; index < 200; index++) data.kv.delete(`k${index}`)
  for (let hour = 0; hour < 4; hour++) await databases.clock.advance(3_600_000)
  data.close()
  expect([full > 2_000_000, statSync(databases.file).size < 100_000]).toEqual([true, true])
})

test('after its generation a database says so, and nothing is left beside the file', () => {
  using databases = new Databases()
  const data = databases.lend()
  data.kv.set('a', 1)
  data.close()
  expect(() => data.kv.get('a')).toThrow(expect.objectContaining({ code: 'generation_closed' }))
  expect(readdirSync(databases.folder)).toEqual(['keeper.sqlite'])
  const sqlite = new Database(databases.file, { readonly: true })
  expect(sqlite.query('PRAGMA integrity_check').values()).toEqual([['ok']])
  sqlite.close()
})

test('what is written is counted across versions, and too much of it is told', async () => {
  using databases = new Databases()
  let data = databases.lend()
  const written = () => databases.all.usageOf('keeper')!.written
  data.kv.set('a', 1)
  const one = written()
  expect(one).toBeWithin(4_120, 5 * 4_120)
  data.kv.get('a')
  expect(written()).toBe(one)
  data.close()
  data = databases.lend()
  // More than the log holds before it begins anew.
  for (let index = 0; index < 70; index++) data.kv.set('b', String(index % 10).repeat(1024 * 1024))
  expect(written() / 1024 / 1024).toBeWithin(70, 80)
  // It is cut back to 4 MiB whenever it was written into the file, which is when it has come to that.
  expect(statSync(`${databases.file}-wal`).size / 1024 / 1024).toBeLessThan(6)
  await databases.clock.advance(3_600_000)
  // A slow disk is told of as well.
  const told = () => databases.warnings.filter((message) => message.includes('in an hour'))
  expect(told()).toEqual([expect.stringMatching(/wrote 7\d MiB in an hour/)])
  await databases.clock.advance(3_600_000)
  expect(told()).toHaveLength(1)
})

test('many small writes are counted to the page, though the log is not looked at for each', () => {
  using databases = new Databases()
  const { connection, kv } = databases.lend()
  connection.relax()
  // Each changes one page of a table of one page, so that each is one page of the log, which begins anew again and again.
  kv.set('a', 0)
  const before = databases.all.usageOf('keeper')!.written
  for (let value = 1; value <= 5_000; value++)
    connection.run('UPDATE home_console_kv SET value = ?', [value % 7])
  const pages = (databases.all.usageOf('keeper')!.written - before) / 4_120
  expect(pages).toBeWithin(4_900, 5_001)
})

// The house in a box, as the author of a plugin uses it.

import { afterEach, expect, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTestHouse, TestClock, type TestHouse } from '@home-console/sdk/testing'

let house: TestHouse | undefined
afterEach(async () => {
  await house?.stop()
  house = undefined
})

const plugin = (body: string) => ({
  'index.ts': `import { definePlugin } from '@home-console/sdk'\nexport default definePlugin({ onLoad(ctx) {\n${body}\n} })\n`,
})

test('the clock stands still until it is turned, and then runs what is due at its time', async () => {
  const now = Date.UTC(2026, 5, 1, 6, 59, 30)
  house = await startTestHouse({
    now,
    plugins: {
      alarm: plugin(`
        ctx.after(45_000, () => ctx.events.emit('alarm.once', null))
        ctx.every(20_000, () => ctx.events.emit('alarm.tick', null))
        ctx.every('0 7 * * *', () => ctx.events.emit('alarm.cron', null), { timeZone: 'UTC' })
      `),
    },
  })
  const rings = () =>
    house!.events
      .filter(({ type }) => type.startsWith('alarm.'))
      .map(({ type, time }) => `${type} ${time.slice(14, 19)}`)

  await Bun.sleep(30)
  expect(rings()).toEqual([])
  await house.clock.advance(60_000)

  expect(rings()).toEqual([
    'alarm.tick 59:50',
    'alarm.cron 00:00',
    'alarm.tick 00:10',
    'alarm.once 00:15',
    'alarm.tick 00:30',
  ])
})

test('what a plugin takes for the present is what the clock says', async () => {
  house = await startTestHouse({
    now: Date.UTC(2026, 5, 1),
    plugins: {
      calendar: plugin(`
        class Day extends Date { get name() { return this.toISOString().slice(0, 10) } }
        ctx.every(86_400_000, () => ctx.events.emit('calendar.day', {
          now: Date.now(), today: new Day().name, said: Date().slice(4, 10), isDate: new Date() instanceof Date,
          fixed: new Date(2020, 0, 2).getDate(), parsed: Date.parse('1970-01-01'),
        }))
      `),
    },
  })

  await house.clock.advance(86_400_000)

  expect((await house.event('calendar.day')).data).toEqual({
    now: Date.UTC(2026, 5, 2),
    today: '2026-06-02',
    said: new Date(Date.UTC(2026, 5, 2)).toString().slice(4, 10),
    isDate: true,
    fixed: 2,
    parsed: 0,
  })
})

test('a plugin finds the packages that it finds where it was copied from', async () => {
  const root = mkdtempSync(join(tmpdir(), 'checkout-'))
  const lumen = join(root, 'node_modules/lumen')
  const lamp = join(root, 'plugins/lamp')
  for (const folder of [lumen, lamp]) mkdirSync(folder, { recursive: true })
  writeFileSync(join(lumen, 'package.json'), '{ "name": "lumen", "main": "lumen.js" }')
  writeFileSync(join(lumen, 'lumen.js'), 'export const lumen = 806')
  const code = plugin(`ctx.log.info(String(lumen))`)['index.ts']
  writeFileSync(join(lamp, 'index.ts'), `import { lumen } from 'lumen'\n${code}`)

  const fan = join(root, 'plugins/fan.ts')
  writeFileSync(fan, `import { lumen } from 'lumen'\n${code.replace('lumen)', 'lumen + 1)')}`)

  house = await startTestHouse({ plugins: { lamp, fan } })

  rmSync(root, { recursive: true })
  const messages = house.logs.map(({ message }) => message)
  expect(messages).toContain('806')
  expect(messages).toContain('807')
})

test('a cron expression follows the home’s zone, through a change of the clocks', async () => {
  house = await startTestHouse({
    // 28 March 2026: in Berlin the clocks go forward the night after.
    now: Date.UTC(2026, 2, 28, 12),
    plugins: { alarm: plugin(`ctx.every('30 7 * * *', () => ctx.events.emit('alarm.rang', null))`) },
  })
  await house.send('PATCH', '/api/core/home', { timeZone: 'Europe/Berlin' })
  await house.save(
    'alarm/index.ts',
    `${plugin(`ctx.every('30 7 * * *', () => ctx.events.emit('alarm.rang', null))`)['index.ts']}\n`,
  )

  await house.clock.advance(3 * 24 * 3_600_000)

  const times = house.events.filter(({ type }) => type === 'alarm.rang').map(({ time }) => time)
  expect(times).toEqual(['2026-03-29T05:30:00.000Z', '2026-03-30T05:30:00.000Z', '2026-03-31T05:30:00.000Z'])
})

test('a run that takes long is not overtaken by the next; what was missed runs once, where that is asked for', async () => {
  house = await startTestHouse({
    plugins: {
      slow: plugin(`
        let release = () => {}
        const run = (name) => () => { ctx.events.emit('slow.' + name, null); return new Promise((resolve) => { release = resolve }) }
        ctx.every(1_000, run('skip'))
        const router = ctx.router()
        router.post('/release', (c) => { release(); return c.body(null, 204) })
        return router
      `),
      once: plugin(`
        let release = () => {}
        ctx.every(1_000, () => { ctx.events.emit('once.ran', null); return new Promise((resolve) => { release = resolve }) }, { missed: 'once' })
        const router = ctx.router()
        router.post('/release', (c) => { release(); return c.body(null, 204) })
        return router
      `),
    },
  })
  const count = (type: string) => house!.events.filter((event) => event.type === type).length

  await house.clock.advance(3_500)
  expect([count('slow.skip'), count('once.ran')]).toEqual([1, 1])
  await house.request('/api/plugins/slow/release', { method: 'POST' })
  await house.request('/api/plugins/once/release', { method: 'POST' })
  await Bun.sleep(10)
  expect([count('slow.skip'), count('once.ran')]).toEqual([1, 2])
  await house.clock.advance(500)
  expect([count('slow.skip'), count('once.ran')]).toEqual([2, 2])
  // Else the goodbye would wait for what is under way; the one that makes up for missed runs begins once more.
  for (const id of ['slow', 'once', 'once']) {
    await house.request(`/api/plugins/${id}/release`, { method: 'POST' })
    await Bun.sleep(10)
  }
})

test('what plugins fetch is answered by the test', async () => {
  house = await startTestHouse({
    fetch: async (request) =>
      Response.json({ asked: request.url, method: request.method, body: await request.text() }),
    plugins: {
      weather: plugin(`
        const router = ctx.router()
        router.get('/', async (c) => c.json(await (await fetch('https://weather.example/now', { method: 'POST', body: 'hi' })).json()))
        return router
      `),
    },
  })
  const answer = await house.request('/api/plugins/weather')
  expect(await answer.json()).toEqual({ asked: 'https://weather.example/now', method: 'POST', body: 'hi' })
})

test('a save gives the record of the reload; one that changes nothing says so instead of waiting for ever', async () => {
  const good = plugin(`ctx.events.emit('lamp.loaded', 1)`)
  house = await startTestHouse({ plugins: { lamp: good } })
  expect(await house.save('lamp/index.ts', plugin('throw new Error("no")')['index.ts'])).toMatchObject({
    outcome: 'kept_old',
    error: { message: 'no', file: house.path('lamp/index.ts'), line: 3 },
  })
  expect((await house.save('lamp/index.ts', good['index.ts'])).outcome).toBe('committed')
})

test('an event is given once, be it past or to come', async () => {
  house = await startTestHouse({
    plugins: {
      lamp: plugin(
        `ctx.events.emit('lamp.a', 1); ctx.events.emit('lamp.a', 2); ctx.after(1_000, () => ctx.events.emit('lamp.a', 3))`,
      ),
    },
  })
  expect((await house.event('lamp.*')).data).toBe(1)
  expect((await house.event('lamp.a')).data).toBe(2)
  const third = house.event('lamp.**')
  await house.clock.advance(1_000)
  expect((await third).data).toBe(3)
})

test('two houses live side by side, and leave nothing behind', async () => {
  const plugins = {
    lamp: plugin(
      `const router = ctx.router({ security: [] }); router.get('/', (c) => c.text(ctx.files)); return router`,
    ),
  }
  const one = await startTestHouse({ plugins })
  const two = await startTestHouse({ plugins })
  const folders = await Promise.all(
    [one, two].map(async (box) => (await box.request('/api/plugins/lamp')).text()),
  )
  expect(folders[0]).toStartWith(one.folder)
  expect(folders[1]).toStartWith(two.folder)
  await Promise.all([one.stop(), two.stop()])
  expect([existsSync(one.folder), existsSync(two.folder)]).toEqual([false, false])
})

test('a turned clock runs alarms in order, also those that an alarm sets', async () => {
  const clock = new TestClock(0)
  const rang: string[] = []
  clock.after(20, () => rang.push(`b ${clock.now()}`))
  clock.after(10, () => {
    rang.push(`a ${clock.now()}`)
    clock.after(5, () => rang.push(`c ${clock.now()}`))
  })
  const cancel = clock.after(12, () => rang.push('never'))
  cancel()
  await clock.advance(20)
  expect(rang).toEqual(['a 10', 'c 15', 'b 20'])
})

test('an adapter is tested with its service, for which a test can wait', async () => {
  const service = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: ({ url }) => new Response(new URL(url).pathname),
  })
  house = await startTestHouse({
    plugins: {
      mower: {
        'index.ts': `import { definePlugin } from '@home-console/sdk'
export default definePlugin({
  external: 'mower', modes: ['microservice'],
  onLoad(ctx) {
    const router = ctx.router()
    router.all('/*', ctx.proxy())
    return router
  },
})`,
      },
    },
    external: {
      mower: {
        'service.json': JSON.stringify({ name: 'mower', version: '1.0.0', url: service.url.origin }),
      },
    },
    config: { external: { mower: { credential: 'a-credential-of-this-test' } } },
  })
  await house.externalUp('mower')
  const response = await house.request('/api/plugins/mower/blades')
  expect([response.status, await response.text()]).toEqual([200, '/blades'])
  await service.stop(true)
})

import { expect, test } from 'bun:test'
import { dirname } from 'node:path'
import { type PluginFiles, startTestHouse, type TestHouse } from '@home-console/sdk/testing'
import type { Sample } from '../host/contract.ts'

const plugins = dirname(import.meta.dir)

/** A host whose samples are what a test says: `POST /sample`. */
const host = {
  'index.ts': `
import { definePlugin } from '@home-console/sdk'
export default definePlugin({
  onLoad(ctx) {
    const router = ctx.router()
    router.post('/sample', async (c) => { ctx.events.emit('host.sample', await c.req.json()); return c.json({}) })
    return router
  },
})`,
}

/** A house whose notifications arrive at a server of the test's. */
async function watchedHouse(more: Record<string, PluginFiles> = {}) {
  const received: string[] = []
  let failing = false
  const phone = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: async (request) => {
      if (failing) return new Response('', { status: 503 })
      received.push(
        `${request.headers.get('Priority')} ${request.headers.get('Title')}: ${await request.text()}`,
      )
      return new Response('{}')
    },
  })
  const house = await startTestHouse({
    plugins: { host, notify: `${plugins}/notify`, watchdog: import.meta.dir, ...more },
  })
  await house.send('PUT', '/api/plugins/notify/targets', {
    targets: [{ name: 'phone', url: `http://127.0.0.1:${phone.port}/topic` }],
  })
  return {
    house,
    received,
    setFailing: (now: boolean) => void (failing = now),
    /** The same sample every five seconds, for so long. */
    sample: async (seconds: number, values: Partial<Sample>) => {
      for (let second = 0; second < seconds; second += 5) {
        await house.clock.advance(5_000)
        await house.send('POST', '/api/plugins/host/sample', { ...calm, ...values })
      }
    },
    async [Symbol.asyncDispose]() {
      await house.stop()
      await phone.stop(true)
    },
  }
}

const calm: Partial<Sample> = {
  diskUsageRatio: 0.4,
  fullestDisk: '/',
  memoryUsageRatio: 0.3,
  temperatureCelsius: 45,
}

const conditions = async (house: TestHouse): Promise<string[]> => {
  const body: any = await (await house.request('/api/plugins/watchdog/conditions')).json()
  return body.conditions.map(({ name }: { name: string }) => name)
}

const stateOf = async (house: TestHouse): Promise<any> =>
  (await house.request('/api/core/plugins/watchdog')).json()

async function until(what: string, look: () => unknown): Promise<void> {
  const deadline = Date.now() + 5_000
  while (!(await look())) {
    if (Date.now() > deadline) throw new Error(`Waited for ${what}.`)
    await Bun.sleep(2)
  }
}

test('a disk that fills is told once, and once when it is over', async () => {
  await using watched = await watchedHouse()
  const { house, received, sample } = watched
  await sample(55, { diskUsageRatio: 0.92, fullestDisk: '/mnt/films' })
  expect(await conditions(house)).toEqual([])
  await sample(300, { diskUsageRatio: 0.92, fullestDisk: '/mnt/films' })
  expect(await conditions(house)).toEqual(['disk.filling'])
  expect((await house.event('watchdog.raised')).data).toMatchObject({
    name: 'disk.filling',
    priority: 'high',
  })

  // Between the thresholds it is what it was.
  await sample(120, { diskUsageRatio: 0.87 })
  expect(await conditions(house)).toEqual(['disk.filling'])
  await sample(120, {})
  expect(await conditions(house)).toEqual([])
  await until('both', () => received.length === 2)
  expect(received[0]).toBe('high A disk is filling up: Of /mnt/films, 92 % is used.')
  expect(received[1]).toStartWith('low Over: A disk is filling up: ')
})

test('memory and heat are told; what is not known changes nothing', async () => {
  await using watched = await watchedHouse()
  const { house, received, sample } = watched
  await sample(150, { memoryUsageRatio: 0.96, temperatureCelsius: 83.4 })
  expect(await conditions(house)).toEqual(['temperature', 'memory'])
  await sample(300, { memoryUsageRatio: null, temperatureCelsius: null })
  expect(await conditions(house)).toEqual(['temperature', 'memory'])
  await until('both', () => received.length === 2)
  expect(received).toContain('high The machine is too hot: It is at 83 °C.')
})

test('what was told is not told again by the next version, nor after a restart', async () => {
  await using watched = await watchedHouse()
  const { house, received, sample } = watched
  await sample(65, { diskUsageRatio: 0.92 })
  await until('the alert', () => received.length === 1)
  const code = await Bun.file(house.path('watchdog/index.ts')).text()
  await house.save('watchdog/index.ts', `${code}// 2\n`)
  await sample(120, { diskUsageRatio: 0.92 })
  await house.send('PATCH', '/api/core/plugins/watchdog', { enabled: false })
  await house.send('PATCH', '/api/core/plugins/watchdog', { enabled: true })
  await sample(700, { diskUsageRatio: 0.92 })
  expect(await conditions(house)).toEqual(['disk.filling'])
  expect(received.filter((message) => message.includes('disk'))).toHaveLength(1)
})

test('a plugin that stays broken is told, and when it is mended', async () => {
  await using watched = await watchedHouse({ lamp: { 'index.ts': 'export default { onLoad() {} }' } })
  const { house, received, sample } = watched
  await house.save('lamp/index.ts', 'export default { onLoad( {} }')
  await sample(30, {})
  await house.save('lamp/index.ts', 'export default { onLoad() { 1 } }')
  await sample(120, {})
  // Mended within the minute: nobody was bothered.
  expect(received).toEqual([])

  await house.save('lamp/index.ts', 'export default { onLoad() { throw new Error("no bulb") } }')
  await house.save('bulb/index.ts', 'export default { onLoad() { throw new Error("no socket") } }')
  await sample(120, {})
  expect(await conditions(house)).toEqual(['plugin.fault.lamp', 'plugin.fault.bulb'])
  await until('both', () => received.length === 2)
  // What matters more goes first.
  expect(received[0]).toMatch(/^high bulb does not run: no socket/)
  expect(received[1]).toMatch(/^default A new version of lamp was refused: no bulb/)

  await house.save('lamp/index.ts', 'export default { onLoad() { 2 } }')
  await sample(5, {})
  expect(await conditions(house)).toEqual(['plugin.fault.bulb'])
  await until('the end', () => received.length === 3)
  expect(received[2]).toStartWith('low Over: A new version of lamp was refused')
})

test('a plugin that leaves something behind is told', async () => {
  const lamp = (version: number) => `export default { onLoad() { setInterval(() => {}, 1e6); ${version} } }`
  await using watched = await watchedHouse({ lamp: { 'index.ts': lamp(1) } })
  const { house, received, sample } = watched
  await house.save('lamp/index.ts', lamp(2))
  await house.event('plugin.leaked')
  await sample(70, {})
  await until('the alert', () => received.length === 1)
  expect(received[0]).toMatch(/^default A version of lamp left something behind: .*timer/)
})

test('what cannot be told waits until it can', async () => {
  await using watched = await watchedHouse()
  const { house, received, sample, setFailing } = watched
  setFailing(true)
  await sample(65, { diskUsageRatio: 0.92 })
  expect(await conditions(house)).toEqual(['disk.filling'])
  setFailing(false)
  await sample(60, { diskUsageRatio: 0.92 })
  await until('the alert', () => received.length === 1)
})

test('without notify it waits, and begins by itself when there is one; all of them live in one house', async () => {
  await using house = await startTestHouse({
    plugins: { host: `${plugins}/host`, sun: `${plugins}/sun`, watchdog: import.meta.dir },
  })
  expect(await stateOf(house)).toMatchObject({
    state: 'waiting',
    waitingFor: [{ kind: 'service', name: 'notify' }],
  })

  for await (const file of new Bun.Glob('*.ts').scan(`${plugins}/notify`))
    if (file !== 'index.ts' && !file.endsWith('.test.ts'))
      house.write(`notify/${file}`, await Bun.file(`${plugins}/notify/${file}`).text())
  await house.save('notify/index.ts', await Bun.file(`${plugins}/notify/index.ts`).text())
  await until('the watchdog', async () => (await stateOf(house)).state === 'active')

  await house.clock.advance(5_000)
  await house.event('host.sample')
  expect((await stateOf(house)).waitingFor).toEqual([])
  const { plugins: found }: any = await (await house.request('/api/core/plugins')).json()
  expect(found.map(({ id, state }: any) => `${id} ${state}`).toSorted()).toEqual([
    'host active',
    'notify active',
    'sun active',
    'watchdog active',
  ])
})

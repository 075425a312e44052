// The guide's plugins, as a reader types them.

import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { startTestHouse } from '@home-console/sdk/testing'
import { checkPlugin } from '../../core/cli/check/check.ts'
import { pluginFolder } from '../../core/cli/plugin-template.ts'
import { hc } from './hc.ts'
import { until } from '../until.ts'
import { pluginsFolder } from './plugin-on-disk.ts'

const guide = await Bun.file(join(import.meta.dir, '../../docs/guide.md')).text()
const snippets = [...guide.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!)

/** The one snippet that has this in it. */
function snippet(mark: string): string {
  const found = snippets.filter((code) => code.includes(mark))
  expect([mark, found.length]).toEqual([mark, 1])
  return found[0]!
}

test('it shows the contract and the test that hc plugin new writes', () => {
  const files = pluginFolder('lamp')
  expect(snippets).toContain(files['contract.ts']!)
  expect(snippet('bun:test')).toStartWith(files['index.test.ts']!)
})

test('its plugins pass the check, run together and do what it says', async () => {
  const lamp: Record<string, string> = { ...pluginFolder('lamp'), 'index.ts': snippet("already_so', `") }
  const alarm = snippet('// plugins/alarm.ts')
  const live = snippet('// plugins/live.ts')
  using folder = pluginsFolder({
    'lamp/index.ts': lamp['index.ts']!,
    'lamp/contract.ts': lamp['contract.ts']!,
    'alarm.ts': alarm,
    'live.ts': live,
  })
  for (const name of ['lamp', 'alarm.ts', 'live.ts']) expect(checkPlugin(join(folder.path, name))).toEqual([])

  await using house = await startTestHouse({
    plugins: { lamp, alarm: join(folder.path, 'alarm.ts'), live: join(folder.path, 'live.ts') },
  })
  const on = { on: true }
  expect((await house.send('PUT', '/api/plugins/lamp/state', on)).status).toBe(200)
  expect((await house.event('lamp.changed')).data).toEqual(on)
  expect((await house.send('PUT', '/api/plugins/lamp/state', on)).status).toBe(409)
  expect(house.logs.some(({ plugin, message }) => plugin === 'alarm' && message === 'Somebody is in.')).toBe(
    true,
  )

  const ticks = await house.request('/api/plugins/live/ticks', { headers: { authorization: '' } })
  const { value } = await ticks.body!.getReader().read()
  expect(new TextDecoder().decode(value)).toBe('data: 1\n\n')
})

test('its config is waited for, has its defaults, and reaches the plugin', async () => {
  const doorbell = snippet('// plugins/doorbell.ts')
  using folder = pluginsFolder({ 'doorbell.ts': doorbell })
  expect(checkPlugin(join(folder.path, 'doorbell.ts'))).toEqual([])

  const asked: [string, string | null][] = []
  const options = {
    plugins: { doorbell: join(folder.path, 'doorbell.ts') },
    fetch: ({ url, headers }: Request) => {
      asked.push([url, headers.get('Authorization')])
      return Response.json({ rang: true })
    },
  }
  await using house = await startTestHouse(options)
  expect(house.runtime.loader.view('doorbell')).toMatchObject({
    state: 'waiting',
    waitingFor: [{ name: '/host' }],
  })
  const here = { url: house.url, env: { HC_TOKEN: house.token } }
  expect(
    (await hc(['plugin', 'config', 'doorbell', 'host=bell.local', 'pollSeconds=10', 'token=1234'], here))
      .code,
  ).toBe(0)
  await house.clock.advance(10_000)
  await house.event('doorbell.rang')
  expect(asked).toEqual([['http://bell.local/state', 'Bearer 1234']])

  await using configured = await startTestHouse({ ...options, configs: { doorbell: { host: 'bell.local' } } })
  expect(configured.runtime.loader.view('doorbell')!.state).toBe('active')
})

test('its services pass the check, and one plugin calls the other', async () => {
  const names = ['dimmer', 'evening']
  const files = Object.fromEntries(names.map((name) => [`${name}.ts`, snippet(`// plugins/${name}.ts`)]))
  using folder = pluginsFolder(files)
  for (const file of Object.keys(files)) expect(checkPlugin(join(folder.path, file))).toEqual([])

  await using house = await startTestHouse({
    plugins: Object.fromEntries(names.map((name) => [name, join(folder.path, `${name}.ts`)])),
  })
  const response = await house.request('/api/plugins/evening', { method: 'POST' })
  expect(await response.json()).toEqual({ steps: [29, 28, 27, 26, 25], level: 25 })
  expect(await house.service('dimmer').level()).toBe(25)
  const refused = house.service('dimmer').dim(101) as Promise<unknown>
  expect(await refused.catch((error: { code: string }) => error.code)).toBe('no_such_level')
})

test('the plugin that holds something which there is once hands over what it counted, and never meets itself', async () => {
  const meter = snippet('// plugins/meter.ts')
  await using house = await startTestHouse({ plugins: { meter: { 'index.ts': meter } } })
  const pulses = async () => (await house.request('/api/plugins/meter')).json()
  house.runtime.bus.emit({ type: 'meter.pulse', source: '/clients/test' })
  expect(await pulses()).toEqual({ pulses: 1 })

  expect((await house.save('meter/index.ts', `${meter}\n// next`)).outcome).toBe('committed')
  expect(await pulses()).toEqual({ pulses: 1 })
  const refused = await house.save(
    'meter/index.ts',
    meter.replace('const router', `throw new Error('no')\n    const router`),
  )
  expect(refused.outcome).toBe('kept_old')
  expect(await pulses()).toEqual({ pulses: 1 })
})

test('its service is started, answers behind its adapter, and tells what it did', async () => {
  const json = [...guide.matchAll(/^```json\n(.*?)^```$/gms)].map(([, text]) => text!)
  const service = json.find((text) => text.includes('"name": "mower"'))!
  const adapter = snippet('// plugins/mower.ts')
  using folder = pluginsFolder({ 'mower.ts': adapter })
  expect(checkPlugin(join(folder.path, 'mower.ts'))).toEqual([])

  const main = snippet('// external/mower/main.ts')
  await using house = await startTestHouse({
    plugins: { mower: join(folder.path, 'mower.ts') },
    external: { mower: { 'service.json': service, 'main.ts': main } },
  })
  const mower = () => house.runtime.external.find('mower')!
  await until('the mower is up', () => mower().state === 'up')
  const start = '/mowers/1/start'
  const response = await house.request(`/api/plugins/mower${start}`, { method: 'POST' })
  expect(await response.json()).toEqual({ id: '1', state: 'mowing' })
  expect(await house.event('mower.started')).toMatchObject({ source: '/external/mower', data: { id: '1' } })
  const past = await fetch(`${mower().reach!.origin}/api${start}`, { method: 'POST' })
  expect(past.status).toBe(401)
})

test('its plugins keep what they are given, in values and in tables', async () => {
  const counter = snippet('// plugins/counter.ts')
  const rooms = snippet('// plugins/rooms/index.ts')
  using folder = pluginsFolder({ 'counter.ts': counter, 'rooms/index.ts': rooms })
  for (const name of ['counter.ts', 'rooms']) expect(checkPlugin(join(folder.path, name))).toEqual([])
  const { code } = await hc(['plugin', 'migrate', 'rooms'], { cwd: folder.path })
  expect(code).toBe(0)

  await using house = await startTestHouse({
    plugins: { counter: join(folder.path, 'counter.ts'), rooms: join(folder.path, 'rooms') },
  })
  const post = async (path: string) =>
    (await house.request(`/api/plugins/${path}`, { method: 'POST' })).json()
  await post('counter')
  await post('rooms/hall')
  await house.save('counter.ts', `${counter}// saved again`)
  await house.save('rooms/index.ts', `${rooms}// saved again`)
  expect(await post('counter')).toEqual({ count: 2 })
  expect(await post('rooms/hall')).toEqual({ id: 1, name: 'hall', visits: 2 })
}, 20_000)

test('every operation of the Core that it or the README calls is one', async () => {
  const readme = await Bun.file(join(import.meta.dir, '../../README.md')).text()
  const called = [...`${guide}${readme}`.matchAll(/hc call ([\w.-]+)/g)].map(([, name]) => name!)
  await using house = await startTestHouse({ plugins: { lamp: pluginFolder('lamp') } })
  const { paths } = (await (await house.request('/openapi.json')).json()) as {
    paths: Record<string, Record<string, { operationId?: string }>>
  }
  const there = Object.values(paths).flatMap((item) =>
    Object.values(item).flatMap(({ operationId }) => operationId ?? []),
  )
  expect(called).toContain('core.changeBackupSettings')
  expect(called.filter((name) => !there.includes(name))).toEqual([])
})

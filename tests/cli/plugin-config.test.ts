// hc plugin config against a real Core.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'
import { hc, type Options } from './hc.ts'

const LAMP = `
import { definePlugin, z } from '@home-console/sdk'
export default definePlugin({
  config: z.object({
    token: z.string().optional().meta({ writeOnly: true, title: 'Access token' }),
    poll: z.number().min(1).default(30).describe('How often, in s'),
    broker: z.object({ host: z.string().default('localhost') }).prefault({}),
    rooms: z.array(z.string()).default([]),
  }),
  onLoad(ctx) {
    const router = ctx.router()
    router.get('/', (c) => c.json(ctx.config))
    return router
  },
})
`
const BELL = `
import { definePlugin, z } from '@home-console/sdk'
export default definePlugin({
  config: z.object({
    host: z.string().describe('Where it is'),
    pin: z.string().meta({ writeOnly: true }),
    note: z.string().optional(),
    broker: z.object({ name: z.string() }).optional(),
  }),
  onLoad() {},
})
`
let house: TestHouse
let here: Options
beforeAll(async () => {
  house = await startTestHouse({
    plugins: {
      lamp: { 'index.ts': LAMP },
      bell: { 'index.ts': BELL },
      fan: { 'index.ts': 'export default { onLoad() {} }' },
    },
  })
  here = { url: house.url, env: { HC_TOKEN: house.token } }
})
afterAll(() => house.stop())

const inPlugin = async (): Promise<any> => (await house.request('/api/plugins/lamp')).json()
const rows = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/))

test('shows what there is to set, what it is and who says so', async () => {
  const { code, out } = await hc(['plugin', 'config', 'lamp'], here)
  expect(code).toBe(0)
  expect(rows(out)).toEqual([
    ['key', 'value', 'from'],
    ['poll', '30', 'default', 'How often, in s'],
    ['broker.host', '"localhost"', 'default'],
    ['rooms', '[]', 'default'],
    ['token', 'no secret', 'Access token'],
  ])
  expect((await hc(['plugin', 'config', 'fan'], here)).out).toBe('nothing to set\n')
  const json = JSON.parse((await hc(['plugin', 'config', 'lamp', '--json'], here)).out)
  expect(Object.keys(json).sort()).toEqual(['schema', 'secrets', 'sources', 'values'])
})

test('shows what a plugin waits for, and what nobody has set', async () => {
  const { code, out } = await hc(['plugin', 'config', 'bell'], here)
  expect(code).toBe(0)
  expect(rows(out)).toEqual([
    ['key', 'value', 'from'],
    ['pin', 'needed'],
    ['host', 'needed', 'Where it is'],
    ['note', 'not set'],
    ['broker.name', 'not set'],
  ])
  expect((await hc(['plugin', 'list'], here)).out).toContain('hc plugin config bell sets it')
})

test('sets values, a level down too, and gives the default back', async () => {
  const set = await hc(
    ['plugin', 'config', 'lamp', 'poll=5', 'token=123456', 'broker.host=1', 'rooms=["a"]'],
    here,
  )
  expect([set.code, set.err]).toEqual([0, ''])
  expect(set.out).not.toContain('123456')
  expect(rows(set.out)).toContainEqual(['token', 'secret', 'file', 'Access token'])
  // Text where the schema wants text.
  expect(await inPlugin()).toEqual({ token: '123456', poll: 5, broker: { host: '1' }, rooms: ['a'] })
  expect((await hc(['plugin', 'config', 'lamp', '--unset', 'poll,broker.host'], here)).code).toBe(0)
  expect(await inPlugin()).toMatchObject({ poll: 30, broker: { host: 'localhost' }, rooms: ['a'] })
})

test('says what is refused, and what it does not understand', async () => {
  const refused = await hc(['plugin', 'config', 'lamp', 'poll=0'], here)
  expect([refused.code, refused.out]).toEqual([1, ''])
  expect(refused.err).toContain('/poll: ')
  expect((await hc(['plugin', 'config', 'lamp', 'nobody=1'], here)).err).toContain(
    '/nobody: There is no such setting.',
  )
  expect((await hc(['plugin', 'config', 'nobody'], here)).code).toBe(1)
  for (const args of [
    ['poll'],
    ['poll=1', 'poll=2'],
    ['broker=1', 'broker.host=2'],
    ['--unset', ''],
    ['--unse', 'poll'],
  ])
    expect([args, (await hc(['plugin', 'config', 'lamp', ...args], here)).code]).toEqual([args, 2])
})

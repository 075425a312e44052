// What may be said of a type: data fits what its sender declared, or else what any plugin that serves says of it.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'

const LAMP = `
import { definePlugin, z } from '@home-console/sdk'
const Level = z.object({ level: z.number(), rooms: z.array(z.object({ 'a/b': z.string() })).optional() })
export default definePlugin({
  events: { 'lamp.dimmed': Level, 'light.changed': z.object({ on: z.boolean() }) },
  onLoad() {},
})
`
const METER = `
import { definePlugin } from '@home-console/sdk'
import * as v from 'valibot'
export default definePlugin({ events: { 'light.changed': v.object({ lux: v.number() }) }, onLoad() {} })
`
/** Emits what a request tells it to. */
const SAY = `
import { definePlugin } from '@home-console/sdk'
export default definePlugin({
  onLoad(ctx) {
    const router = ctx.router()
    router.post('/', async (c) => {
      const { type, data } = await c.req.json()
      ctx.events.emit(type, data)
      return c.body(null, 204)
    })
    return router
  },
})
`
const OWN = SAY.replace(
  'onLoad(ctx)',
  `events: { 'light.changed': { '~standard': {
    version: 1, vendor: 'own', validate: (value) => value.hue === undefined ? { issues: [{ message: 'no hue' }] } : { value },
  } } }, onLoad(ctx)`,
)

let house: TestHouse
beforeAll(async () => {
  const plugins = { lamp: LAMP, meter: METER, say: SAY, own: OWN }
  house = await startTestHouse({
    plugins: Object.fromEntries(Object.entries(plugins).map(([id, text]) => [id, { 'index.ts': text }])),
  })
})
afterAll(() => house.stop())

/** The data that went out when a plugin said this; undefined where nothing did. */
async function said(plugin: string, type: string, data: unknown): Promise<unknown> {
  const before = house.events.length
  await house.send('POST', `/api/plugins/${plugin}`, { type, data })
  return house.events.slice(before).find((event) => event.type === type)?.data
}
const complaints = (plugin: string) =>
  house.logs.filter((line) => line.plugin === plugin && line.level === 'error').map(({ message }) => message)

test('a plugin that emits a type of another one must fit what that one declared, and is charged if it does not', async () => {
  expect(await said('say', 'lamp.dimmed', { level: 3 })).toEqual({ level: 3 })
  expect(await said('say', 'lamp.dimmed', { level: 'bright' })).toBeUndefined()
  expect(complaints('say').at(-1)).toMatch(
    /"lamp\.dimmed" does not fit its schema, and was dropped: level: .*number/,
  )
  expect(complaints('lamp')).toEqual([])
})

test('what nobody declared may be anything', async () => {
  expect(await said('say', 'door.opened', ['anything'])).toEqual(['anything'])
})

test('of a type that several declare, the data fits one of them; the word of the sender itself comes first', async () => {
  expect(await said('say', 'light.changed', { on: true })).toEqual({ on: true })
  expect(await said('say', 'light.changed', { lux: 4 })).toEqual({ lux: 4 })
  expect(await said('say', 'light.changed', { colour: 'red' })).toBeUndefined()
  expect(await said('own', 'light.changed', { hue: 7 })).toEqual({ hue: 7 })
  expect(await said('own', 'light.changed', { on: true })).toBeUndefined()
})

test("what is the Core's own to say is said by no plugin", async () => {
  for (const type of ['core.started', 'plugin.loaded', 'plugin.x', 'core']) {
    expect([type, await said('say', type, {})]).toEqual([type, undefined])
    expect(complaints('say').at(-1)).toContain(`"${type}" is the Core's own to say`)
  }
  expect(await said('say', 'corelike.x', 1)).toBe(1)
})

test("nor declared: the version is refused, with the event's name", async () => {
  const record = await house.save(
    'bold.ts',
    `export default { onLoad() {}, events: { 'plugin.mine': { '~standard': { version: 1, vendor: 'x', validate: (value) => ({ value }) } } } }`,
  )
  expect(record).toMatchObject({ outcome: 'failed', error: { code: 'invalid_definition' } })
  expect(record.error!.message).toContain('plugin.mine')
})

let sent = 0
const publish = (type: string, data: unknown) =>
  house.send('POST', '/api/core/events', {
    specversion: '1.0',
    id: `published-${++sent}`,
    source: '/clients/test',
    type,
    data,
  })

test('what comes in over HTTP must fit a declaration too, and the answer says where it does not', async () => {
  expect((await publish('lamp.dimmed', { level: 1 })).status).toBe(202)
  const response = await publish('lamp.dimmed', { level: 'x', rooms: [{ 'a/b': 1 }] })
  expect([response.status, await response.json()]).toEqual([
    400,
    expect.objectContaining({
      code: 'invalid_request',
      errors: [
        { pointer: '/data/level', detail: expect.stringContaining('number') },
        { pointer: '/data/rooms/0/a~1b', detail: expect.stringContaining('string') },
      ],
    }),
  ])
  expect(((await (await publish('lamp.dimmed', undefined)).json()) as any).errors).toEqual([
    { pointer: '/data', detail: expect.any(String) },
  ])
  expect(house.events.filter(({ source }) => source === '/clients/test')).toHaveLength(1)
})

test('a declaration is in force from the commit of its version to the end of it', async () => {
  expect((await publish('door.opened', { by: 1 })).status).toBe(202)
  const door = (by: string) => `
import { definePlugin, z } from '@home-console/sdk'
export default definePlugin({ events: { 'door.opened': z.object({ by: z.${by}() }) }, onLoad(ctx) { ctx.events.emit('door.opened', { by: 'Ada' } as never) } })
`
  expect((await house.save('door.ts', door('string'))).outcome).toBe('committed')
  expect((await publish('door.opened', { by: 1 })).status).toBe(400)
  await house.save('door.ts', door('number'))
  expect((await publish('door.opened', { by: 1 })).status).toBe(202)
  expect((await publish('door.opened', { by: 'Ada' })).status).toBe(400)
  // What it emitted while it was staged is checked by its own word, when it goes out.
  expect(house.events.filter(({ source }) => source === '/plugins/door')).toHaveLength(1)
  await house.send('PATCH', '/api/core/plugins/door', { enabled: false })
  expect((await publish('door.opened', { by: 'Ada' })).status).toBe(202)
})

test('a schema that throws or takes its time is a misfit, and harms nobody', async () => {
  await house.save(
    'odd.ts',
    `export default { onLoad() {}, events: {
      'odd.throws': { '~standard': { version: 1, vendor: 'odd', validate() { throw new Error('broken schema') } } },
      'odd.waits': { '~standard': { version: 1, vendor: 'odd', validate: async (value) => ({ value }) } },
    } }`,
  )
  expect(((await (await publish('odd.throws', 1)).json()) as any).errors).toEqual([
    { pointer: '/data', detail: 'broken schema' },
  ])
  expect((await publish('odd.waits', 1)).status).toBe(400)
  expect(await said('say', 'odd.throws', 1)).toBeUndefined()
})

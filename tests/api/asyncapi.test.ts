// The document of events: what it says of each plugin's, as the AsyncAPI schema wants it, and how it follows the swaps.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import Ajv from 'ajv'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'
import { NO_TOKEN } from '../http/kit.ts'
import { until } from '../until.ts'

const lamp = (level: string) => `
import { definePlugin, z } from '@home-console/sdk'
const Group = z.object({ name: z.string(), get members() { return z.array(Group) } }).openapi('Group')
const Level = z.object({ level: ${level} }).openapi('Level', { description: 'How bright' })
export default definePlugin({
  events: { 'lamp.dimmed': Level, 'lamp.brightened': Level, 'light.changed': z.object({ on: z.boolean() }), 'lamp.grouped': Group },
  onLoad() {},
})
`
const meter = `
import { definePlugin } from '@home-console/sdk'
import * as v from 'valibot'
const Level = v.object({ litres: v.pipe(v.number(), v.minValue(0), v.description('Of water')), default: v.optional(v.string(), 'x') })
export default definePlugin({ events: { 'meter.read': Level, 'light.changed': v.object({ lux: v.number() }) }, onLoad() {} })
`
/** Schemas that have no description: one throws, one is made by hand. */
const odd = `
import { definePlugin, z } from '@home-console/sdk'
import * as v from 'valibot'
const says = (jsonSchema) => ({ '~standard': { version: 1, vendor: 'mine', validate: (value) => ({ value }), jsonSchema: { input: () => jsonSchema } } })
const circle = { type: 'object' }
circle.circle = circle
export default definePlugin({
  events: {
    'odd.large': v.optional(v.number(), 1n),
    'odd.circle': says(circle),
    'odd.nothing': says(undefined),
    'odd.text': says('text'),
    'odd.same': z.object({ first: z.string() }).openapi('Same'),
    'odd.same.again': z.object({ second: z.string() }).openapi('Same'),
    'odd.borrowed': z.object({ third: z.string() }).openapi('odd.same'),
    'odd.dated': z.object({ at: z.date() }),
    'odd.own': { '~standard': { version: 1, vendor: 'mine', validate: (value) => ({ value }) } },
    ['__proto__']: z.object({ polluted: z.string() }),
    'odd.named': z.object({ a: z.string() }).openapi('Not a name/really~'),
  },
  onLoad() {},
})
`

let house: TestHouse
beforeAll(async () => {
  house = await startTestHouse({
    plugins: {
      lamp: { 'index.ts': lamp('z.number()') },
      meter: { 'index.ts': meter },
      odd: { 'index.ts': odd },
      quiet: { 'index.ts': 'export default { onLoad() {} }' },
    },
  })
})
afterAll(() => house.stop())

const read = async (of = house) => (await (await of.request('/asyncapi.json', NO_TOKEN)).json()) as any

/** What a reference leads to. */
const at = (document: any, { $ref }: { $ref: string }) =>
  $ref
    .slice(2)
    .split('/')
    .reduce((place, key) => place[key], document)
const payloadOf = (document: any, type: string, plugin: string) =>
  at(document, at(document, document.channels[type].messages[plugin]).payload)

test('it is open to everyone, and valid by the schema of AsyncAPI 3.0', async () => {
  const response = await house.request('/asyncapi.json', NO_TOKEN)
  expect([response.status, response.headers.get('Content-Type')]).toEqual([200, 'application/json'])
  const document = (await response.json()) as any
  expect(document.asyncapi).toBe('3.0.0')
  const file = Bun.resolveSync('@asyncapi/specs/schemas/3.0.0-without-$id.json', import.meta.dir)
  const validate = new Ajv({ strict: false, validateFormats: false, logger: false }).compile(
    await Bun.file(file).json(),
  )
  validate(document)
  expect(validate.errors ?? []).toEqual([])
  expect(validate({ ...document, channels: { x: { address: 7 } } })).toBe(false)
}, 20_000)

test('every reference leads somewhere, and every payload is a JSON Schema that compiles', async () => {
  const document = await read()
  const references: string[] = []
  JSON.stringify(document, (key, value) => {
    if (key === '$ref' && typeof value === 'string') references.push(value)
    return value
  })
  for (const $ref of references) expect([$ref, typeof at(document, { $ref })]).toEqual([$ref, 'object'])
  expect(references.length).toBeGreaterThan(30)
  const ajv = new Ajv({ strict: false, validateFormats: false }).addSchema(document, 'doc')
  const fits = (payload: string, data: unknown) => ajv.validate(`doc${payload}`, data)
  const group = document.components.messages['lamp.lamp.grouped'].payload.$ref
  expect(fits(group, { name: 'all', members: [{ name: 'hall', members: [] }] })).toBe(true)
  expect(fits(group, { name: 'all', members: [{ name: 'hall' }] })).toBe(false)
})

test('a channel stands for each type, with what zod and valibot say of its data', async () => {
  const document = await read()
  expect(document.channels['lamp.dimmed'].address).toBe('lamp.dimmed')
  expect(payloadOf(document, 'lamp.dimmed', 'lamp')).toMatchObject({
    type: 'object',
    properties: { level: { type: 'number' } },
    required: ['level'],
  })
  expect(payloadOf(document, 'meter.read', 'meter')).toEqual({
    type: 'object',
    properties: {
      litres: { type: 'number', minimum: 0, description: 'Of water' },
      default: { type: 'string', default: 'x' },
    },
    required: ['litres'],
  })
})

test('the names of one plugin are its own, and one schema stands there once', async () => {
  const document = await read()
  const payloads = Object.entries<any>(document.components.messages).map(([name, { payload }]) => [
    name,
    payload.$ref.replace('#/components/schemas/', ''),
  ])
  expect(Object.fromEntries(payloads)).toMatchObject({
    'lamp.lamp.dimmed': 'lamp.Level',
    'lamp.lamp.brightened': 'lamp.Level',
    'meter.meter.read': 'meter.meter.read',
    'odd.odd.named': 'odd.odd.named',
    'core.plugin.loaded': 'core.PluginEvent',
  })
})

test('a type that two plugins declare is one channel with a message of each', async () => {
  const document = await read()
  expect(Object.keys(document.channels['light.changed'].messages).sort()).toEqual(['lamp', 'meter'])
  expect(payloadOf(document, 'light.changed', 'lamp').required).toEqual(['on'])
  expect(payloadOf(document, 'light.changed', 'meter').required).toEqual(['lux'])
  expect(document.operations['meter.light.changed']).toMatchObject({
    action: 'send',
    channel: { $ref: '#/channels/light.changed' },
    tags: [{ name: 'meter' }],
  })
})

test('a schema without a description refuses nothing, and says so', async () => {
  const document = await read()
  expect(house.runtime.loader.find('odd')!.state).toBe('active')
  expect(payloadOf(document, 'odd.dated', 'odd')).toEqual({
    description: expect.stringMatching(/cannot be shown here: Date cannot be represented/),
  })
  expect(payloadOf(document, 'odd.own', 'odd').description).toContain('A schema of "mine"')
  expect(Object.hasOwn(document.channels, '__proto__')).toBe(true)
  for (const type of ['odd.large', 'odd.circle', 'odd.nothing', 'odd.text']) {
    expect([type, payloadOf(document, type, 'odd').description]).toEqual([
      type,
      expect.stringContaining('cannot be shown here'),
    ])
  }
})

test('two schemas of one name stay two', async () => {
  const document = await read()
  const required = (type: string) => payloadOf(document, type, 'odd').required
  expect([required('odd.same'), required('odd.same.again'), required('odd.borrowed')]).toEqual([
    ['first'],
    ['second'],
    ['third'],
  ])
})

test('the Core tells of each of its own events', async () => {
  const document = await read()
  expect(Object.keys(document.channels).filter((type) => /^(core|plugin)\./.test(type))).toEqual([
    'core.started',
    'core.stopping',
    'core.blocked',
    'core.external',
    'plugin.loaded',
    'plugin.reloaded',
    'plugin.kept_old',
    'plugin.failed',
    'plugin.unloaded',
    'plugin.leaked',
  ])
  const ajv = new Ajv({ strict: false, validateFormats: false }).addSchema(document, 'doc')
  for (const event of house.events.filter(({ source }) => source === '/core')) {
    const { $ref } = document.components.messages[`core.${event.type}`].payload
    expect([event.type, ajv.validate(`doc${$ref}`, event.data), ajv.errors]).toEqual([event.type, true, null])
  }
})

test('it follows each swap at once, and a plugin that goes leaves it', async () => {
  await using house = await startTestHouse({ plugins: { lamp: { 'index.ts': lamp('z.number()') } } })
  const level = async () => payloadOf(await read(house), 'lamp.dimmed', 'lamp').properties.level.type
  expect(await level()).toBe('number')
  expect((await house.save('lamp/index.ts', lamp('z.string()'))).outcome).toBe('committed')
  expect(await level()).toBe('string')
  // A version that is refused declares nothing.
  expect((await house.save('lamp/index.ts', `${lamp('z.boolean()')} throw 1`)).outcome).toBe('kept_old')
  expect(await level()).toBe('string')
  expect((await house.save('lamp/index.ts', 'export default { onLoad() {} }')).outcome).toBe('committed')
  expect((await read(house)).channels['lamp.dimmed']).toBeUndefined()
  await house.save('lamp/index.ts', lamp('z.boolean()'))
  expect(await level()).toBe('boolean')
  await house.send('PATCH', '/api/core/plugins/lamp', { enabled: false })
  expect((await read(house)).channels['lamp.dimmed']).toBeUndefined()
})

test('what was said of a version that is gone is forgotten with it', async () => {
  const gone: string[] = []
  const registry = new FinalizationRegistry<string>((version) => gone.push(version))
  Object.assign(globalThis, {
    markSchema: (schema: object, version: string) => registry.register(schema, version),
  })
  const version = (number: number) => `
import { definePlugin, z } from '@home-console/sdk'
const Level = z.object({ level: z.literal(${number}).describe('of its own') }).openapi('Level')
globalThis.markSchema(Level, '${number}')
export default definePlugin({ events: { 'lamp.dimmed': Level }, onLoad(ctx) { ctx.events.emit('lamp.dimmed', { level: ${number} }) } })
`
  await using house = await startTestHouse({ plugins: { lamp: { 'index.ts': version(0) } } })
  for (let number = 1; number <= 10; number++) {
    expect((await house.save('lamp/index.ts', version(number))).outcome).toBe('committed')
    expect(payloadOf(await read(house), 'lamp.dimmed', 'lamp').properties.level.const).toBe(number)
  }
  // The collector works by chance with what still lies on a stack: all but the last few.
  await until('the schemas of the versions before to be collected', () => {
    Bun.gc(true)
    return gone.length >= 8
  })
  expect(gone).not.toContain('10')
  Reflect.deleteProperty(globalThis, 'markSchema')
}, 20_000)

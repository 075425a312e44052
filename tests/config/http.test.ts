// A plugin's config over HTTP: what is shown, what a PATCH and a PUT do, and what is refused.

import { afterEach, describe, expect, test } from 'bun:test'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { TestHouse } from '@home-console/sdk/testing'
import { startTestHouse } from '@home-console/sdk/testing'

const LAMP = `
import { definePlugin, z } from '@home-console/sdk'
export default definePlugin({
  config: z.object({
    token: z.string().min(4).optional().meta({ writeOnly: true, title: 'Access token' }),
    poll: z.number().min(1).default(30).meta({ title: 'How often', unit: 's' }),
    mode: z.enum(['fast', 'slow']).default('slow'),
    broker: z.object({ host: z.string().default('localhost'), password: z.string().optional().meta({ writeOnly: true }) }).prefault({}),
    rooms: z.array(z.object({ name: z.string(), pin: z.string().optional().meta({ writeOnly: true }) })).default([]),
  }),
  onLoad(ctx) {
    const router = ctx.router()
    router.get('/', (c) => c.json(ctx.config))
    return router
  },
})
`

const CONFIG = '/api/core/plugins/lamp/config'

let house: TestHouse
afterEach(() => house.stop())

const start = async (text = LAMP, config = {}) => {
  house = await startTestHouse({ plugins: { lamp: { 'index.ts': text } }, config })
}
const file = () => join(house.folder, 'data/config/lamp.jsonc')
const inPlugin = async (): Promise<any> => (await house.request('/api/plugins/lamp')).json()
const shown = async (): Promise<any> => (await house.request(CONFIG)).json()
const problem = async (response: Promise<Response>) => {
  const { status, code, errors = [] } = (await (await response).json()) as any
  return [status, code, ...errors.map(({ pointer }: { pointer: string }) => pointer)]
}

test('shows the values with their defaults, the schema, and where each value comes from', async () => {
  await start()
  const response = await house.request(CONFIG)
  expect(response.status).toBe(200)
  expect(response.headers.get('etag')).toMatch(/^"[\w-]+"$/)
  const { values, schema, secrets, sources } = (await response.json()) as any
  expect(values).toEqual({ poll: 30, mode: 'slow', broker: { host: 'localhost' }, rooms: [] })
  expect(secrets).toEqual({ '/token': false, '/broker/password': false })
  expect(sources).toEqual({
    '/poll': 'default',
    '/mode': 'default',
    '/broker/host': 'default',
    '/rooms': 'default',
  })
  expect(schema).toMatchObject({
    type: 'object',
    properties: {
      token: { type: 'string', writeOnly: true, title: 'Access token' },
      poll: { type: 'number', minimum: 1, default: 30, title: 'How often', unit: 's' },
      mode: { enum: ['fast', 'slow'] },
    },
  })
})

test('a PATCH sets what it names, reaches the plugin, and null gives the default back', async () => {
  await start()
  const response = await house.send('PATCH', CONFIG, { poll: 5, broker: { host: 'pi' } })
  expect(response.status).toBe(200)
  expect(await response.json()).toMatchObject({
    values: { poll: 5, mode: 'slow', broker: { host: 'pi' } },
    sources: { '/poll': 'file', '/mode': 'default', '/broker/host': 'file' },
  })
  expect(await inPlugin()).toMatchObject({ poll: 5, broker: { host: 'pi' } })
  expect(house.runtime.loader.view('lamp')!.lastReload).toMatchObject({
    cause: { kind: 'config' },
    outcome: 'committed',
  })
  expect(statSync(file()).mode & 0o777).toBe(0o600)
  expect(statSync(join(house.folder, 'data/config')).mode & 0o777).toBe(0o700)

  await house.send('PATCH', CONFIG, { poll: null })
  expect(await inPlugin()).toMatchObject({ poll: 30, broker: { host: 'pi' } })
  expect((await shown()).sources).toMatchObject({ '/poll': 'default', '/broker/host': 'file' })
})

test('a merge patch may come under its own media type', async () => {
  await start()
  const response = await house.request(CONFIG, {
    method: 'PATCH',
    body: '{"poll": 7}',
    headers: { 'Content-Type': 'application/merge-patch+json' },
  })
  expect(response.status).toBe(200)
  expect(await inPlugin()).toMatchObject({ poll: 7 })
  expect((await house.request(CONFIG, { method: 'PUT', body: 'poll=7' })).status).toBe(415)
})

test('a PUT replaces everything but the secrets that it leaves out', async () => {
  await start()
  await house.send('PATCH', CONFIG, {
    token: 'hunter2',
    poll: 5,
    broker: { host: 'pi', password: 'swordfish' },
    rooms: [
      { name: 'hall', pin: '1234' },
      { name: 'attic', pin: '5678' },
    ],
  })
  const response = await house.send('PUT', CONFIG, {
    mode: 'fast',
    broker: { host: 'pi2' },
    rooms: [{ name: 'attic' }, { name: 'cellar' }],
  })
  expect(response.status).toBe(200)
  expect(await response.json()).toMatchObject({
    values: { mode: 'fast', poll: 30, rooms: [{ name: 'attic' }, { name: 'cellar' }] },
    secrets: { '/token': true, '/broker/password': true, '/rooms/0/pin': true },
    sources: { '/poll': 'default' },
  })
  // A secret of a list goes with its item, and not to whoever took its place.
  expect(await inPlugin()).toEqual({
    token: 'hunter2',
    poll: 30,
    mode: 'fast',
    broker: { host: 'pi2', password: 'swordfish' },
    rooms: [{ name: 'attic', pin: '5678' }, { name: 'cellar' }],
  })
  await house.send('PATCH', CONFIG, { token: null })
  expect((await inPlugin()).token).toBeUndefined()
})

test('what does not fit is refused with the place, and nothing changes', async () => {
  await start()
  const before = await shown()
  const patch = (body: unknown) => problem(house.send('PATCH', CONFIG, body))
  expect(await patch({ poll: 0, mode: 'warp' })).toEqual([400, 'invalid_request', '/poll', '/mode'])
  expect(await patch({ broker: { host: 5 } })).toEqual([400, 'invalid_request', '/broker/host'])
  expect(await patch({ rooms: [{ nam: 'x' }] })).toEqual([400, 'invalid_request', '/rooms/0/nam'])
  expect(await patch({ pol: 5, broker: { 'a/b': 1 } })).toEqual([
    400,
    'invalid_request',
    '/pol',
    '/broker/a~1b',
  ])
  expect(await patch([])).toEqual([400, 'invalid_request', ''])
  expect(await patch({ token: { $secret: 'v1.x.y.z' } })).toEqual([400, 'invalid_request', ''])
  expect(await patch(JSON.parse('{"__proto__": {"poll": 1}}'))).toEqual([
    400,
    'invalid_request',
    '/__proto__',
  ])
  const raw = (body: string) =>
    house.request(CONFIG, { method: 'PATCH', body, headers: { 'Content-Type': 'application/json' } })
  expect(await problem(raw('{"__proto__": {"polluted": 1}}'))).toEqual([400, 'invalid_request', '/__proto__'])
  expect((await raw('{"poll":')).status).toBe(400)
  expect((await raw(`{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`)).status).toBe(400)
  expect(await problem(raw(JSON.stringify({ mode: 'x'.repeat(70_000) })))).toEqual([413, 'payload_too_large'])
  expect(({} as { polluted?: number }).polluted).toBeUndefined()
  expect(await shown()).toEqual(before)
  expect(existsSync(file())).toBe(false)
  expect(house.runtime.loader.view('lamp')).toMatchObject({ state: 'active', error: null, generation: 1 })
})

test('a change for a state that is no more is refused', async () => {
  await start()
  const etag = (await house.request(CONFIG)).headers.get('etag')!
  const patch = (body: object, ifMatch: string) =>
    house.request(CONFIG, {
      method: 'PATCH',
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json', 'If-Match': ifMatch },
    })
  const first = await patch({ poll: 5 }, etag)
  expect(first.status).toBe(200)
  expect(await problem(patch({ poll: 6 }, etag))).toEqual([412, 'precondition_failed'])
  expect(await problem(patch({ poll: 6 }, `W/${first.headers.get('etag')}`))).toEqual([
    412,
    'precondition_failed',
  ])
  expect((await patch({ poll: 6 }, `"x", ${first.headers.get('etag')}`)).status).toBe(200)
  expect((await patch({ token: 'hunter2' }, '*')).status).toBe(200)
  const withToken = (await house.request(CONFIG)).headers.get('etag')!
  // Another secret looks the same, and is another state.
  await patch({ token: 'hunter3' }, '*')
  expect((await patch({ poll: 6 }, withToken)).status).toBe(412)
})

test('two changes at once are one after the other, and none is lost', async () => {
  await start()
  const answers = await Promise.all([
    house.send('PATCH', CONFIG, { poll: 5 }),
    house.send('PATCH', CONFIG, { mode: 'fast' }),
    house.send('PATCH', CONFIG, { broker: { host: 'pi' } }),
  ])
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
  expect(await inPlugin()).toMatchObject({ poll: 5, mode: 'fast', broker: { host: 'pi' } })
})

test('what the environment sets is shown as such, and cannot be changed', async () => {
  await start(LAMP, {
    pluginEnvironment: {
      PLUGIN_LAMP__POLL: '9',
      PLUGIN_LAMP__TOKEN: 'from-env',
      PLUGIN_LAMP__BROKER__HOST: 'pi',
    },
  })
  expect(await inPlugin()).toMatchObject({ poll: 9, token: 'from-env', broker: { host: 'pi' } })
  const { values, secrets, sources } = await shown()
  expect(values).toMatchObject({ poll: 9, broker: { host: 'pi' } })
  expect(secrets).toMatchObject({ '/token': true })
  expect(sources).toMatchObject({
    '/poll': 'env',
    '/token': 'env',
    '/broker/host': 'env',
    '/mode': 'default',
  })
  const fixed = 'config_fixed_by_environment'
  expect(await problem(house.send('PATCH', CONFIG, { poll: 5 }))).toEqual([409, fixed, '/poll'])
  expect(await problem(house.send('PATCH', CONFIG, { poll: null, mode: 'fast' }))).toEqual([
    409,
    fixed,
    '/poll',
  ])
  expect(await problem(house.send('PATCH', CONFIG, { broker: null }))).toEqual([409, fixed, '/broker/host'])
  expect(await problem(house.send('PUT', CONFIG, { token: 'from-env' }))).toEqual([409, fixed, '/token'])
  expect(await problem(house.send('PUT', CONFIG, { poll: 5 }))).toEqual([409, fixed, '/poll'])
  // A form that sends back what it was shown changes nothing of it.
  expect((await house.send('PUT', CONFIG, { ...values, mode: 'fast' })).status).toBe(200)
  expect(await inPlugin()).toMatchObject({ poll: 9, mode: 'fast' })
  expect(readFileSync(file(), 'utf8')).not.toContain('poll')
})

describe('a plugin', () => {
  test('without settings has none, and takes none', async () => {
    await start(
      `export default { onLoad(ctx) { const router = ctx.router(); router.get('/', (c) => c.json(ctx.config)); return router } }`,
    )
    expect(await shown()).toEqual({
      values: {},
      schema: { type: 'object', properties: {}, additionalProperties: false },
      secrets: {},
      sources: {},
    })
    expect(await inPlugin()).toEqual({})
    expect(await problem(house.send('PATCH', CONFIG, { poll: 1 }))).toEqual([400, 'invalid_request', '/poll'])
  })

  test('that does not exist, or was never imported, says so', async () => {
    await start('export default { onLoad( }')
    expect(await problem(house.request('/api/core/plugins/nobody/config'))).toEqual([404, 'no_such_plugin'])
    expect(await problem(house.request(CONFIG))).toEqual([409, 'config_unknown'])
  })

  test('with a schema that cannot be described, or is none of an object, is refused', async () => {
    await start(
      `import { z } from 'zod'; export default { config: z.object({ a: z.map(z.string(), z.string()) }), onLoad() {} }`,
    )
    expect(house.runtime.loader.view('lamp')).toMatchObject({
      state: 'failed',
      error: { code: 'config_undescribed' },
    })
    await house.save(
      'lamp/index.ts',
      `import { z } from 'zod'; export default { config: z.string(), onLoad() {} }`,
    )
    expect(house.runtime.loader.view('lamp')!.error!.message).toContain('A config is an object')
    await house.save('lamp/index.ts', `export default { config: { poll: 5 }, onLoad() {} }`)
    expect(house.runtime.loader.view('lamp')!.error!.code).toBe('invalid_definition')
  })

  test('may have a schema of valibot, with what it says in metadata', async () => {
    await start(`
import * as v from 'valibot'
export default {
  config: v.object({
    token: v.optional(v.pipe(v.string(), v.minLength(20), v.metadata({ writeOnly: true }))),
    pin: v.optional(v.pipe(v.picklist(['a', 'b']), v.metadata({ writeOnly: true }))),
    poll: v.optional(v.pipe(v.number(), v.title('How often'), v.metadata({ unit: 's' })), 30),
  }),
  onLoad(ctx) { const router = ctx.router(); router.get('/', (c) => c.json(ctx.config)); return router },
}`)
    expect(await shown()).toMatchObject({
      values: { poll: 30 },
      schema: {
        properties: { token: { writeOnly: true }, poll: { title: 'How often', unit: 's', default: 30 } },
      },
      secrets: { '/token': false, '/pin': false },
    })
    const refused = await house.send('PATCH', CONFIG, { token: 'swordfish', pin: 'zq7' })
    // What valibot says quotes the value.
    const text = await refused.text()
    expect(refused.status).toBe(400)
    expect(text).toContain('/token')
    expect(text).not.toMatch(/swordfish|zq7/)
  })
})

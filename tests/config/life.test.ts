// A plugin's config through its life: waiting for it, taking a change, refusing one, and files that are edited by hand.

import { afterEach, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { startTestHouse, TestHouse, type TestHouseOptions } from '@home-console/sdk/testing'
import { until } from '../until.ts'

const CONFIG = '/api/core/plugins/lamp/config'

/** Answers with its config, and with what it was told of changes. */
const lamp = ({ members = '', schema = 'poll: z.number().default(30)', load = '' } = {}) => `
import { definePlugin, z } from '@home-console/sdk'
const told = []
export default definePlugin({
  config: z.object({ ${schema} }),
  ${members}
  onLoad(ctx) {
    ${load}
    const router = ctx.router()
    router.get('/', (c) => c.json({ config: ctx.config, told, frozen: Object.isFrozen(ctx.config) }))
    return router
  },
})
`
const TAKES = `
  onConfigChange(next, previous, ctx) {
    if (next.poll === 13) throw new Error('Not thirteen.')
    if (next.poll === 14) return Promise.reject(new Error('Not fourteen.'))
    told.push([next.poll, previous.poll, ctx.config.poll])
  },`

let house: TestHouse
afterEach(() => house.stop())

const start = async (text: string, options: TestHouseOptions = {}) => {
  house = await startTestHouse({ plugins: { lamp: { 'index.ts': text } }, ...options })
}
const file = () => join(house.folder, 'data/config/lamp.jsonc')
const view = () => house.runtime.loader.view('lamp')!
const inPlugin = async (): Promise<any> => (await house.request('/api/plugins/lamp')).json()
const patch = (body: unknown) => house.send('PATCH', CONFIG, body)
const write = (text: string) => {
  mkdirSync(dirname(file()), { recursive: true })
  writeFileSync(`${file()}~`, text)
  renameSync(`${file()}~`, file())
}

describe('a value that nobody gave', () => {
  const schema = `token: z.string().meta({ writeOnly: true, title: 'Access token' }), host: z.string(), poll: z.number().default(30)`

  test('is waited for, by name and with what to do, and the plugin loads when it is given', async () => {
    await start(lamp({ schema }))
    expect(view()).toMatchObject({
      state: 'waiting',
      error: null,
      waitingFor: [
        { kind: 'config', name: '/token', message: expect.stringContaining('(Access token)') },
        { kind: 'config', name: '/host', message: expect.stringContaining('PLUGIN_LAMP__HOST') },
      ],
    })
    expect(house.events.map(({ type }) => type)).not.toContain('plugin.failed')
    expect(await (await house.request('/health')).json()).toMatchObject({ plugins: { waiting: 1 } })

    // One of two: kept, and the other is still waited for.
    expect((await patch({ token: 'hunter2' })).status).toBe(200)
    expect(view()).toMatchObject({ state: 'waiting', waitingFor: [{ name: '/host' }] })
    expect((await patch({ host: 'pi' })).status).toBe(200)
    expect(view()).toMatchObject({
      state: 'active',
      waitingFor: [],
      lastReload: { cause: { kind: 'config' } },
    })
    expect(await inPlugin()).toMatchObject({ config: { token: 'hunter2', host: 'pi', poll: 30 } })
  })

  test('may be given by hand', async () => {
    await start(lamp({ schema: 'host: z.string()' }))
    expect(view().state).toBe('waiting')
    write('{ "host": "pi" } // by hand')
    await house.event('plugin.loaded')
    expect(await inPlugin()).toMatchObject({ config: { host: 'pi' } })
  })

  test('cannot be taken from a plugin that serves', async () => {
    await start(lamp({ schema: 'host: z.string()' }), { config: {} })
    await patch({ host: 'pi' })
    const response = await patch({ host: null })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/host' }] })
    expect(view()).toMatchObject({ state: 'active', waitingFor: [] })
  })

  test('that a new version needs keeps the old one serving, until it is given', async () => {
    await start(lamp())
    const reload = await house.save(
      'lamp/index.ts',
      lamp({ schema: 'poll: z.number().default(30), host: z.string()' }),
    )
    expect(reload).toMatchObject({ outcome: 'kept_old', error: { code: 'config_missing' } })
    expect(reload.error!.message).toStartWith('It waits for its config. It waits for /host')
    expect(view()).toMatchObject({
      state: 'active',
      generation: 1,
      waitingFor: [{ kind: 'config', name: '/host' }],
    })
    expect((await patch({ host: 'pi' })).status).toBe(200)
    expect(view()).toMatchObject({ state: 'active', generation: 2, waitingFor: [], error: null })
    expect(await inPlugin()).toMatchObject({ config: { host: 'pi', poll: 30 } })
  })

  test('is not given by a value that does not fit, and the plugin goes on waiting', async () => {
    await start(lamp({ schema: 'port: z.number()' }))
    const refused = await patch({ port: 'many' })
    expect(refused.status).toBe(400)
    expect(await refused.json()).toMatchObject({ errors: [{ pointer: '/port' }] })
    expect(view()).toMatchObject({ state: 'waiting', waitingFor: [{ name: '/port' }], error: null })
    expect(existsSync(file())).toBe(false)
    expect(house.events.map(({ type }) => type)).not.toContain('plugin.failed')
  })
})

describe('onConfigChange', () => {
  test('takes a change without a reload; ctx.config is the new one afterwards, and frozen', async () => {
    await start(lamp({ members: TAKES }))
    expect((await patch({ poll: 5 })).status).toBe(200)
    expect((await patch({ poll: 6 })).status).toBe(200)
    expect(await inPlugin()).toEqual({
      config: { poll: 6 },
      told: [
        [5, 30, 30],
        [6, 5, 5],
      ],
      frozen: true,
    })
    expect(view().generation).toBe(1)
    expect(readFileSync(file(), 'utf8')).toContain('"poll": 6')
  })

  test('is not asked where nothing changes for it, and the file has what was said', async () => {
    await start(lamp({ members: TAKES }))
    expect((await patch({ poll: 30 })).status).toBe(200)
    expect((await inPlugin()).told).toEqual([])
    expect(await (await house.request(CONFIG)).json()).toMatchObject({ sources: { '/poll': 'file' } })
  })

  test.each([13, 14])('refuses, by a throw or a rejection, and nothing is written: %i', async (poll) => {
    await start(lamp({ members: TAKES }))
    await patch({ poll: 5 })
    const before = readFileSync(file(), 'utf8')
    const response = await patch({ poll })
    expect(response.status).toBe(422)
    expect(await response.json()).toMatchObject({
      code: 'config_refused',
      detail: expect.stringContaining('Not'),
    })
    expect(readFileSync(file(), 'utf8')).toBe(before)
    expect(await inPlugin()).toMatchObject({ config: { poll: 5 }, told: [[5, 30, 30]] })
    expect(view()).toMatchObject({ state: 'active', error: null })
  })

  test('a save in the middle of it is given the new config, or is asked to take it', async () => {
    await start(
      lamp({
        members: `async onConfigChange(next) { await new Promise((done) => setTimeout(done, 200)); told.push(next.poll) },`,
      }),
    )
    const changing = patch({ poll: 5 })
    await house.save('lamp/index.ts', `// anew\n${lamp({ members: TAKES })}`)
    expect((await changing).status).toBe(200)
    await until('the new config', async () => (await inPlugin()).config.poll === 5)
  })
})

describe('a reload with another config', () => {
  const picky = lamp({ load: `if (ctx.config.poll === 13) throw new Error('Not thirteen.')` })

  test('that the plugin refuses changes nothing, and the record says why', async () => {
    await start(picky)
    await patch({ poll: 5 })
    const before = readFileSync(file(), 'utf8')
    const response = await patch({ poll: 13 })
    expect(response.status).toBe(422)
    expect(await response.json()).toMatchObject({
      code: 'config_refused',
      reload: { outcome: 'kept_old', cause: { kind: 'config' }, error: { message: 'Not thirteen.' } },
    })
    expect(readFileSync(file(), 'utf8')).toBe(before)
    expect(await inPlugin()).toMatchObject({ config: { poll: 5 } })
    expect(view()).toMatchObject({ state: 'active', generation: 2, error: null })
    // The next version is given what is in force.
    await house.save('lamp/index.ts', `// anew\n${picky}`)
    expect(await inPlugin()).toMatchObject({ config: { poll: 5 } })
  })

  test('of an exclusive plugin that refuses it brings the old version back with the old config', async () => {
    await start(picky.replace('onLoad', 'exclusive: true,\n  onLoad'))
    await patch({ poll: 5 })
    expect((await patch({ poll: 13 })).status).toBe(422)
    expect(await inPlugin()).toMatchObject({ config: { poll: 5 } })
    expect(view().state).toBe('active')
  })

  test('is tried again when a save overtakes it', async () => {
    await start(
      lamp({ load: 'return new Promise((done) => setTimeout(() => done(router_(ctx)), 150))' }) + ROUTER,
    )
    const changing = patch({ poll: 5 })
    await Bun.sleep(60)
    house.write('lamp/index.ts', `// anew\n${lamp({ load: 'return router_(ctx)' })}${ROUTER}`)
    expect((await changing).status).toBe(200)
    await until('the new config', async () => (await inPlugin()).config.poll === 5)
    expect(readFileSync(file(), 'utf8')).toContain('"poll": 5')
  })

  test('takes no bad save that overtakes it for its own: the mistake is the plugin’s, and shown', async () => {
    await start(
      lamp({ load: 'return new Promise((done) => setTimeout(() => done(router_(ctx)), 150))' }) + ROUTER,
    )
    const changing = patch({ poll: 5 })
    await Bun.sleep(60)
    house.write('lamp/index.ts', 'export default {')
    expect((await changing).status).toBe(422)
    expect(view()).toMatchObject({ state: 'active', error: { file: expect.stringContaining('index.ts') } })
    expect(existsSync(file())).toBe(false)
    expect(await inPlugin()).toMatchObject({ config: { poll: 30 } })
  })
})

test('a change that is overtaken by an edit of the file, which does not fit, is in force no more', async () => {
  await start(
    lamp({
      members: `async onConfigChange(next) { await new Promise((done) => setTimeout(done, 200)); told.push(next.poll) },`,
    }),
  )
  const changing = patch({ poll: 5 })
  await Bun.sleep(50)
  write('{ "poll": "often" }')
  const response = await changing
  expect([response.status, await response.json()]).toEqual([
    409,
    expect.objectContaining({ code: 'config_edited_meanwhile' }),
  ])
  await until('the edit to be refused', () => view().error)
  expect(await inPlugin()).toMatchObject({ config: { poll: 30 }, told: [5, 30] })
})

test('a dry run writes nothing down: no secret is encrypted by a schema that is only tried', async () => {
  const key = 'key: (isSecret.now ? z.string().meta({ writeOnly: true }) : z.string()).optional()'
  const isSecret = { now: false }
  Object.assign(globalThis, { isSecret })
  await start(lamp({ schema: `poll: z.number().default(30), ${key}` }))
  const text = '{ "key": "by hand" }'
  write(text)
  await until('the edit', async () => (await inPlugin()).config.key === 'by hand')
  isSecret.now = true
  const response = await house.request('/api/core/plugins/lamp/reload?dryRun=true', { method: 'POST' })
  expect(response.status).toBe(200)
  expect(readFileSync(file(), 'utf8')).toBe(text)
  expect((await house.request('/api/core/plugins/lamp/reload', { method: 'POST' })).status).toBe(200)
  expect(readFileSync(file(), 'utf8')).not.toContain('by hand')
})

const ROUTER = `
function router_(ctx) {
  const router = ctx.router()
  router.get('/', (c) => c.json({ config: ctx.config }))
  return router
}
`

describe('a file that is edited by hand', () => {
  test('is taken over, by onConfigChange or a reload, and its comments stay when the Core writes', async () => {
    await start(lamp({ members: TAKES, schema: 'poll: z.number().default(30), name: z.string().optional()' }))
    write('// mine\n{\n  "poll": 5, // five\n}\n')
    await until('the edit', async () => (await inPlugin()).config.poll === 5)
    expect((await inPlugin()).told).toEqual([[5, 30, 30]])
    await patch({ name: 'hall' })
    expect(readFileSync(file(), 'utf8')).toBe('// mine\n{\n  "poll": 5, // five\n  "name": "hall"\n}\n')
  })

  test.each([
    ['that is no JSON', '{\n  "poll": 5\n  "x"', 'config_unreadable', 3],
    ['with a value that does not fit', '{\n\n  "poll": "often"\n}', 'config_invalid', 3],
    ['with a value that the plugin refuses', '{ "poll": 13 }', 'config_refused', undefined],
  ])('%s leaves the old config in force, and the plugin says where', async (_what, text, code, line) => {
    await start(lamp({ members: TAKES }))
    await patch({ poll: 7 })
    write(text)
    await until('the fault', () => view().error !== null)
    expect(view()).toMatchObject({
      state: 'active',
      error: { code, ...(line !== undefined && { file: file(), line }) },
    })
    expect(readFileSync(file(), 'utf8')).toBe(text)
    expect((await inPlugin()).config).toEqual({ poll: 7 })
    // So does the next version.
    await house.save('lamp/index.ts', `// anew\n${lamp({ members: TAKES })}`)
    expect((await inPlugin()).config).toEqual({ poll: 7 })
    expect(await (await house.request(CONFIG)).json()).toMatchObject({ values: { poll: 7 } })

    write('{ "poll": 8 }')
    await until('the mended one', () => view().error === null)
    expect((await inPlugin()).config).toEqual({ poll: 8 })
  })

  test('and that a reload refuses keeps the version before', async () => {
    await start(lamp({ load: `if (ctx.config.poll === 13) throw new Error('Not thirteen.')` }))
    write('{ "poll": 13 }')
    await until('the refusal', () => view().error !== null)
    expect(view()).toMatchObject({
      state: 'active',
      generation: 1,
      lastReload: { cause: { kind: 'config', files: [file()] } },
    })
    expect((await inPlugin()).config).toEqual({ poll: 30 })
    write('{ "poll": 12 }')
    await until('the mended one', async () => (await inPlugin()).config.poll === 12)
    expect(view()).toMatchObject({ error: null })
  })

  test('is not written over while it is broken', async () => {
    await start(lamp())
    write('{ "poll": 5')
    await until('the fault', () => view().error !== null)
    const response = await patch({ poll: 6 })
    expect(response.status).toBe(409)
    expect(await response.json()).toMatchObject({
      code: 'config_unreadable',
      detail: expect.stringContaining('lamp.jsonc:1'),
    })
    expect(readFileSync(file(), 'utf8')).toBe('{ "poll": 5')
  })

  test('badly while the Core was away fails its plugin with the line, until it is mended', async () => {
    house = new TestHouse({ plugins: { lamp: { 'index.ts': lamp() } } })
    write('{\n  "poll": \n}')
    await house.start()
    expect(view()).toMatchObject({
      state: 'failed',
      error: { code: 'config_unreadable', file: file(), line: 3 },
    })
    expect(view().error!.frame).toBeUndefined()
    write('{ "poll": "often" }')
    await until('the other fault', () => view().error?.code === 'config_invalid')
    write('{ "poll": 5 }')
    await until('the mended one', () => view().state === 'active')
    expect((await inPlugin()).config).toEqual({ poll: 5 })
    expect(view().error).toBeNull()
  })

  test('together with the code goes live once, and badly leaves the old config to the new code', async () => {
    await start(lamp())
    await patch({ poll: 5 })
    write('{ "poll": "often" }')
    house.write('lamp/index.ts', `// anew\n${lamp()}`)
    await until('the fault', () => view().error !== null)
    await house.save('lamp/index.ts', `// and anew\n${lamp()}`)
    expect(view()).toMatchObject({ state: 'active', error: { code: 'config_invalid' } })
    expect((await inPlugin()).config).toEqual({ poll: 5 })
    write('{ "poll": 6 }')
    await until('the mended one', async () => view().error === null && (await inPlugin()).config.poll === 6)
  })

  test('in pieces is read when it is whole', async () => {
    await start(lamp({ members: TAKES }))
    mkdirSync(dirname(file()), { recursive: true })
    for (const text of ['', '{', '{ "poll"', '{ "poll": 5', '{ "poll": 55', '{ "poll": 55 }']) {
      writeFileSync(file(), text)
      await Bun.sleep(10)
    }
    await until('the whole', async () => (await inPlugin()).config.poll === 55)
    expect((await inPlugin()).told).toEqual([[55, 30, 30]])
    expect(view().error).toBeNull()
  })

  test('and taken away gives the defaults back', async () => {
    await start(lamp({ members: TAKES }))
    await patch({ poll: 5 })
    rmSync(file())
    await until('the default', async () => (await inPlugin()).config.poll === 30)
  })

  test.each([
    ['onConfigChange', TAKES],
    ['a reload', ''],
  ])(
    'with a name that there is not is in force without it, and says so, by %s and at a start',
    async (_how, members) => {
      const told = (line: number) =>
        house.logs.filter(
          ({ level, message }) =>
            level === 'warn' && message.includes(`lamp.jsonc:${line}: there is no setting /pol;`),
        )
      await start(lamp({ members }))
      write('{\n  "pol": 5,\n  "poll": 6\n}')
      await until('the rest of it', async () => (await inPlugin()).config.poll === 6)
      expect([told(2).length, view().error]).toEqual([1, null])
      await patch({ poll: 7 })
      // Nor is it taken out: it is the owner's.
      expect(readFileSync(file(), 'utf8')).toBe('{\n  "pol": 5,\n  "poll": 7\n}')
      await house.stop()
      house = new TestHouse({ plugins: { lamp: { 'index.ts': lamp({ members }) } } })
      write('{\n\n  "pol": 5,\n  "poll": 6\n}')
      await house.start()
      expect([(await inPlugin()).config, told(3).length, view().error]).toEqual([{ poll: 6 }, 1, null])
    },
  )

  test('with a name of an older version is passed over with a warning when the plugin loads', async () => {
    await start(lamp({ schema: 'old: z.number().optional(), poll: z.number().default(30)' }))
    await patch({ old: 1, poll: 5 })
    const reload = await house.save('lamp/index.ts', lamp({ schema: 'poll: z.number().default(30)' }))
    expect(reload.outcome).toBe('committed')
    expect((await inPlugin()).config).toEqual({ poll: 5 })
    expect(house.logs.some(({ message }) => message.includes('there is no setting /old'))).toBe(true)
    expect((await patch({ poll: 6 })).status).toBe(200)
    expect((await patch({ old: null })).status).toBe(200)
    expect(readFileSync(file(), 'utf8')).not.toContain('old')
  })
})

test('a disabled plugin may be set before it is enabled again', async () => {
  await start(lamp({ load: `if (ctx.config.poll === 13) throw new Error('Not thirteen.')` }))
  await house.send('PATCH', '/api/core/plugins/lamp', { enabled: false })
  expect((await patch({ poll: 5 })).status).toBe(200)
  expect(view().state).toBe('disabled')
  await house.send('PATCH', '/api/core/plugins/lamp', { enabled: true })
  expect((await inPlugin()).config).toEqual({ poll: 5 })
})

test('an onConfigChange that changes its argument harms nobody', async () => {
  await start(
    lamp({
      members: `onConfigChange(next) { 'use strict'; try { next.poll = 1 } catch {} told.push(Object.isFrozen(next)) },`,
    }),
  )
  expect((await patch({ poll: 5 })).status).toBe(200)
  expect(await inPlugin()).toMatchObject({ config: { poll: 5 }, told: [true] })
})

test.each([
  ['empty', ''],
  ['zeros, as a power cut may leave them', '\0'.repeat(512)],
  ['noise', '\u00e9\u0001{{['],
  ['longer than any config', `{ "poll": ${' '.repeat(1_200_000)}5 }`],
])('a file that is %s at a start is nobody’s defaults: its plugin fails and says so', async (_what, text) => {
  house = new TestHouse({
    plugins: { lamp: { 'index.ts': lamp() }, other: { 'index.ts': 'export default { onLoad() {} }' } },
  })
  write(text)
  await house.start()
  expect(view()).toMatchObject({
    state: 'failed',
    error: { code: 'config_unreadable', file: file(), line: 1, message: expect.stringContaining(file()) },
  })
  expect(house.runtime.loader.view('other')!.state).toBe('active')
  expect(readFileSync(file(), 'utf8')).toBe(text)
  // Nor does what the owner sends go over it.
  expect((await patch({ poll: 6 })).status).toBe(409)
  write('{ "poll": 5 }')
  await until('the mended one', () => view().state === 'active')
})

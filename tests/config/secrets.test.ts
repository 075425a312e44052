// Secrets in a plugin's config: for their plugin only, and nowhere else to be read.

import { afterEach, expect, test } from 'bun:test'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestHouse, TestHouseOptions } from '@home-console/sdk/testing'
import { startTestHouse } from '@home-console/sdk/testing'
import { CoreProcess } from '../faults/core-process.ts'
import { until } from '../until.ts'

const CONFIG = '/api/core/plugins/lamp/config'
const SECRET = 'hunter2-the-secret'

const LAMP = `
import { definePlugin, z } from '@home-console/sdk'
export default definePlugin({
  config: z.object({
    token: z.string().meta({ writeOnly: true }),
    poll: z.number().default(30),
    rooms: z.array(z.object({ name: z.string(), login: z.object({ pin: z.number() }).meta({ writeOnly: true }) })).default([]),
    known: z.string().default('${SECRET}-default').meta({ writeOnly: true }),
  }),
  onConfigChange(next) {
    if (next.poll === 13) throw new Error('No ' + next.token)
  },
  onLoad(ctx) {
    ctx.log.info('I have ' + ctx.config.token, { token: ctx.config.token })
    console.log(ctx.config)
    const router = ctx.router()
    router.get('/', (c) => c.json(ctx.config))
    router.get('/throws', () => { throw new Error('No ' + ctx.config.token) })
    if (ctx.config.poll === 14) throw new Error('No ' + ctx.config.token)
    return router
  },
})
`

let house: TestHouse
afterEach(() => house?.stop())

const start = async (options: TestHouseOptions = {}) => {
  house = await startTestHouse({ plugins: { lamp: { 'index.ts': LAMP } }, ...options })
}
const file = () => join(house.folder, 'data/config/lamp.jsonc')
const view = () => house.runtime.loader.view('lamp')!
const patch = (body: unknown) => house.send('PATCH', CONFIG, body)
const inPlugin = async (): Promise<any> => (await house.request('/api/plugins/lamp')).json()
const write = (text: string) => {
  mkdirSync(dirname(file()), { recursive: true })
  writeFileSync(`${file()}~`, text)
  renameSync(`${file()}~`, file())
}

const restart = async (core: CoreProcess, env: Record<string, string> = {}) => {
  await core.stop()
  await core.start(env)
}

/** Every byte below a folder, but for the plugin's own code and the versions that are kept of it. */
function* bytesBelow(folder: string): Generator<[string, string]> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && entry.name !== 'versions') yield* bytesBelow(path)
    else if (entry.isFile()) yield [path, readFileSync(path, 'latin1')]
  }
}

test('is in no answer, no log, no event, no document and no file', async () => {
  await start()
  const heard: string[] = []
  const ask = async (path: string, method = 'GET', body?: unknown) => {
    const response = body === undefined ? await house.request(path) : await house.send(method, path, body)
    heard.push(await response.text())
    return response.status
  }
  expect(
    await ask(CONFIG, 'PATCH', { token: SECRET, rooms: [{ name: 'hall', login: { pin: 987654 } }] }),
  ).toBe(200)
  expect(await ask(CONFIG, 'PATCH', { poll: 13 })).toBe(422)
  expect(await ask(CONFIG, 'PATCH', { token: 5 })).toBe(400)
  expect(await ask(CONFIG, 'PUT', { rooms: [{ name: 'hall', login: 7 }] })).toBe(400)
  await house.save('lamp/index.ts', LAMP.replace('poll === 14', 'poll === 30'))
  write(`{ "token": "${SECRET}-two", "poll": 14, "poll": `)
  await until('the fault', () =>
    house.logs.some(({ message }) => message.includes('was edited, and is refused')),
  )
  expect(await ask('/api/plugins/lamp/throws')).toBe(500)
  for (const path of [
    CONFIG,
    '/api/core/plugins',
    '/api/core/plugins/lamp/reloads',
    '/openapi.json',
    '/asyncapi.json',
    '/metrics',
  ])
    expect(await ask(path)).toBe(200)
  expect(await ask('/api/core/logs?plugin=lamp')).toBe(200)
  expect(await ask('/api/core/events/log')).toBe(200)
  heard.push(JSON.stringify(house.logs), JSON.stringify(house.events))
  for (const text of heard) {
    expect(text.includes(SECRET)).toBe(false)
    expect(text.includes('987654')).toBe(false)
  }
  // That it was said at all shows that it was masked.
  expect(JSON.stringify(house.logs)).toContain('I have ***')
  expect(heard[1]).toContain('No ***')

  write(
    `{ "token": "${SECRET}-three", // by hand\n "rooms": [{ "name": "hall", "login": { "pin": 987654 } }] }`,
  )
  await until('the encryption', () => !readFileSync(file(), 'utf8').includes(SECRET))
  expect(await inPlugin()).toMatchObject({
    token: `${SECRET}-three`,
    rooms: [{ name: 'hall', login: { pin: 987654 } }],
  })
  expect(readFileSync(file(), 'utf8')).toContain('// by hand')
  for (const [path, bytes] of bytesBelow(join(house.folder, 'data')))
    expect([path, bytes.includes(SECRET) || bytes.includes('987654')]).toEqual([path, false])
  expect(statSync(join(house.folder, 'data/secret.key')).mode & 0o777).toBe(0o600)
})

test('that did not change keeps its form in the file, and one that was moved there does not open', async () => {
  await start()
  await patch({ token: SECRET })
  const before = readFileSync(file(), 'utf8')
  await patch({ token: SECRET, poll: 5 })
  expect(readFileSync(file(), 'utf8')).toStartWith(before.replace(/\n\}\n$/, ''))
  const sealed = /\{"\$secret":[^}]+\}/.exec(before)![0]
  write(`{ "token": ${sealed}, "known": ${sealed} }`)
  await until('the fault', () => view().error !== null)
  expect(view().error!.message).toContain('/known: It was encrypted for another place')
  expect((await inPlugin()).token).toBe(SECRET)
})

test('a number as a secret does not break the log', async () => {
  await start({
    config: {
      pluginEnvironment: {
        PLUGIN_LAMP__ROOMS: '[{"name":"x","login":{"pin":987654}}]',
        PLUGIN_LAMP__TOKEN: 'x',
      },
    },
  })
  house.runtime.log.of('lamp').info('it is 987654', { pin: 987654 })
  expect(house.logs.at(-1)).toMatchObject({ message: 'it is ***', fields: { masked: '{"pin":***}' } })
})

test('survives a restart; a lost or another key makes the plugin wait, and nothing is written over', async () => {
  await using core = await CoreProcess.start({ 'lamp.ts': LAMP })
  const config = join(core.folder, 'data/config/lamp.jsonc')
  const key = join(core.folder, 'data/secret.key')
  const send = (body: unknown) =>
    core.request(CONFIG, {
      method: 'PATCH',
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json' },
    })
  const plugin = async (): Promise<any> => (await core.request('/api/core/plugins/lamp')).json()
  const token = async () =>
    ((await (await core.request('/api/plugins/lamp')).json()) as { token?: string }).token
  expect((await send({ token: SECRET })).status).toBe(200)

  await restart(core)
  expect(await token()).toBe(SECRET)

  const file = readFileSync(config, 'utf8')
  const lost = readFileSync(key)
  rmSync(key)
  await restart(core)
  expect(await plugin()).toMatchObject({
    state: 'waiting',
    waitingFor: [{ kind: 'config', name: '/token', message: expect.stringContaining('Its key is lost') }],
  })
  // What is no secret may be set meanwhile, and the secret stays as it was.
  expect((await send({ poll: 5 })).status).toBe(200)
  expect(readFileSync(config, 'utf8')).toContain(/"\$secret":"[^"]+"/.exec(file)![0])

  writeFileSync(key, lost)
  expect((await core.request('/api/core/plugins/lamp/reload', { method: 'POST' })).status).toBe(200)
  expect(await token()).toBe(SECRET)

  writeFileSync(key, 'another key that is long enough to be one')
  await restart(core)
  expect((await plugin()).waitingFor[0].message).toContain('It was encrypted with the key')
  // The owner may say it again, with the key that there is.
  expect((await send({ token: 'anew-and-secret' })).status).toBe(200)
  expect(await token()).toBe('anew-and-secret')
  for (const line of core.logs) expect(JSON.stringify(line)).not.toContain(SECRET)
}, 30_000)

test('from a file that a variable names, and its variable is none that a plugin sees', async () => {
  await using core = await CoreProcess.start({})
  writeFileSync(join(core.folder, 'token'), `${SECRET}\n`)
  const nosy = LAMP.replace(
    "router.get('/',",
    "router.get('/env', (c) => c.json({ ...process.env, child: Bun.spawnSync(['env']).stdout.toString() }))\n    router.get('/',",
  )
  core.write('my-lamp.ts', nosy)
  await restart(core, { PLUGIN_MY_LAMP__TOKEN_FILE: join(core.folder, 'token'), PLUGIN_MY_LAMP__POLL: '7' })
  expect(await (await core.request('/api/plugins/my-lamp')).json()).toMatchObject({ token: SECRET, poll: 7 })
  expect(await (await core.request('/api/plugins/my-lamp/env')).text()).not.toContain('PLUGIN_MY_LAMP')
  expect(await (await core.request('/api/core/plugins/my-lamp/config')).json()).toMatchObject({
    sources: { '/token': 'env', '/poll': 'env' },
    secrets: { '/token': true },
  })
}, 30_000)

test('cannot be set without the key that the owner named, which is told, and nothing is written', async () => {
  await start({ config: { secretKeyFile: join(tmpdir(), 'no-such-key') } })
  const response = await patch({ token: SECRET })
  expect([response.status, await response.json()]).toMatchObject([
    503,
    {
      code: 'storage_failed',
      detail: expect.stringMatching(/The key for secrets cannot be read: .*no-such-key/),
    },
  ])
  expect(existsSync(file())).toBe(false)
  expect((await patch({ poll: 5 })).status).toBe(200)
})

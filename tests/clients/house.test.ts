// The whole of it with real processes: the Core, the service that it starts, and an agent that comes in by the front door.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CoreProcess } from '../faults/core-process.ts'
import { freePort, isAlive } from '../processes.ts'
import { until } from '../until.ts'
import { AgentProcess, type Answer, eventsOf, filesOf, type OutputEvent } from './kit.ts'

const ROOT = join(import.meta.dir, '../..')
const HERE = '/api/plugins/client-manager'

/** A plugin that has something run when it is asked to. */
const EVENING = `
  import { definePlugin } from '@home-console/sdk'
  export default definePlugin({
    requires: ['clients'],
    onLoad(ctx) {
      const clients = ctx.services.use('clients')
      const router = ctx.router()
      router.get('/clients', async (c) => c.json(await clients.list()))
      router.post('/run/:client', async (c) =>
        c.json(await clients.execute(c.req.param('client'), await c.req.json(), { source: 'evening', timeout: 1 })))
      return router
    },
  })`

const port = freePort()
const environment = { PORT: String(port), EXTERNAL_DIR: join(ROOT, 'external') }
let core: CoreProcess
let agent: AgentProcess
let id: string

beforeAll(async () => {
  const plugins = filesOf(join(ROOT, 'plugins/client-manager'), 'client-manager')
  core = await CoreProcess.start({ ...plugins, 'evening.ts': EVENING }, environment)
  await isUp()
  agent = new AgentProcess(`ws://127.0.0.1:${port}${HERE}/ws`)
  id = await agent.id()
}, 30_000)

afterAll(async () => {
  await agent[Symbol.asyncDispose]()
  await core[Symbol.asyncDispose]()
}, 30_000)

async function ask(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await core.request(path, {
    method,
    ...(body !== undefined && {
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json' },
    }),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? null : JSON.parse(text) }
}

const isUp = () =>
  until('the service to be up', async () => (await ask('GET', `${HERE}/policy`)).status === 200, 15_000)
const isConnected = (ms = 15_000) =>
  until(
    'the client to be connected',
    async () => (await ask('GET', `${HERE}/clients/${id}`)).body?.status === 'connected',
    ms,
  )
const pending = async (): Promise<any[]> => (await ask('GET', `${HERE}/enrollments/pending`)).body.pending
const ended = (command: string) =>
  until('the command to end', async () => {
    const { body } = await ask('GET', `${HERE}/commands/${command}`)
    return body.status !== 'running' && body
  })
const eventOf = (type: string, isIt: (data: any) => boolean) =>
  until(`an event "${type}"`, async () =>
    (await core.events(type)).find(
      ({ data, source }) => isIt(data) && source === '/external/client-manager-service',
    ),
  )

/** The process that the Core started. */
function servicePid(): number {
  const found = readdirSync('/proc').find((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      return (
        readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`DATA_DIR=${core.folder}/data/external/`) &&
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('main.ts')
      )
    } catch {
      return false
    }
  })
  if (found === undefined) throw new Error('There is no process of the service.')
  return Number(found)
}

test('a computer comes in by the Core’s one door, is held, is approved, and the house hears of it', async () => {
  await until('it to wait', async () => (await pending()).some(({ client_id }) => client_id === id))
  expect((await ask('POST', `${HERE}/commands/${id}`, { name: 'uptime' })).status).toBe(404)

  expect((await ask('POST', `${HERE}/enrollments/${id}/approve`)).body).toMatchObject({
    id,
    approved_by: 'admin',
  })

  await isConnected()
  const { data, subject } = await eventOf('client.connected', ({ client }) => client === id)
  expect(subject).toBe(id)
  expect(data).toEqual({ client: id, hostname: expect.any(String) })
  const known = () => ask('GET', '/api/plugins/evening/clients').then(({ body }) => body)
  await until('the house to know it', async () => (await known())[0]?.connected)
  expect(await known()).toEqual([expect.objectContaining({ id, connected: true, deviceType: 'linux' })])
})

test('one command talks while it runs, another is called off, a third is refused, and all is remembered', async () => {
  const policy = {
    commands: {
      count: { argv: ['sh', '-c', 'for i in 1 2 3; do echo $i; sleep 0.1; done'] },
      wait: { argv: ['sleep', '300'] },
    },
  }
  expect((await ask('PUT', `${HERE}/policy`, policy)).status).toBe(200)

  const first = (await ask('POST', `${HERE}/commands/${id}/async`, { name: 'count' })).body
  const seen: OutputEvent[] = []
  let running = 0
  for await (const event of eventsOf(await core.request(`${HERE}/commands/${first.command_id}/output`))) {
    seen.push(event)
    const { body } = await ask('GET', `${HERE}/commands/${first.command_id}`)
    if (body.status === 'running') running++
  }
  expect(seen.map(({ data }) => data.data ?? data.status).join('')).toBe('1\n2\n3\nsucceeded')
  expect(running).toBeGreaterThan(0)

  const second = (await ask('POST', `${HERE}/commands/${id}/async?timeout=60`, { name: 'wait' })).body
  const cancelled = await ask('POST', `${HERE}/commands/${id}/cancel?command_id=${second.command_id}`)
  expect(cancelled.status).toBe(202)
  expect(await ended(second.command_id)).toMatchObject({ status: 'cancelled', cancelled_by: 'admin' })

  const third = await ask('POST', `${HERE}/commands/${id}`, { command: ['rm', '-rf', '/nowhere'] })
  expect(third).toMatchObject({ status: 403, body: { code: 'command_refused' } })

  for (const [command, status] of [
    [first.command_id, 'succeeded'],
    [second.command_id, 'cancelled'],
  ])
    await eventOf(
      'command.finished',
      (data) => data.command === command && data.status === status && data.by === 'admin',
    )
  const log = await until('both to be written down', async () => {
    const { body } = await ask('GET', `${HERE}/log`)
    return body.commands.length === 2 && body.commands
  })
  expect(log.map(({ status, argv, stdout }: any) => [status, argv[0], stdout])).toEqual([
    ['cancelled', 'sleep', ''],
    ['succeeded', 'sh', '1\n2\n3\n'],
  ])
}, 20_000)

test('another plugin has a command run, and the log says so; an end that is no good one is an outcome', async () => {
  const run = (body: unknown) => ask('POST', `/api/plugins/evening/run/${id}`, body)
  expect((await run({ name: 'count' })).body).toMatchObject({
    status: 'succeeded',
    exitCode: 0,
    stdout: '1\n2\n3\n',
    stderr: '',
    complete: true,
  })
  const late = (await run({ name: 'wait' })).body
  expect(late).toMatchObject({ status: 'timed_out', exitCode: null })
  expect((await run({ command: ['id'] })).body).toMatchObject({
    status: 403,
    code: 'evening.command_refused',
  })
  const { body } = await ask('GET', `${HERE}/commands/${late.id}`)
  expect(body.asked_by).toBe('/plugins/client-manager for evening')
}, 20_000)

test('what the service can do stands in the one document, where it really is, with who may', async () => {
  const { paths } = (await ask('GET', '/openapi.json')).body
  const operation = (method: string, path: string) => paths[HERE + path]?.[method]
  expect(operation('post', '/commands/{client}')).toMatchObject({
    operationId: 'client-manager.run',
    tags: ['client-manager'],
    security: [{ bearer: ['clients.run'] }],
  })
  expect(operation('get', '/clients').security).toEqual([{ bearer: ['clients.read'] }])
  expect(operation('get', '/enrollments/pending').operationId).toBe('client-manager.listPending')
  expect(operation('get', '/agent.ts').security).toEqual([])
  expect(operation('get', '/log').operationId).toBe('client-manager.listLog')
  expect(Object.keys(paths).filter((path) => path.startsWith(HERE) && path.includes('health'))).toEqual([])
})

test('without a token there is nothing but the agents’ door and the agent itself', async () => {
  const status = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(core.url + HERE + path, init)
    await response.body?.cancel()
    return response.status
  }
  for (const path of ['/clients', `/commands/history`, '/enrollments/pending', '/policy', '/log', '/health'])
    expect([path, await status(path)]).toEqual([path, 401])
  expect(await status('/agent.ts')).toBe(200)
  expect(
    await status('/ws', {
      headers: { Origin: 'http://elsewhere.example', Upgrade: 'websocket', Connection: 'Upgrade' },
    }),
  ).toBe(403)
})

test('the service is killed: the Core starts it again, the agent comes back, and its command goes on', async () => {
  await ask('PUT', `${HERE}/policy`, { free: true, commands: {} })
  const script = 'i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo $i; sleep 0.01; done'
  const { command_id } = (
    await ask('POST', `${HERE}/commands/${id}/async`, { command: ['sh', '-c', script] })
  ).body
  const before = servicePid()
  process.kill(before, 'SIGKILL')
  await isUp()
  expect(servicePid()).not.toBe(before)
  await isConnected()
  const command = await until(
    'the command to end',
    async () => {
      const { body } = await ask('GET', `${HERE}/commands/${command_id}`)
      return body?.status !== 'running' && body
    },
    15_000,
  )
  expect(command).toMatchObject({ status: 'succeeded' })
  expect(command.result.stdout).toBe(Array.from({ length: 200 }, (_, at) => `${at + 1}\n`).join(''))
}, 60_000)

test('another process of the service takes over: the agent is with it at once, and nobody who waits is let down', async () => {
  const before = servicePid()
  const { command_id } = (
    await ask('POST', `${HERE}/commands/${id}/async`, { command: ['sh', '-c', 'sleep 2; echo over'] })
  ).body
  const waiting = ask('POST', `${HERE}/commands/${id}`, { command: ['sh', '-c', 'sleep 2; echo waited'] })
  await until('both to run', async () => {
    const { body } = await ask('GET', `${HERE}/commands/history?limit=2`)
    return body.commands.every(({ status }: any) => status === 'running')
  })

  expect((await ask('POST', '/api/core/external/client-manager-service/restart')).status).toBe(200)
  // Not when the one before is gone, up to ten seconds later.
  await isConnected(5_000)

  expect((await waiting).body).toMatchObject({ status: 'succeeded', result: { stdout: 'waited\n' } })
  expect(await ended(command_id)).toMatchObject({ status: 'succeeded', result: { stdout: 'over\n' } })
  await until('the one before to be gone', () => !isAlive(before), 15_000)
}, 40_000)

test('the Core is killed: nothing of it is left, and with the next one all of them come back', async () => {
  const { command_id } = (
    await ask('POST', `${HERE}/commands/${id}/async`, { command: ['sh', '-c', 'sleep 1; echo survived'] })
  ).body
  const before = servicePid()
  core.kill('SIGKILL')
  await core.exited
  await until('the service to be gone', () => !isAlive(before))

  await core.start(environment)
  await isUp()
  await isConnected(60_000)

  const command = await until('the command to be heard of', () => ended(command_id), 15_000)
  expect(command).toMatchObject({ status: 'succeeded', result: { stdout: 'survived\n' } })
  await until('it to be written down', async () =>
    (await ask('GET', `${HERE}/log`)).body.commands.some((one: any) => one.id === command_id),
  )
  expect((await ask('POST', `${HERE}/commands/${id}`, { command: 'echo back' })).body.result.stdout).toBe(
    'back\n',
  )
  const warnings = core.logs.filter(({ level }) => level === 'error')
  expect(warnings).toEqual([])
}, 90_000)

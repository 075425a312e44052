import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'

const SERVICE = join(import.meta.dir, '../../external/client-manager-service')

let house: TestHouse
let agent: Bun.Subprocess
let id: string

/** Looks again and again, for so long. */
async function until<T>(what: string, look: () => T | Promise<T>, ms = 15_000): Promise<NonNullable<T>> {
  for (const end = Date.now() + ms; Date.now() < end; await Bun.sleep(10)) {
    const found = await look()
    if (found) return found
  }
  throw new Error(`Waited ${ms} ms for ${what}.`)
}

const get = async (path: string): Promise<any> =>
  (await house.request(`/api/plugins/client-manager${path}`)).json()
const post = async (path: string, body: unknown = {}): Promise<any> =>
  (await house.send('POST', `/api/plugins/client-manager${path}`, body)).json()
const clients = () => house.service('clients')
const isThere = () => until('the computer to be there', async () => (await clients().get(id))?.connected)
const service = () => house.runtime.external.find('client-manager-service')!

// The real service, run by the house, and a real agent.
beforeAll(async () => {
  house = await startTestHouse({
    plugins: { 'client-manager': import.meta.dir },
    external: { 'client-manager-service': SERVICE },
    config: { childEnvironment: { PATH: process.env['PATH']! } },
  })
  await until('the service to be up', () => service().state === 'up')
  const { code } = await post('/enrollments/codes')
  const url = `${house.url.replace('http', 'ws')}/api/plugins/client-manager/ws`
  const state = join(house.folder, 'agent.json')
  const args = ['--url', url, '--code', code, '--state', state, '--tag', 'desk']
  agent = Bun.spawn([process.execPath, join(SERVICE, 'agent/agent.ts'), ...args], {
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'inherit',
  })
  id = (await house.event('client.connected')).data.client
}, 30_000)

afterAll(async () => {
  agent.kill()
  await agent.exited
  await house.stop()
}, 30_000)

test('knows the computers that are in, and says how many are there', async () => {
  await isThere()
  expect(await clients().list()).toEqual([
    {
      id,
      hostname: expect.any(String),
      connected: true,
      deviceType: 'linux',
      tags: ['desk'],
      location: null,
      lastSeen: expect.any(String),
    },
  ])
  expect(await clients().get('0'.repeat(32))).toBeNull()
  const { status } = house.runtime.loader.view('client-manager')!
  expect(status).toContainEqual(
    expect.objectContaining({ label: 'clients', state: 'ok', message: '1 of 1 computer connected' }),
  )
})

test('has a command run for another plugin, and remembers what it said', async () => {
  const outcome = await clients().execute(id, { name: 'uptime' }, { source: 'test' })
  expect(outcome).toMatchObject({ status: 'succeeded', exitCode: 0, complete: true })
  expect(outcome.stdout).toContain('load average')

  const { data } = await house.event('command.finished')
  expect(data).toEqual({
    command: outcome.id,
    client: id,
    name: 'uptime',
    by: '/plugins/client-manager for test',
    status: 'succeeded',
    exitCode: 0,
  })
  const { commands } = await until('it to be written down', async () => {
    const log = await get('/log')
    return log.commands.length > 0 && log
  })
  expect(commands[0]).toMatchObject({ id: outcome.id, argv: ['uptime'], stdout: outcome.stdout })
})

test('what the service refuses is refused, in its words', async () => {
  const refusal = (request: { command: string[] }) =>
    clients()
      .execute(id, request)
      .then(
        () => null,
        ({ status, code }: { status: number; code: string }) => [status, code],
      )
  expect(await refusal({ command: ['rm', '-rf', '/nowhere'] })).toEqual([403, 'command_refused'])
})

test('each event of the service is there once, and says that it is the service’s', async () => {
  const said = house.events.filter(({ type }) => /^(client|command)\./.test(type))
  expect(said.map(({ type, source }) => [type, source])).toEqual([
    ['client.connected', '/external/client-manager-service'],
    ['command.finished', '/external/client-manager-service'],
  ])
})

test('another version of the adapter: the service runs on, and the agent comes back to it', async () => {
  const { pid } = service().view()
  const before = house.events.length
  const text = await Bun.file(house.path('client-manager/index.ts')).text()
  const { outcome } = await house.save('client-manager/index.ts', text.replace('1.0.0', '1.0.1'))
  expect(outcome).toBe('committed')
  await until('the agent to be back', () =>
    house.events.slice(before).some(({ type }) => type === 'client.connected'),
  )
  await isThere()
  expect(service().view().pid).toBe(pid)
  expect((await clients().execute(id, { name: 'uptime' })).status).toBe('succeeded')
}, 30_000)

test('while the service is away, the computers and the log are still known, and nobody is said to be there', async () => {
  process.kill(service().view().pid!, 'SIGSTOP')
  const { pid } = service().view()
  process.kill(pid!, 'SIGKILL')
  await until('it to be missed', () => service().state !== 'up')
  await until('nobody to be there', async () => (await clients().get(id))?.connected === false)
  expect((await get('/log')).commands.length).toBeGreaterThan(0)
  await isThere()
}, 30_000)

// Where a plugin's work runs: what it is at first, what the owner chooses, and what a switch does to requests.

import { afterEach, expect, test } from 'bun:test'
import type { TestHouse } from '@home-console/sdk/testing'
import { gone, isAlive } from '../processes.ts'
import { until } from '../until.ts'
import { Clients } from './clients.ts'
import {
  adapter,
  adapterOf,
  ask,
  clientsOf,
  CREDENTIAL,
  embedded,
  houseWithAdapter,
  inState,
  manifest,
  server,
  startable,
} from './kit.ts'

let house: TestHouse
let elsewhere: Bun.Server<undefined> | undefined
afterEach(async () => {
  await house.stop()
  await elsewhere?.stop(true)
  elsewhere = undefined
})

/** The service as someone else runs it. */
function runElsewhere(
  answer: (request: Request) => Response | Promise<Response> = () => new Response('elsewhere'),
): string {
  elsewhere = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: answer })
  return elsewhere.url.origin
}

/** Both ways are there, and the first is embedded. */
const both = (url: string, main = server('embedded'), start: Record<string, unknown> = {}) =>
  [
    embedded(main, startable(start, { url })),
    { config: { external: { clients: { credential: CREDENTIAL } } } },
  ] as const

const choose = (mode: string) => house.send('PATCH', '/api/core/plugins/adapter', { mode })

test('what the service can do is what the owner chooses from; embedded comes first', async () => {
  house = await houseWithAdapter(embedded())
  expect(adapterOf(house)).toMatchObject({ mode: 'embedded', modes: ['embedded', 'microservice'] })
  await house.stop()
  house = await houseWithAdapter({ 'service.json': manifest() })
  expect(adapterOf(house)).toMatchObject({ mode: 'microservice', modes: ['microservice'] })
  house.write('clients/main.ts', server(), 'external')
  house.write('clients/service.json', startable(), 'external')
  await inState(house, 'up')
  expect(adapterOf(house)).toMatchObject({ mode: 'embedded' })
})

test('the first of its modes is what an adapter gets', async () => {
  house = await houseWithAdapter(...both(runElsewhere()))
  await house.stop()
  const [files, options] = both(runElsewhere())
  house = await houseWithAdapter(files, {
    ...options,
    plugin: adapter(`modes: ['microservice', 'embedded']`),
  })
  await inState(house, 'up')
  expect(clientsOf(house)).toMatchObject({ mode: 'microservice', pid: null })
})

test('to the microservice and back: the other is up before the one before goes, and what is under way ends there', async () => {
  house = await houseWithAdapter(...both(runElsewhere()))
  const { pid } = await inState(house, 'up')
  const slow = ask(house, '/slow?ms=400')
  await Bun.sleep(50)

  const answer = await choose('microservice')
  expect(answer.status).toBe(200)
  expect(await answer.json()).toMatchObject({ mode: 'microservice', state: 'active', generation: 1 })
  expect(await ask(house, '/')).toBe('elsewhere')
  expect(isAlive(pid!)).toBe(true)
  expect(await slow).toBe('embedded')
  await gone(pid!)

  expect((await choose('embedded')).status).toBe(200)
  expect(await ask(house, '/')).toBe('embedded')
  expect(clientsOf(house)).toMatchObject({ mode: 'embedded', state: 'up' })
})

test('what does not come up is refused with the reason, what runs goes on, and the wish is what it was', async () => {
  const url = runElsewhere(() => new Response('', { status: 503 }))
  house = await houseWithAdapter(...both(url, server('embedded'), { readyMs: 500 }))
  const { pid } = await inState(house, 'up')
  const { reach } = house.runtime.external.find('clients')!
  const answer = await choose('microservice')
  expect(answer.status).toBe(422)
  expect(await answer.json()).toMatchObject({
    code: 'mode_refused',
    detail: '"clients" goes on as embedded. /health answers 503.',
  })
  expect(house.runtime.external.find('clients')!.reach).toBe(reach)
  expect(clientsOf(house)).toMatchObject({ mode: 'embedded', state: 'up', pid })
  expect(adapterOf(house)).toMatchObject({ mode: 'embedded' })
  expect(await ask(house, '/')).toBe('embedded')
})

test('from the microservice to a child that dies at once: refused with its last words', async () => {
  const [files, options] = both(runElsewhere(), `console.error('no room'); process.exit(1)`)
  house = await houseWithAdapter(files, {
    ...options,
    plugin: adapter(`modes: ['microservice', 'embedded']`),
  })
  await inState(house, 'up')
  const answer = await choose('embedded')
  expect(answer.status).toBe(422)
  expect(((await answer.json()) as { detail: string }).detail).toContain('exit code 1: no room')
  expect(await ask(house, '/')).toBe('elsewhere')
  expect(clientsOf(house)).toMatchObject({ mode: 'microservice', state: 'up' })
})

test('the wish survives a restart', async () => {
  house = await houseWithAdapter(...both(runElsewhere()))
  await inState(house, 'up')
  await choose('microservice')
  await house.runtime.stop('the test starts another')
  const { Runtime } = await import('../../core/runtime.ts')
  const again = new Runtime({ config: house.config, write: () => {} })
  await again.start()
  await until('it is up', () => again.external.find('clients')!.state === 'up')
  expect(again.loader.view('adapter')).toMatchObject({ mode: 'microservice' })
  await again.stop('the test is over')
})

test('whatever takes over from whatever, no request through the adapter is lost, be it short or long', async () => {
  const passing = `const router = ctx.router({ security: [] }); router.all('/*', ctx.proxy()); return router`
  const [files, options] = both(runElsewhere(async () => (await Bun.sleep(5), new Response('elsewhere'))))
  house = await houseWithAdapter(files, { ...options, plugin: adapter('', passing) })
  await inState(house, 'up')
  const clients = new Clients(house, ['/', '/', '/', '/slow?ms=30', '/slow?ms=150', '/slow?ms=300'])
  for (const change of [
    () => choose('microservice'),
    () => choose('embedded'),
    () => house.request('/api/core/external/clients/restart', { method: 'POST' }),
    () => house.save('adapter/index.ts', adapter(`version: '2'`, passing)).then(() => new Response()),
    () => choose('microservice'),
    () => choose('embedded'),
  ]) {
    const before = clients.count
    expect((await change()).status).toBe(200)
    await until('the clients went on', () => clients.count > before + 20)
  }
  expect(await clients.stop()).toEqual(['200 elsewhere', '200 embedded'])
})

test('a mode that the plugin does not have is refused', async () => {
  house = await houseWithAdapter(embedded(), { plugin: adapter(`modes: ['embedded']`) })
  await inState(house, 'up')
  const answer = await choose('microservice')
  expect(answer.status).toBe(409)
  expect(await answer.json()).toMatchObject({
    code: 'mode_not_supported',
    detail: '"adapter" can run embedded, and not microservice.',
  })
})

test('service.json changes: another child comes up beside the one that serves, and takes over', async () => {
  house = await houseWithAdapter(embedded(server('one')))
  const { pid } = await inState(house, 'up')
  const slow = ask(house, '/slow?ms=400')
  house.write('clients/main.ts', server('two'), 'external')
  house.write(
    'clients/service.json',
    startable({ environment: { A: '1' } }, { version: '2.0.0' }),
    'external',
  )
  await until('the next is in force', () => clientsOf(house).version === '2.0.0')
  expect(clientsOf(house)).toMatchObject({ state: 'up', adapter: 'adapter' })
  expect(clientsOf(house).pid).not.toBe(pid)
  expect(await ask(house, '/')).toBe('two')
  expect(await slow).toBe('one')
  await gone(pid!)
  const states = house.events.flatMap(({ type, data }) =>
    type === 'core.external' ? (data as { state: string }).state : [],
  )
  expect(states).toEqual(['starting', 'up'])
})

test('service.json describes what does not come up: the one before goes on serving, and the fault is on record', async () => {
  house = await houseWithAdapter(embedded(server('one')))
  const { pid } = await inState(house, 'up')
  house.write(
    'clients/service.json',
    startable({ command: ['bun', 'nowhere.ts'] }, { version: '2.0.0' }),
    'external',
  )
  const fault = await until('the fault', () => clientsOf(house).fault)
  expect(fault).toContain('nowhere.ts')
  expect(clientsOf(house)).toMatchObject({ version: '1.0.0', state: 'up', pid })
  expect(await ask(house, '/')).toBe('one')

  house.write('clients/service.json', startable({}, { version: '3.0.0' }), 'external')
  await until('the next is in force', () => clientsOf(house).version === '3.0.0')
  expect(clientsOf(house).fault).toBeNull()
})

/** @returns the process that comes up, and never will be */
async function changeToOneThatNeverAnswers(): Promise<number> {
  house.write(
    'clients/never.ts',
    `console.log('never ' + process.pid); setInterval(() => {}, 1_000)`,
    'external',
  )
  const start = { command: ['bun', 'never.ts'], readyMs: 60_000 }
  house.write('clients/service.json', startable(start, { version: '2.0.0' }), 'external')
  const line = await until('it is on its way', () =>
    house.logs.find(({ message }) => message.startsWith('never ')),
  )
  return Number(line.message.split(' ')[1])
}

test('a newer service.json overtakes one that is still coming up', async () => {
  house = await houseWithAdapter(embedded(server('one')))
  const { pid } = await inState(house, 'up')
  const coming = await changeToOneThatNeverAnswers()
  house.write('clients/service.json', startable({}, { version: '3.0.0' }), 'external')
  await until('the third is in force', () => clientsOf(house).version === '3.0.0')
  expect(clientsOf(house)).toMatchObject({ state: 'up', fault: null })
  expect(house.logs.filter(({ level }) => level === 'error')).toEqual([])
  await gone(pid!)
  await gone(coming)
})

test('a service.json that is taken back leaves what runs as it is', async () => {
  house = await houseWithAdapter(embedded(server('one')))
  const { pid } = await inState(house, 'up')
  const coming = await changeToOneThatNeverAnswers()
  house.write('clients/service.json', startable(), 'external')
  await gone(coming)
  expect(clientsOf(house)).toMatchObject({ state: 'up', fault: null, pid, version: '1.0.0' })
})

test('a restart gives what service.json describes another chance, when what it lacked is there', async () => {
  house = await houseWithAdapter(embedded(server('one')))
  await inState(house, 'up')
  const service = startable({ command: ['bun', 'later.ts'] }, { version: '2.0.0' })
  house.write('clients/service.json', service, 'external')
  await until('the fault', () => clientsOf(house).fault)
  house.write('clients/later.ts', server('two'), 'external')
  expect((await house.request('/api/core/external/clients/restart', { method: 'POST' })).status).toBe(200)
  expect(clientsOf(house)).toMatchObject({ state: 'up', fault: null, version: '2.0.0' })
  expect(await ask(house, '/')).toBe('two')
})

test('service.json goes while it runs: the adapter waits, and the child ends after it', async () => {
  house = await houseWithAdapter(embedded(), {
    plugin: adapter(`onUnload(ctx) { ctx.log.info('the adapter leaves') }`),
  })
  const { pid } = await inState(house, 'up')
  const { rmSync } = await import('node:fs')
  rmSync(`${house.folder}/external/clients/service.json`)
  await until('the adapter waits', () => adapterOf(house).state === 'waiting')
  expect(adapterOf(house).waitingFor).toMatchObject([{ kind: 'external', name: 'clients' }])
  await gone(pid!)
  expect(house.logs.some(({ message }) => message === 'the adapter leaves')).toBe(true)
  expect(await (await house.request('/api/core/external')).json()).toEqual({ external: [], refused: [] })

  house.write('clients/service.json', startable(), 'external')
  await inState(house, 'up')
  expect(adapterOf(house).state).toBe('active')
})

test('restart: another child takes over; of one that is not wanted, refused', async () => {
  house = await houseWithAdapter(embedded())
  const { pid } = await inState(house, 'up')
  const restart = (name: string) => house.request(`/api/core/external/${name}/restart`, { method: 'POST' })
  const answer = await restart('clients')
  expect(answer.status).toBe(200)
  const view = (await answer.json()) as { pid: number }
  expect(view).toMatchObject({ name: 'clients', state: 'up' })
  expect(view.pid).not.toBe(pid)
  await gone(pid!)
  expect((await restart('nobody')).status).toBe(404)
  await house.send('PATCH', '/api/core/plugins/adapter', { enabled: false })
  const refused = await restart('clients')
  expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([
    409,
    'external_stopped',
  ])
})

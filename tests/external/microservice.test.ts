// An external service that someone else runs: found, claimed by its adapter, asked how it is, and let go of.

import { afterEach, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import type { TestHouse } from '@home-console/sdk/testing'
import { until } from '../until.ts'
import {
  adapter,
  adapterOf,
  ask,
  clientsOf,
  CREDENTIAL,
  embedded,
  folderOf,
  houseWithAdapter,
  inState,
  manifest,
} from './kit.ts'

let house: TestHouse
const servers = new Set<Bun.Server<undefined>>()
afterEach(async () => {
  await house.stop()
  for (const server of servers) await server.stop(true)
  servers.clear()
})

function serve(answer: (request: Request) => Response = () => new Response('well')): string {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: answer })
  servers.add(server)
  return server.url.origin
}

test('the adapter makes of it a part of the house: up, with its credential, and listed with the adapter', async () => {
  const asked: string[] = []
  const url = serve((request) => {
    asked.push(`${new URL(request.url).pathname} ${request.headers.get('Authorization')}`)
    return new Response('well')
  })
  house = await houseWithAdapter(
    { 'service.json': manifest() },
    { config: { external: { clients: { url, credential: CREDENTIAL } } } },
  )
  const view = await inState(house, 'up')
  expect(view).toMatchObject({ mode: 'microservice', url, adapter: 'adapter', error: null, pid: null })
  expect(adapterOf(house)).toMatchObject({
    kind: 'adapter',
    mode: 'microservice',
    state: 'active',
    status: [{ label: 'external', state: 'ok', message: null }],
  })
  expect(asked[0]).toBe(`/health Bearer ${CREDENTIAL}`)
  expect(await ask(house, '/x')).toBe('well')
  expect((await house.event('core.external')).data).toMatchObject({ name: 'clients', state: 'starting' })
  expect((await house.event('core.external')).data).toMatchObject({ state: 'up', before: 'starting' })
})

test('where nothing proves the two to each other, the log of the adapter says what to set', async () => {
  house = await houseWithAdapter({ 'service.json': manifest({ url: serve() }) })
  await inState(house, 'up')
  expect(house.logs.filter(({ level, plugin }) => level === 'warn' && plugin === 'adapter')).toMatchObject([
    { message: expect.stringContaining('Start the Core with EXTERNAL_CLIENTS__CREDENTIAL, and the service') },
  ])
})

test('one that could be started here is not, where the environment says that it is elsewhere', async () => {
  const url = serve(() => new Response('elsewhere'))
  house = await houseWithAdapter(embedded(), {
    config: { external: { clients: { url, credential: CREDENTIAL } } },
  })
  expect(await inState(house, 'up')).toMatchObject({ mode: 'microservice', url, pid: null })
  expect(await ask(house, '/x')).toBe('elsewhere')
})

test('without an adapter, or with one that is disabled, nobody asks it anything', async () => {
  let asked = 0
  const url = serve(() => (asked++, new Response('well')))
  house = await houseWithAdapter({ 'service.json': manifest({ url }) })
  await inState(house, 'up')
  await house.send('PATCH', '/api/core/plugins/adapter', { enabled: false })
  expect(await inState(house, 'stopped')).toMatchObject({ adapter: null, url: null })
  expect(house.runtime.external.find('clients')!.trouble).toContain('no adapter')
  const before = asked
  await Bun.sleep(300)
  expect(asked).toBe(before)

  await house.send('PATCH', '/api/core/plugins/adapter', { enabled: true })
  await inState(house, 'up')
})

test('another version of the adapter changes nothing for the service', async () => {
  const url = serve()
  house = await houseWithAdapter({ 'service.json': manifest({ url }) })
  const { since } = await inState(house, 'up')
  const { reach } = house.runtime.external.find('clients')!
  expect((await house.save('adapter/index.ts', adapter(`version: '2'`))).outcome).toBe('committed')
  expect(house.runtime.external.find('clients')!.reach).toBe(reach)
  expect(clientsOf(house)).toMatchObject({ since, state: 'up' })

  expect((await house.save('adapter/index.ts', adapter('', `throw new Error('no')`))).outcome).toBe(
    'kept_old',
  )
  expect(clientsOf(house)).toMatchObject({ since, state: 'up', adapter: 'adapter' })
})

test('it is down while it does not answer, and up when it does again', async () => {
  let well = true
  const url = serve(() => new Response('', { status: well ? 200 : 503 }))
  house = await houseWithAdapter({ 'service.json': manifest({ url }) })
  await inState(house, 'up')
  well = false
  expect((await inState(house, 'down')).error).toBe('/health answers 503.')
  expect(adapterOf(house).status).toMatchObject([
    { label: 'external', state: 'down', message: '/health answers 503.' },
  ])
  well = true
  await inState(house, 'up')
})

test('a name is pinned to an address of it that answers', async () => {
  const { port } = new URL(serve())
  const url = `http://localhost:${port}`
  house = await houseWithAdapter({ 'service.json': manifest({ url }) })
  expect((await inState(house, 'up')).url).toBe(url)
  expect(house.runtime.external.find('clients')!.reach!.address).toBe('127.0.0.1')
})

test('a name that means nothing: it is down, and says so', async () => {
  house = await houseWithAdapter(
    {
      'service.json': manifest({
        url: 'http://there-is-no-such-name.invalid',
        start: { command: ['x'], readyMs: 100 },
      }),
    },
    { plugin: adapter(`modes: ['microservice']`) },
  )
  expect((await inState(house, 'down')).error).toContain('there-is-no-such-name.invalid')
})

test('nobody says where it is: it is down, and says what to set', async () => {
  house = await houseWithAdapter({ 'service.json': manifest() })
  expect((await inState(house, 'down')).error).toContain('EXTERNAL_CLIENTS__URL')
  house.write('clients/service.json', manifest({ url: serve() }), 'external')
  await inState(house, 'up')
})

test('the adapter waits for a service.json that is not there, loads when it comes and waits again when it goes', async () => {
  house = await houseWithAdapter(null)
  house.write('README.md', 'A file among the folders.', 'external')
  expect(adapterOf(house)).toMatchObject({
    state: 'waiting',
    kind: 'adapter',
    waitingFor: [{ kind: 'external', name: 'clients' }],
  })
  expect(adapterOf(house).waitingFor[0]!.message).toContain(folderOf(house, 'clients', 'service.json'))

  house.write('clients/service.json', '{', 'external')
  await until('the reason is told', () => adapterOf(house).waitingFor[0]!.message.includes('It is no JSON'))
  expect(adapterOf(house).state).toBe('waiting')

  house.write('clients/service.json', manifest({ url: serve() }), 'external')
  await inState(house, 'up')
  expect(adapterOf(house)).toMatchObject({ state: 'active', waitingFor: [] })

  rmSync(folderOf(house, 'clients'), { recursive: true })
  await until('the adapter waits', () => adapterOf(house).state === 'waiting')
  await until('the service is gone', () => house.runtime.external.find('clients') === undefined)

  house.write('clients/service.json', '{', 'external')
  await until('the reason is told', () => adapterOf(house).waitingFor[0]!.message.includes('It is no JSON'))
  expect(adapterOf(house).state).toBe('waiting')
})

test('a service.json that is nonsense is refused with the place of the mistake, and the one before stays in force', async () => {
  house = await houseWithAdapter({ 'service.json': manifest({ url: serve() }) })
  await inState(house, 'up')
  house.write('clients/service.json', manifest({ url: 'ftp://x', limits: { concurency: 3 } }), 'external')
  const fault = await until('the fault', () => clientsOf(house).fault)
  expect(fault).toContain('url: ')
  expect(fault).toContain('limits.concurency: ')
  expect(clientsOf(house)).toMatchObject({ state: 'up', version: '1.0.0' })
  expect(
    house.logs.some(({ level, message }) => level === 'error' && message.includes('limits.concurency')),
  ).toBe(true)

  house.write('clients/service.json', manifest({ url: serve(), version: '2.0.0' }), 'external')
  await until('it is in force', () => clientsOf(house).version === '2.0.0')
  expect(clientsOf(house).fault).toBeNull()
})

test('two adapters of one service: the second is refused, and told who has it', async () => {
  house = await houseWithAdapter({ 'service.json': manifest({ url: serve() }) })
  await inState(house, 'up')
  const { outcome, error } = await house.save('second/index.ts', adapter())
  expect(outcome).toBe('failed')
  expect(error).toMatchObject({ code: 'external_taken', message: expect.stringContaining('"adapter"') })
  expect(clientsOf(house).adapter).toBe('adapter')
})

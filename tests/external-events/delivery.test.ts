// Events across the border, with real processes: an embedded service that hears and speaks, and webhooks to one that others run.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { Webhook as Verifier } from 'standardwebhooks'
import type { TestHouse } from '@home-console/sdk/testing'
import { adapter, CREDENTIAL, houseWithAdapter, inState, manifest } from '../external/kit.ts'
import { ServiceProcess } from '../external/service-process.ts'
import { until } from '../until.ts'

let house: TestHouse | undefined
afterEach(async () => {
  await house?.stop()
  house = undefined
})

const EVENTS = { wants: ['light.**'], sends: ['client.*'] }

test('an embedded service hears the house and speaks in it, with what it was started with', async () => {
  const code = readFileSync(join(import.meta.dir, '../external/service-program.ts'), 'utf8')
  house = await houseWithAdapter({
    'service.json': manifest({ start: { command: ['bun', 'service.ts'] }, events: EVENTS }),
    'service.ts': code,
  })
  await inState(house, 'up')
  const heard = async () => {
    house!.runtime.bus.emit({ type: 'light.on', source: '/plugins/lamp' })
    return house!.events.find(({ type }) => type === 'client.heard')
  }
  expect(await until('its answer', heard)).toMatchObject({
    source: '/external/clients',
    data: { type: 'light.on' },
  })
})

describe('a webhook', () => {
  let service: ServiceProcess
  beforeEach(async () => {
    service = await ServiceProcess.start()
    house = await houseWithAdapter(
      { 'service.json': manifest({ events: { ...EVENTS, webhook: '/events' } }) },
      { config: { external: { clients: { url: service.url, credential: CREDENTIAL } } } },
    )
    await inState(house, 'up')
    // What is emitted before anyone listens is nobody's.
    await until('the first to come', async () => (emit('light.first'), (await ids()).length > 0))
    await until('the last of them to come', async () => (await types()).length === emitted)
  })
  afterEach(async () => {
    await service[Symbol.asyncDispose]()
    emitted = 0
  })

  let emitted = 0
  const emit = (type: string, data: unknown = null) => {
    emitted++
    house!.runtime.bus.emit({ type, source: '/plugins/lamp', data })
  }
  const ids = async () => (await service.got()).received.map(({ headers }) => headers['webhook-id']!)
  const events = async () => {
    const { received } = await service.got()
    const verifier = new Verifier(CREDENTIAL, { format: 'raw' })
    return received.map(({ headers, body }) => verifier.verify(body, headers) as { type: string; data: any })
  }
  const types = async () => (await events()).map(({ type }) => type)

  test('brings what the service wants and nothing else, signed with its credential', async () => {
    emit('door.opened')
    emit('light.on', { room: 'hall' })
    const last = await until('it to come', async () =>
      (await events()).find(({ type }) => type === 'light.on'),
    )
    expect(last).toMatchObject({ specversion: '1.0', source: '/plugins/lamp', data: { room: 'hall' } })
    expect(await types()).not.toContain('door.opened')
    const all = await ids()
    expect(new Set(all).size).toBe(all.length)
  })

  test('waits while the service is dead, and comes in order when it is back', async () => {
    await service.kill()
    await inState(house!, 'down')
    for (let number = 0; number < 20; number++) emit(`light.n${number}`)
    service = await ServiceProcess.start({ PORT: service.port })
    await until('all to come', async () => (await events()).length === 20)
    expect(await types()).toEqual(Array.from({ length: 20 }, (_, number) => `light.n${number}`))
  })

  test('goes on through a swap of the adapter, and ends when the adapter goes', async () => {
    const before = emitted
    expect((await house!.save('adapter/index.ts', adapter(`version: '2'`))).outcome).toBe('committed')
    emit('light.on')
    await until('it to come', async () => (await events()).length === before + 1)
    await house!.send('PATCH', '/api/core/plugins/adapter', { enabled: false })
    await inState(house!, 'stopped')
    emit('light.off')
    await house!.send('PATCH', '/api/core/plugins/adapter', { enabled: true })
    await inState(house!, 'up')
    await until('another to come', async () => (emit('light.again'), (await types()).includes('light.again')))
    expect(await types()).not.toContain('light.off')
  })

  test('that hangs holds up nobody, and is called off when the adapter goes', async () => {
    await service.put('/answer', '0')
    for (let number = 0; number < 100; number++) emit('light.on', { number })
    await until('the first to hang', async () => (await service.got()).hanging === 1)
    // The house and the service itself go on.
    expect((await house!.request('/health')).status).toBe(200)
    expect(house!.runtime.external.find('clients')!.state).toBe('up')
    expect((await service.got()).hanging).toBe(1)
    await house!.send('PATCH', '/api/core/plugins/adapter', { enabled: false })
    await until('it to be called off', async () => (await service.got()).calledOff === 1)
  })

  test('follows service.json: another path, other patterns', async () => {
    const change = (version: string, wants: string[], webhook = '/events') =>
      house!.write('clients/service.json', manifest({ version, events: { wants, webhook } }), 'external')
    change('2', ['door.*'])
    await until('it is in force', () => house!.runtime.external.find('clients')!.manifest.version === '2')
    emit('light.on')
    emit('door.opened')
    await until('it to come', async () => (await types()).includes('door.opened'))
    expect(await types()).not.toContain('light.on')
  })
})

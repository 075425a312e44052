// An external service at the Core's door: with its own credential it hears what it wants and says what it sends, and no more.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'
import { EventReader } from '../api/sse.ts'
import { adapter, CREDENTIAL, houseWithAdapter, inState, manifest } from '../external/kit.ts'
import { until } from '../until.ts'

const EVENTS = { sends: ['client.*', 'command.finished'], wants: ['light.**', 'home.*'] }

let house: TestHouse
let server: Bun.Server<undefined>
beforeEach(async () => {
  server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('well') })
  house = await houseWithAdapter(
    { 'service.json': manifest({ events: EVENTS }) },
    { config: { external: { clients: { url: server.url.origin, credential: CREDENTIAL } } } },
  )
  await inState(house, 'up')
})
afterEach(async () => {
  await house.stop()
  await server.stop(true)
})

const AS_SERVICE = { Authorization: `Bearer ${CREDENTIAL}` }
const codeOf = async (response: Promise<Response>) => {
  const { status, body, headers } = await response
  if (headers.get('Content-Type') !== 'application/problem+json') {
    await body?.cancel()
    return [status]
  }
  const { code } = (await (await response).json()) as { code: string }
  return [status, code]
}

const publish = (event: Record<string, unknown>, headers: Record<string, string> = AS_SERVICE) =>
  house.request('/api/core/events', {
    method: 'POST',
    headers: { ...headers, 'Content-Type': 'application/cloudevents+json' },
    body: JSON.stringify({
      specversion: '1.0',
      id: crypto.randomUUID(),
      source: '/external/clients',
      ...event,
    }),
  })
const hear = (query: string, headers: Record<string, string> = AS_SERVICE) =>
  EventReader.open((signal) => house.request(`/api/core/events${query}`, { headers, signal }))
const ask = (query: string) => codeOf(house.request(`/api/core/events${query}`, { headers: AS_SERVICE }))

describe('publishing', () => {
  test('what its service.json says that it sends is an event of the house, from its own source', async () => {
    expect((await publish({ type: 'client.connected', data: { id: 'a' } })).status).toBe(202)
    expect(await house.event('client.connected')).toMatchObject({
      source: '/external/clients',
      data: { id: 'a' },
    })
    // It need not know how the house calls it.
    expect((await publish({ type: 'command.finished', source: 'urn:clients:7' })).status).toBe(202)
    expect(await house.event('command.finished')).toMatchObject({ source: '/external/clients' })
  })

  test.each([
    '/core',
    '/core/x',
    '/plugins/adapter',
    '/external/other',
    '/external',
    '/clients/admin',
    '/external/clients/',
  ])('in the name of %s is refused', async (source) => {
    expect(await codeOf(publish({ type: 'client.connected', source }))).toEqual([
      403,
      'reserved_event_source',
    ])
  })

  test.each(['command.started', 'client', 'client.a.b', 'light.on', 'constructor', '__proto__'])(
    'an event of type %s, which it does not send, is refused',
    async (type) => {
      expect(await codeOf(publish({ type }))).toEqual([403, 'event_not_sent'])
    },
  )

  test('what is the Core’s own to say is refused, whatever its service.json says', async () => {
    house.write('clients/service.json', manifest({ events: { sends: ['**'] } }), 'external')
    await until('it may send all', async () => (await publish({ type: 'anything' })).status === 202)
    for (const type of ['core.started', 'plugin.loaded', 'core', 'plugin.a.b'])
      expect(await codeOf(publish({ type }))).toEqual([403, 'reserved_event_type'])
    for (const type of ['*', '**', 'client.*']) expect((await publish({ type })).status).toBe(400)
  })

  test('the same id of two senders is two events', async () => {
    const twice = { type: 'client.connected', id: 'same', source: 'x' }
    expect((await publish(twice)).status).toBe(202)
    expect((await publish(twice, {})).status).toBe(202)
    expect((await publish(twice)).status).toBe(202)
    const sources = house.events.filter(({ id }) => id === 'same').map(({ source }) => source)
    expect(sources).toEqual(['/external/clients', '/clients/admin'])
  })
})

describe('hearing', () => {
  test('it hears what it wants, and asks for less where it likes', async () => {
    await using all = await hear('')
    await using some = await hear('?pattern=light.hall.*&pattern=home.changed')
    for (const type of ['light.hall.on', 'light.on', 'home.changed', 'door.opened', 'home.a.b', 'core.x'])
      house.runtime.bus.emit({ type, source: '/plugins/lamp' })
    await until('all to come', () => all.types.length === 3 && some.types.length === 2)
    expect(all.types).toEqual(['light.hall.on', 'light.on', 'home.changed'])
    expect(some.types).toEqual(['light.hall.on', 'home.changed'])
  })

  test.each(['**', '*', '*.**', 'home.**', 'light.on&pattern=door.*', 'core.**', 'plugin.*', 'constructor'])(
    'a pattern that reaches beyond that is refused: %s',
    async (pattern) => {
      expect(await ask(`?pattern=${pattern}`)).toEqual([403, 'event_not_wanted'])
    },
  )

  test('what it missed is no more than what it hears', async () => {
    let first: string | undefined
    {
      await using reader = await hear('')
      house.runtime.bus.emit({ type: 'light.on', source: '/plugins/lamp' })
      first = (await until('the event', () => reader.frames[0])).id
    }
    for (const type of ['door.opened', 'light.off']) house.runtime.bus.emit({ type, source: '/plugins/lamp' })
    await using again = await hear('')
    await using resumed = await hear('', { ...AS_SERVICE, 'Last-Event-ID': first! })
    await until('what was missed', () => resumed.types.length > 0)
    expect([again.types, resumed.types]).toEqual([[], ['light.off']])
  })

  test('a stream ends when its service.json wants less, and when nobody stands for the service any more', async () => {
    await using stream = await hear('?pattern=home.*')
    await using other = await hear('?pattern=light.*')
    house.write(
      'clients/service.json',
      manifest({ version: '2', events: { ...EVENTS, wants: ['light.*'] } }),
      'external',
    )
    await until('the one to end', () => stream.ended)
    expect(other.ended).toBe(false)
    expect(await ask('?pattern=home.*')).toEqual([403, 'event_not_wanted'])
    await house.send('PATCH', '/api/core/plugins/adapter', { enabled: false })
    await until('the other to end', () => other.ended)
  })

  test('it holds so many streams open and no more', async () => {
    const open = await Promise.all(Array.from({ length: 16 }, () => hear('')))
    expect(await ask('')).toEqual([429, 'too_many_streams'])
    await open.pop()![Symbol.asyncDispose]()
    await using another = await until('room for another', () => hear('').catch(() => null))
    expect(another.ended).toBe(false)
    for (const reader of open) await reader[Symbol.asyncDispose]()
  })

  test('a service that wants nothing hears nothing', async () => {
    house.write('clients/service.json', manifest({ version: '2', events: {} }), 'external')
    await until('it is in force', async () => (await ask('?pattern=light.*'))[0] === 403)
    expect(await ask('')).toEqual([403, 'event_not_wanted'])
  })
})

describe('the credential', () => {
  test('opens nothing else of the Core and of the plugins', async () => {
    const { paths } = (await (await house.request('/openapi.json')).json()) as {
      paths: Record<string, Record<string, any>>
    }
    let closed = 0
    for (const [path, item] of Object.entries(paths)) {
      for (const [method, { security, operationId }] of Object.entries(item)) {
        if (
          security.length === 0 ||
          operationId === 'core.streamEvents' ||
          operationId === 'core.publishEvent'
        )
          continue
        closed++
        const answer = await house.request(path.replaceAll(/\{[^}]+\}/g, 'x'), {
          method: method.toUpperCase(),
          headers: AS_SERVICE,
        })
        expect([operationId, answer.status]).toEqual([operationId, 403])
      }
    }
    expect(closed).toBeGreaterThan(20)
  })

  test('is worth nothing once no adapter wants the service, until one does again', async () => {
    await house.send('PATCH', '/api/core/plugins/adapter', { enabled: false })
    await inState(house, 'stopped')
    await until('it is turned away', async () => (await ask(''))[0] === 401)
    expect((await publish({ type: 'client.connected' })).status).toBe(401)
    await house.send('PATCH', '/api/core/plugins/adapter', { enabled: true })
    await until('it is let in', async () => (await publish({ type: 'client.connected' })).status === 202)
  })

  test('must be whole: what is shorter, longer or of another is turned away', async () => {
    for (const wrong of [
      '',
      'x',
      CREDENTIAL.slice(0, -1),
      `${CREDENTIAL}x`,
      CREDENTIAL.toUpperCase(),
      `Ä${CREDENTIAL.slice(1)}`,
    ]) {
      const answer = house.request('/api/core/events', {
        headers: { Authorization: `Bearer ${encodeURI(wrong)}` },
      })
      expect(await codeOf(answer)).toEqual([401, 'unauthorized'])
    }
  })

  test('is two for two services: neither speaks for the other', async () => {
    await house.stop()
    const files = (name: string) => ({
      'service.json': JSON.stringify({
        ...JSON.parse(manifest({ events: { sends: [`${name}.*`], wants: [`${name}.*`] } })),
        name,
      }),
    })
    const url = server.url.origin
    house = await startTestHouse({
      plugins: {
        one: { 'index.ts': adapter().replace('clients', 'one') },
        two: { 'index.ts': adapter().replace('clients', 'two') },
      },
      external: { one: files('one'), two: files('two') },
      config: {
        external: {
          one: { url, credential: `${CREDENTIAL}-1` },
          two: { url, credential: `${CREDENTIAL}-2` },
        },
      },
    })
    const asOne = { Authorization: `Bearer ${CREDENTIAL}-1` }
    await until(
      'one is let in',
      async () => (await publish({ type: 'one.a', source: 'x' }, asOne)).status === 202,
    )
    expect(await codeOf(publish({ type: 'two.a', source: 'x' }, asOne))).toEqual([403, 'event_not_sent'])
    expect(await codeOf(publish({ type: 'one.a', source: '/external/two' }, asOne))).toEqual([
      403,
      'reserved_event_source',
    ])
  })
})

test('what it sends stands in the document of events, as long as an adapter stands for it', async () => {
  const channels = async () =>
    Object.keys(((await (await house.request('/asyncapi.json')).json()) as { channels: object }).channels)
  expect(await channels()).toContain('command.finished')
  // A pattern is no type.
  expect(await channels()).not.toContain('client.*')
  await house.send('PATCH', '/api/core/plugins/adapter', { enabled: false })
  await inState(house, 'stopped')
  expect(await channels()).not.toContain('command.finished')
})

test('the document says which right each route of the events asks for', async () => {
  const { paths, components } = (await (await house.request('/openapi.json')).json()) as any
  const { get, post } = paths['/api/core/events']
  expect([get.security, post.security]).toEqual([
    [{ bearer: ['core.events.read'] }],
    [{ bearer: ['core.events.write'] }],
  ])
  expect(paths['/api/core/events/log'].get.security).toEqual([{ bearer: [] }])
  expect(components.securitySchemes.bearer.description).toContain('`core.events.read` (Hear the events)')
})

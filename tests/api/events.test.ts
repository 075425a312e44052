// Events over HTTP: the stream that resumes, the log, and what may be published.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { CloudEvent } from '@home-console/sdk'
import type { TestHouse } from '@home-console/sdk/testing'
import { connect } from 'node:net'
import { z } from 'zod'
import { ProblemBody } from '../../core/api/answers.ts'
import { CloudEventBody } from '../../core/api/schemas.ts'
import { openEventStreams } from '../../core/api/event-stream.ts'
import { houseOf, NO_TOKEN } from '../http/kit.ts'
import { until } from '../until.ts'
import { EventReader } from './sse.ts'

let house: TestHouse
beforeEach(async () => {
  house = await houseOf({})
})
afterEach(() => house.stop())

const open = (query = '', headers: Record<string, string> = {}) =>
  EventReader.open((signal) => house.request(`/api/core/events${query}`, { headers, signal }))
const emit = (type: string, data: unknown = null) =>
  house.runtime.bus.emit({ type, data, source: '/clients/test' })

describe('the stream', () => {
  test('carries each event as id and data and never names it, from now on', async () => {
    emit('before.that')
    await using stream = await open()
    emit('lamp.on', { powerW: 5, text: 'two\nlines and \u2028' })
    await until('an event', () => stream.frames.length > 0)
    expect(stream.types).toEqual(['lamp.on'])
    expect(CloudEventBody.parse(stream.frames[0]!.data)).toEqual(stream.frames[0]!.data)
    expect(stream.frames[0]!.data.data).toEqual({ powerW: 5, text: 'two\nlines and \u2028' })
    expect(stream.frames[0]!.id).toMatch(/^\S+$/)
    expect(stream.text).not.toMatch(/^event:/m)
  })

  test('is of the type that browsers take, not stored, and not for strangers', async () => {
    const controller = new AbortController()
    const response = await house.request('/api/core/events', { signal: controller.signal })
    expect(response.headers.get('Content-Type')).toBe('text/event-stream')
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    controller.abort()
    expect((await house.request('/api/core/events', NO_TOKEN)).status).toBe(401)
  })

  test('does not hold up the stop where it is asked for in that moment', async () => {
    const stopped = house.runtime.stop('a test')
    for (const Accept of ['*/*', 'text/event-stream']) {
      const path = Accept === '*/*' ? 'events' : 'logs'
      const late = await house.request(`/api/core/${path}`, { headers: { Accept } })
      expect(await late.text()).toBe('retry: 1000\n\n')
    }
    await stopped
  })

  test('keeps to its patterns, of which there may be several', async () => {
    await using one = await open('?pattern=lamp.*')
    await using two = await open('?pattern=lamp.on&pattern=heat.**')
    for (const type of ['lamp.on', 'lamp', 'lamp.on.now', 'heat', 'heat.a.b', 'other', 'lamp.off']) emit(type)
    await until('all of them', () => one.frames.length === 2 && two.frames.length === 3)
    expect(one.types).toEqual(['lamp.on', 'lamp.off'])
    expect(two.types).toEqual(['lamp.on', 'heat', 'heat.a.b'])
  })

  test('refuses a pattern that is none', async () => {
    for (const pattern of ['', 'a..b', '**.a', 'A', 'a.**.b', 'a*', `${'a.'.repeat(300)}a`]) {
      for (const path of ['events', 'events/log']) {
        const response = await house.request(
          `/api/core/${path}?pattern=a&pattern=${encodeURIComponent(pattern)}`,
        )
        expect([pattern, response.status, ProblemBody.parse(await response.json()).code]).toEqual([
          pattern,
          400,
          'invalid_pattern',
        ])
      }
    }
  })

  test('resumes after the last id that its client saw: nothing lost, nothing doubled', async () => {
    const seen: string[] = []
    let last = ''
    let emitted = 0
    const pump = setInterval(() => emit('count.up', emitted++), 1)
    for (let round = 0; round < 20; round++) {
      await using stream = await open('?pattern=count.*', last === '' ? {} : { 'Last-Event-ID': last })
      const enough = 3 + (round % 5)
      await until('some events', () => stream.frames.length >= enough)
      const taken = stream.frames.slice(0, enough)
      seen.push(...taken.map(({ data }) => data.data))
      last = taken.at(-1)!.id!
      await Bun.sleep(round % 4)
    }
    clearInterval(pump)
    const numbers = seen.map(Number)
    expect(numbers).toEqual(numbers.map((_, index) => numbers[0]! + index))
  })

  test('says core.gap first when what was missed is no longer known, and goes on', async () => {
    emit('old.one')
    await using first = await open('?pattern=old.*')
    emit('old.two')
    await until('an event', () => first.frames.length === 1)
    const { id } = first.frames[0]!
    for (let count = 0; count < 3_000; count++) emit('filler.x')
    for (const lost of [id!, 'nonsense', 'other-7', `${id!.split('-')[0]}-99999999`, `${id}x`]) {
      await using stream = await open('?pattern=new.*', { 'Last-Event-ID': lost })
      emit('new.one')
      await until('the gap and an event', () => stream.frames.length === 2)
      expect(stream.types).toEqual(['core.gap', 'new.one'])
      expect(CloudEventBody.parse(stream.frames[0]!.data)).toMatchObject({
        source: '/core',
        data: { lastEventId: lost },
      })
      await using again = await open('?pattern=new.*', { 'Last-Event-ID': stream.frames[0]!.id! })
      await until('what came after the gap', () => again.frames.length > 0)
      expect(again.types).toEqual(['new.one'])
    }
  })

  test('is heard by many at once, and lets go of each that leaves', async () => {
    const before = openEventStreams()
    const readers = await Promise.all(Array.from({ length: 100 }, () => open('?pattern=many.*')))
    expect(openEventStreams()).toBe(before + 100)
    for (let count = 0; count < 50; count++) emit('many.x', count)
    await until('all to hear all', () => readers.every(({ frames }) => frames.length === 50))
    for (const reader of readers) await reader[Symbol.asyncDispose]()
    await until('all to be gone', () => openEventStreams() === before)
  })

  test('is held open by no HEAD', async () => {
    const before = openEventStreams()
    const response = await house.request('/api/core/events', { method: 'HEAD' })
    expect([response.status, response.headers.get('Content-Type')]).toEqual([200, 'text/event-stream'])
    expect(openEventStreams()).toBe(before)
  })

  test('ends for a client that does not read, and holds no more for it than a little', async () => {
    const { port } = new URL(house.url)
    const closed = Promise.withResolvers<void>()
    const before = openEventStreams()
    const socket = connect(Number(port), '127.0.0.1', () => {
      socket.write(
        `GET /api/core/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${house.token}\r\n\r\n`,
      )
    })
    socket.pause()
    socket.on('close', () => closed.resolve()).on('error', () => closed.resolve())
    await until('the stream', () => openEventStreams() === before + 1)
    await using bystander = await open('?pattern=after.*')
    const text = 'x'.repeat(100_000)
    Bun.gc(true)
    const memory = process.memoryUsage().rss
    for (let count = 0; count < 600 && openEventStreams() > before + 1; count++) {
      emit('big.one', { count, text })
      await Bun.sleep(1)
    }
    expect(openEventStreams()).toBe(before + 1)
    emit('after.that')
    await until('the bystander', () => bystander.frames.length === 1)
    Bun.gc(true)
    expect(process.memoryUsage().rss - memory).toBeLessThan(100 * 1024 * 1024)
    // What the kernel still holds is read, and then it is over: no socket is left behind.
    socket.resume()
    await closed.promise
  }, 20_000)
})

describe('the log', () => {
  const Page = z.strictObject({ events: z.array(CloudEventBody), next: z.string().nullable() })
  const read = async (query: string) =>
    Page.parse(await (await house.request(`/api/core/events/log${query}`)).json())

  test('gives the last ones, newest first, page by page, by pattern', async () => {
    for (let count = 0; count < 10; count++) emit(count % 2 === 0 ? 'even.x' : 'odd.x', count)
    const data = ({ events }: { events: readonly Pick<CloudEvent, 'data'>[] }) =>
      events.map((event) => event.data)
    expect(data(await read('?pattern=even.*&pattern=odd.*'))).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
    const first = await read('?pattern=even.*&limit=2')
    expect(data(first)).toEqual([8, 6])
    const second = await read(`?pattern=even.*&limit=2&before=${first.next}`)
    expect(data(second)).toEqual([4, 2])
    const last = await read(`?pattern=even.*&limit=2&before=${second.next}`)
    expect([data(last), last.next]).toEqual([[0], null])
    expect(await read('?before=unknown')).toEqual({ events: [], next: null })
    expect((await house.request('/api/core/events/log?limit=0')).status).toBe(400)
  })
})

describe('publishing', () => {
  const event = (more: object = {}) => ({
    specversion: '1.0',
    id: crypto.randomUUID(),
    source: '/clients/phone',
    type: 'phone.seen',
    data: { near: true },
    ...more,
  })
  const publish = (body: unknown, type = 'application/cloudevents+json') =>
    house.request('/api/core/events', {
      method: 'POST',
      headers: { 'Content-Type': type },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })

  test('answers 202 with the id, and everybody hears it as it was sent', async () => {
    await using stream = await open('?pattern=phone.*')
    const sent = event({
      subject: 'hall',
      time: '2026-01-02T03:04:05+02:00',
      datacontenttype: 'application/json',
    })
    const response = await publish(sent)
    expect([response.status, await response.json()]).toEqual([202, { id: sent.id }])
    await until('the event', () => stream.frames.length === 1)
    expect(stream.frames[0]!.data).toEqual({
      specversion: '1.0',
      id: sent.id,
      source: '/clients/phone',
      type: 'phone.seen',
      subject: 'hall',
      time: '2026-01-02T01:04:05.000Z',
      data: { near: true },
    })
  })

  test('takes plain JSON, an event without data, and attributes that it does not know', async () => {
    for (const type of ['application/json', 'application/cloudevents+json; charset=utf-8']) {
      expect(
        (await publish(event({ data: undefined, traceparent: 'x', source: '/external/mower' }), type)).status,
      ).toBe(202)
    }
    const [first] = house.events.filter(({ type }) => type === 'phone.seen')
    expect(first).toMatchObject({ source: '/external/mower', data: null })
    expect(first).not.toHaveProperty('traceparent')
  })

  test('the same source and id twice counts once, be it at the same time', async () => {
    const sent = event()
    const answers = await Promise.all([publish(sent), publish(sent), publish(sent)])
    for (const answer of answers) expect([answer.status, await answer.json()]).toEqual([202, { id: sent.id }])
    expect((await publish({ ...sent, source: '/clients/tablet' })).status).toBe(202)
    expect(house.events.filter(({ type }) => type === 'phone.seen').map(({ source }) => source)).toEqual([
      '/clients/phone',
      '/clients/tablet',
    ])
  })

  test("of what is the Core's own to say is refused", async () => {
    for (const type of ['core', 'core.started', 'core.a.b', 'plugin', 'plugin.loaded', 'plugin.x.y']) {
      const response = await publish(event({ type }))
      expect([type, response.status, ProblemBody.parse(await response.json()).code]).toEqual([
        type,
        403,
        'reserved_event_type',
      ])
    }
    for (const source of ['/core', '/core/x', '/plugins/lamp', '/plugins']) {
      const response = await publish(event({ source }))
      expect([source, ProblemBody.parse(await response.json()).code]).toEqual([
        source,
        'reserved_event_source',
      ])
    }
    expect((await publish(event({ type: 'corelike.x' }))).status).toBe(202)
  })

  test('of what is no event is refused with its places', async () => {
    for (const [body, pointers] of [
      [{}, ['/specversion', '/id', '/source', '/type']],
      [event({ specversion: '0.3' }), ['/specversion']],
      [event({ id: '' }), ['/id']],
      [event({ id: 7 }), ['/id']],
      [event({ type: 'Lamp On' }), ['/type']],
      [event({ type: 'a..b' }), ['/type']],
      [event({ type: '__proto__.x y' }), ['/type']],
      [event({ time: 'yesterday' }), ['/time']],
      [event({ datacontenttype: 'text/xml' }), ['/datacontenttype']],
      [[event()], ['']],
      ['{', ['']],
      ['null', ['']],
    ] as const) {
      const response = await publish(body)
      const problem = ProblemBody.parse(await response.json())
      expect([body, problem.status, problem.code, problem.errors?.map(({ pointer }) => pointer)]).toEqual([
        body,
        400,
        'invalid_request',
        [...pointers],
      ])
    }
    expect((await publish(event(), 'text/plain')).status).toBe(415)
    const tooBig = await publish(event({ data: 'x'.repeat(2 * 1024 * 1024) }))
    expect(ProblemBody.parse(await tooBig.json())).toMatchObject({ status: 413, code: 'payload_too_large' })
    expect(house.events.filter(({ source }) => source.startsWith('/clients'))).toEqual([])
  })

  test('what is too large to be an event is not read to its end', async () => {
    const large = await publish(event({ data: 'x'.repeat(9 * 1024 * 1024) }))
    expect(ProblemBody.parse(await large.json())).toMatchObject({
      status: 413,
      code: 'payload_too_large',
      detail: 'An event of more than 8388608 bytes is not taken.',
    })
  })

  test('a retry after a refusal is no double', async () => {
    const sent = event({ data: 'x'.repeat(2 * 1024 * 1024) })
    expect((await publish(sent)).status).toBe(413)
    expect((await publish({ ...sent, data: 'small' })).status).toBe(202)
    expect(house.events.filter(({ type }) => type === 'phone.seen')).toHaveLength(1)
  })
})

// Webhooks as a service gets them: a real server, whose signatures another's library checks.

import { afterEach, describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { Webhook as Verifier } from 'standardwebhooks'
import { Webhook } from '../../core/external/correspondence/webhook.ts'
import { Log, type LogLine } from '../../core/log/log.ts'
import { PauseClock } from '../pause-clock.ts'
import { until } from '../until.ts'

const CREDENTIAL = 'a credential of this test'

interface Delivery {
  readonly id: string
  readonly event: any
}

/** A service that takes webhooks, until told otherwise, and knows who sent them. */
class Receiver {
  readonly deliveries: Delivery[] = []
  readonly logs: LogLine[] = []
  readonly clock = new PauseClock(Date.now())
  credential: string | null = CREDENTIAL
  answer: (attempt: number) => Response | Promise<Response> = () => new Response(null, { status: 204 })
  attempts = 0
  checks = true
  readonly #server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: async (request) => {
      const body = await request.text()
      const headers = Object.fromEntries(request.headers)
      const verifier = new Verifier(CREDENTIAL, { format: 'raw' })
      const event: any = this.checks ? verifier.verify(body, headers) : JSON.parse(body)
      const response = await this.answer(++this.attempts)
      if (response.ok) this.deliveries.push({ id: headers['webhook-id']!, event })
      return response
    },
  })
  readonly webhook: Webhook

  constructor() {
    const log = new Log({ level: 'debug', write: (line) => void this.logs.push(line) })
    this.webhook = new Webhook({
      path: '/events',
      clock: this.clock,
      log: () => log.of(null),
      credential: () => this.credential,
      fetch: (path, init) => fetch(this.#server.url.origin + path, init),
    })
  }

  offer(...ids: string[]): void {
    for (const id of ids) this.webhook.offer({ id, text: JSON.stringify({ id, type: 'a.b' }) })
  }

  get ids(): string[] {
    return this.deliveries.map(({ event }) => event.id)
  }

  stop(): void {
    this.webhook.stop()
    void this.#server.stop(true)
  }
}

let receiver: Receiver
const receive = () => (receiver = new Receiver())
afterEach(() => receiver.stop())

describe('a webhook', () => {
  test('is signed as Standard Webhooks says, and comes in order, one at a time', async () => {
    const { webhook } = receive()
    let open = 0
    let most = 0
    receiver.answer = async () => {
      most = Math.max(most, ++open)
      await new Promise((resolve) => setImmediate(resolve))
      open--
      return new Response('thanks')
    }
    const ids = Array.from({ length: 50 }, (_, number) => `e-${number}`)
    receiver.offer(...ids)
    await until('all to come', () => receiver.ids.length === 50)
    expect(receiver.ids).toEqual(ids)
    expect(receiver.deliveries.map(({ id }) => id)).toEqual(ids)
    expect(most).toBe(1)
    expect(webhook.waiting).toBe(0)
  })

  test('is tried again under the same id, after pauses that grow, and what follows waits its turn', async () => {
    receive()
    receiver.answer = (attempt) => new Response(null, { status: attempt <= 3 ? 500 : 200 })
    receiver.offer('first', 'second')
    const { pauses } = receiver.clock
    for (let attempt = 1; attempt <= 3; attempt++) {
      await until('the pause', () => pauses.length === attempt)
      expect(receiver.attempts).toBe(attempt)
      await receiver.clock.advance(pauses.at(-1)!)
    }
    await until('both to come', () => receiver.ids.length === 2)
    expect(receiver.ids).toEqual(['first', 'second'])
    // Half of 500, 1,000 and 2,000 ms is chance.
    for (const [index, least] of [250, 500, 1_000].entries())
      expect(pauses[index]).toBeWithin(least, least * 2)
    expect(receiver.logs.map(({ message }) => message)).toEqual([
      'Its webhook did not take an event, which is tried again: it answered with 500.',
      'Its webhook takes events again.',
    ])
  })

  test.each<[string, string, number]>([
    ['seconds', '90', 90_000],
    ['a date', 'in two minutes', 120_000],
    ['more than an hour', '86400', 3_600_000],
  ])('is tried again when the service says: %s', async (_, wish, ms) => {
    receive()
    const { pauses } = receiver.clock
    const header = wish === 'in two minutes' ? new Date(receiver.clock.now() + 120_000).toUTCString() : wish
    receiver.answer = (attempt) =>
      new Response(null, attempt === 1 ? { status: 429, headers: { 'Retry-After': header } } : {})
    receiver.offer('first')
    await until('the pause', () => pauses.length === 1)
    // A date has no milliseconds.
    expect(pauses[0]).toBeWithin(ms - 1_000, ms + 1)
    // The verifier goes by the real time.
    receiver.checks = false
    await receiver.clock.advance(ms)
    await until('it to come', () => receiver.ids.length === 1)
  })

  test.each(['-90', '1.5', 'soon', ''])(
    'is tried again as ever where it says nonsense: "%s"',
    async (wish) => {
      receive()
      receiver.answer = () => new Response(null, { status: 503, headers: { 'Retry-After': wish } })
      receiver.offer('first')
      await until('the pause', () => receiver.clock.pauses.length === 1)
      expect(receiver.clock.pauses[0]).toBeWithin(250, 501)
    },
  )

  test('that the service refuses is dropped, and the next one begins with the gap', async () => {
    receive()
    receiver.answer = (attempt) => new Response(null, { status: attempt === 2 ? 422 : 200 })
    receiver.offer('taken', 'refused', 'after')
    await until('what follows', () => receiver.ids.includes('after'))
    expect(receiver.deliveries.map(({ event }) => event.type)).toEqual(['a.b', 'core.gap', 'a.b'])
    expect(receiver.deliveries[1]!.event).toMatchObject({
      source: '/core',
      data: { lastEventId: 'taken', missed: 1 },
    })
    expect(receiver.logs[0]!.message).toContain('422')
  })

  test('that never gets through is given up, so that it does not hold up all others', async () => {
    receive()
    receiver.answer = (attempt) => new Response(null, { status: attempt <= 10 ? 503 : 200 })
    receiver.offer('poison', 'after')
    await until('what follows', async () => {
      await receiver.clock.advance(10_000)
      return receiver.ids.includes('after')
    })
    expect(receiver.deliveries.map(({ event }) => event.type)).toEqual(['core.gap', 'a.b'])
  })

  test('waits while the service is down, and no attempt counts against it', async () => {
    receive()
    receiver.credential = null
    receiver.offer('kept')
    await receiver.clock.advance(240_000)
    expect([receiver.attempts, receiver.webhook.waiting]).toEqual([0, 1])
    receiver.credential = CREDENTIAL
    receiver.webhook.resume()
    await until('it to come', () => receiver.ids.length === 1)
  })

  test('has a bounded queue: the oldest are dropped, and the service is told of the gap', async () => {
    receive()
    receiver.credential = null
    for (let number = 0; number < 5_000; number++) receiver.offer(`e-${number}`)
    expect(receiver.webhook.waiting).toBe(1_000)
    receiver.credential = CREDENTIAL
    receiver.webhook.resume()
    await until('the rest to come', () => receiver.ids.at(-1) === 'e-4999')
    expect(receiver.deliveries[0]!.event).toMatchObject({
      type: 'core.gap',
      data: { missed: 4_000, lastEventId: null },
    })
    expect(receiver.ids.slice(1)).toEqual(Array.from({ length: 1_000 }, (_, number) => `e-${4_000 + number}`))
  })

  test('loses nothing without a word: what did not come is counted, what came is in order', async () => {
    // What the service answers to one attempt after the other; in the end it takes all.
    const answers = fc.array(fc.constantFrom(200, 200, 200, 302, 500, 422), { maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 12 }), answers, async (count, statuses) => {
        receive()
        receiver.answer = (attempt) => {
          return new Response(null, { status: statuses[attempt - 1] ?? 200 })
        }
        // Its clock runs ahead of that of whoever checks the signatures.
        receiver.checks = false
        const ids = Array.from({ length: count }, (_, number) => `e-${number}`)
        receiver.offer(...ids)
        await until('none to wait', async () => {
          await receiver.clock.advance(60_000)
          return receiver.webhook.waiting === 0
        })
        // If the last was lost, this one is told so.
        receiver.answer = () => new Response()
        receiver.offer('end')
        await until('the end', async () => {
          await receiver.clock.advance(60_000)
          return receiver.ids.includes('end')
        })
        receiver.stop()
        const offered = [...ids, 'end']
        const events = receiver.deliveries.map(({ event }) => event)
        const gaps = events.filter(({ type }) => type === 'core.gap').map(({ data }) => data)
        const taken = events.filter(({ type }) => type !== 'core.gap').map(({ id }) => id as string)
        const lost = offered.filter((id) => !taken.includes(id))
        expect(taken).toEqual(offered.filter((id) => taken.includes(id)))
        expect(gaps.reduce((sum, { missed }) => sum + missed, 0)).toBe(lost.length)
        // The first that is lost comes after the one that the first gap names.
        if (gaps.length > 0) expect(offered.indexOf(gaps[0]!.lastEventId) + 1).toBe(offered.indexOf(lost[0]!))
      }),
      { numRuns: 40 },
    )
  }, 30_000)

  test('that takes nothing is told of once, and asked twice for each event at most', async () => {
    receive()
    receiver.answer = () => new Response(null, { status: 410 })
    for (let number = 0; number < 20; number++) receiver.offer(`e-${number}`)
    await until('all to be refused', () => receiver.webhook.waiting === 0 && receiver.attempts === 39)
    expect(receiver.logs.map(({ message }) => message)).toEqual([
      'Its webhook did not take an event, which is dropped: it answered with 410.',
    ])
  })

  test('has a queue that is bounded in bytes', () => {
    receive()
    receiver.credential = null
    const text = JSON.stringify({ data: 'x'.repeat(700_000) })
    for (let number = 0; number < 10; number++) receiver.webhook.offer({ id: `${number}`, text })
    expect(receiver.webhook.waiting).toBe(2)
  })

  test('that hangs is called off when its service goes', async () => {
    receive()
    const { promise: hangs, resolve } = Promise.withResolvers<Response>()
    receiver.answer = () => hangs
    receiver.offer('hanging', 'waiting')
    await until('the attempt', () => receiver.attempts === 1)
    receiver.webhook.stop()
    receiver.offer('late')
    expect(receiver.webhook.waiting).toBe(0)
    resolve(new Response())
    await receiver.clock.advance(3_600_000)
    expect(receiver.attempts).toBe(1)
    expect(receiver.logs).toEqual([])
  })
})

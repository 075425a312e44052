// The EventBus: what those who emit and those who listen can rely on.

import { expect, test } from 'bun:test'
import type { CloudEvent } from '@home-console/sdk'
import { EventBus, MAX_EVENT_DATA } from '../../core/bus/event-bus.ts'
import { STORM_BUDGET } from '../../core/bus/storm.ts'

interface Made {
  bus: EventBus
  dropped: { source: string; type: string; reason: string }[]
  failed: unknown[]
  clock: { now: number }
}

function makeBus(): Made {
  const made = { dropped: [], failed: [], clock: { now: Date.UTC(2026, 0, 1) } } as unknown as Made
  made.bus = new EventBus({
    now: () => made.clock.now,
    onDropped: (source, type, reason) => made.dropped.push({ source, type, reason }),
    onSubscriberFailed: (error) => made.failed.push(error),
  })
  return made
}

const emit = (bus: EventBus, type: string, data?: unknown, source = '/plugins/a') =>
  bus.emit({ type, source, data })

test('an event is a CloudEvents 1.0 envelope with an id of its own', () => {
  const { bus } = makeBus()
  const seen: CloudEvent[] = []
  bus.subscribe('host.*', (event) => seen.push(event))

  emit(bus, 'host.sample', { load: 1 })
  bus.emit({ type: 'host.sample', source: '/plugins/a', data: null, subject: 'cpu' })

  expect(seen[0]).toEqual({
    specversion: '1.0',
    id: expect.any(String),
    source: '/plugins/a',
    type: 'host.sample',
    time: '2026-01-01T00:00:00.000Z',
    data: { load: 1 },
  })
  expect(seen[1]).toMatchObject({ subject: 'cpu', data: null })
  expect(seen[0]!.id).not.toBe(seen[1]!.id)
})

test('a subscriber that throws or rejects keeps no other from its event, and is reported', async () => {
  const { bus, failed } = makeBus()
  const seen: string[] = []
  bus.subscribe('a', () => {
    throw new Error('sync')
  })
  bus.subscribe('a', async () => {
    throw new Error('async')
  })
  bus.subscribe('a', () => seen.push('third'))

  expect(emit(bus, 'a')).not.toBeNull()
  await Bun.sleep(0)

  expect(seen).toEqual(['third'])
  expect(failed.map((error) => (error as Error).message)).toEqual(['sync', 'async'])
})

test('an event emitted while another is handled comes after it, for every subscriber', () => {
  const { bus } = makeBus()
  const seen: string[] = []
  bus.subscribe('first', () => emit(bus, 'second'))
  bus.subscribe('**', ({ type }) => seen.push(`one ${type}`))
  bus.subscribe('**', ({ type }) => seen.push(`two ${type}`))

  emit(bus, 'first')

  expect(seen).toEqual(['one first', 'two first', 'one second', 'two second'])
})

test('an event names the one during whose handling it was emitted, over promises and timers too', async () => {
  const { bus } = makeBus()
  const events: CloudEvent[] = []
  bus.subscribe('**', (event) => events.push(event))
  bus.subscribe('cause', async () => {
    await Bun.sleep(1)
    emit(bus, 'effect')
  })

  emit(bus, 'cause')
  emit(bus, 'unrelated')
  await Bun.sleep(20)

  const byType = Object.fromEntries(events.map((event) => [event.type, event]))
  expect(byType['effect']!.causationid).toBe(byType['cause']!.id)
  expect(byType['unrelated']!.causationid).toBeUndefined()
})

test('two subscriptions of one function are two, and the undo of one leaves the other', () => {
  const { bus } = makeBus()
  let calls = 0
  const handler = () => void calls++
  const undo = bus.subscribe('a.*', handler)
  bus.subscribe('a.*', handler)

  emit(bus, 'a.b')
  undo()
  undo()
  emit(bus, 'a.b')

  expect(calls).toBe(3)
  expect(bus.subscriptionCount).toBe(1)
})

test('who unsubscribes in the middle of a delivery hears nothing any more', () => {
  const { bus } = makeBus()
  const seen: string[] = []
  bus.subscribe('a', () => undo())
  const undo = bus.subscribe('a', () => seen.push('late'))

  emit(bus, 'a')

  expect(seen).toEqual([])
})

test('what one subscriber or the emitter changes, no other sees', () => {
  const { bus } = makeBus()
  const data = { list: [1] }
  let seen: unknown
  bus.subscribe('a', (event) => {
    ;(event.data as typeof data).list.push(2)
  })
  bus.subscribe('a', (event) => (seen = event.data))

  emit(bus, 'a', data)
  data.list.push(3)

  expect(seen).toEqual({ list: [1] })
})

test.each(['constructor', '__proto__', 'has-own.to_string', 'a.__proto__.b'])(
  '"%s" is a type like any other',
  (type) => {
    const { bus } = makeBus()
    const seen: string[] = []
    bus.subscribe(type, (event) => seen.push(event.type))
    bus.subscribe('**', (event) => seen.push(event.type))
    emit(bus, type)
    expect(seen).toEqual([type, type])
  },
)

test.each(['', 'A', 'a..b', '.a', 'a.', 'a b', 'a.*', '**', 'ä', 'a\n'])(
  '%j is no type, and is dropped with its emitter named',
  (type) => {
    const { bus, dropped } = makeBus()
    expect(emit(bus, type)).toBeNull()
    expect(dropped).toMatchObject([{ source: '/plugins/a', type }])
  },
)

test('data that is no JSON, or too much of it, is dropped and never throws', () => {
  const { bus, dropped } = makeBus()
  const circle: Record<string, unknown> = {}
  circle['self'] = circle
  emit(bus, 'a', circle)
  emit(bus, 'a', 1n)
  emit(bus, 'a', {
    toJSON: () => {
      throw new Error('no')
    },
  })
  emit(bus, 'a', 'x'.repeat(MAX_EVENT_DATA + 1))
  expect(dropped).toHaveLength(4)
  expect(bus.log.latest([], 10)).toHaveLength(0)
})

test('a circle of events ends within its budget, names who spun it, and leaves others their events', () => {
  const { bus, dropped } = makeBus()
  let bystander = 0
  bus.subscribe('ping', () => emit(bus, 'pong', null, '/plugins/left'))
  bus.subscribe('pong', () => emit(bus, 'ping', null, '/plugins/right'))
  bus.subscribe('other', () => bystander++)

  emit(bus, 'ping')
  emit(bus, 'other')

  expect(bus.emitted).toBe(STORM_BUDGET + 2)
  expect(dropped).toHaveLength(1)
  expect(dropped[0]!.source).toBeOneOf(['/plugins/left', '/plugins/right'])
  expect(dropped[0]!.reason).toContain('"ping"')
  expect(bystander).toBe(1)
})

test('a fan of events ends within the same budget, though no chain of it is long', () => {
  const { bus } = makeBus()
  for (let depth = 0; depth < 6; depth++) {
    bus.subscribe(`level${depth}`, () => {
      for (let width = 0; width < 10; width++) emit(bus, `level${depth + 1}`)
    })
  }
  emit(bus, 'level0')
  expect(bus.emitted).toBe(STORM_BUDGET + 1)
})

test('the budget is for a second: who answers slowly for ever is no storm', async () => {
  const { bus, clock, dropped } = makeBus()
  let rounds = 0
  bus.subscribe('tick', () => {
    clock.now += 10
    if (++rounds < STORM_BUDGET * 3) emit(bus, 'tick')
  })
  emit(bus, 'tick')
  expect(rounds).toBe(STORM_BUDGET * 3)
  expect(dropped).toEqual([])
})

test('more types than the bus remembers lose no event', () => {
  const { bus } = makeBus()
  let seen = 0
  const undo = bus.subscribe('device.*', () => seen++)
  for (let round = 0; round < 2; round++) for (let i = 0; i < 10_000; i++) emit(bus, `device.d${i}`)
  expect(seen).toBe(20_000)
  undo()
  emit(bus, 'device.d1')
  expect(seen).toBe(20_000)
})

// The log of the last events: bounded, and honest about what it no longer has.

import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { EventLog } from '../../core/bus/event-log.ts'

const add = (log: EventLog, type: string, size: number) =>
  log.add(type, JSON.stringify({ id: type, type, data: 'x'.repeat(size) }))

test('whatever was added, what it gives since a position is gapless or null', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 200_000 }), { maxLength: 3_000 }),
      fc.nat(),
      (sizes, from) => {
        const log = new EventLog()
        for (const size of sizes) add(log, 'a', size)
        const position = sizes.length === 0 ? 0 : from % (sizes.length + 1)
        const since = log.since(position)
        if (since === null) return log.latest([], 10_000).length < sizes.length - position
        return (
          since.length === sizes.length - position &&
          since.every((logged, index) => logged.position === position + 1 + index)
        )
      },
    ),
    { numRuns: 50 },
  )
})

test('a position of the future, or of long ago, is not known', () => {
  const log = new EventLog()
  for (let i = 0; i < 5_000; i++) add(log, 'a', 1)
  expect(log.since(0)).toBeNull()
  expect(log.since(5_001)).toBeNull()
  expect(log.since(5_000)).toEqual([])
  expect(log.since(4_998)).toHaveLength(2)
})

test('large events push out small ones, so that memory is bounded', () => {
  const log = new EventLog()
  for (let i = 0; i < 100; i++) add(log, 'a', 1024 * 1024)
  expect(log.latest([], 1_000).length).toBeLessThanOrEqual(4)
})

test('the latest come newest first, by any of the patterns, before an event', () => {
  const log = new EventLog()
  for (const type of ['a.x', 'b.x', 'a.y', 'c.x']) add(log, type, 1)
  const types = (patterns: string[], limit: number, before?: string) =>
    log.latest(patterns, limit, before).map((logged) => logged.type)
  expect(types(['a.*', 'c.*'], 10)).toEqual(['c.x', 'a.y', 'a.x'])
  expect(types(['a.*', 'c.*'], 1)).toEqual(['c.x'])
  expect(types([], 10, 'a.y')).toEqual(['b.x', 'a.x'])
  expect(types([], 10, 'unknown')).toEqual([])
})

import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import type { Sample } from './contract.ts'
import { History } from './history.ts'

/** A history of samples taken at the seconds 0, 1, 2, … */
function historyOf(count: number, capacity: number): History {
  const history = new History(capacity)
  for (let second = 0; second < count; second++) {
    history.push({ time: new Date(second * 1_000).toISOString() } as Sample)
  }
  return history
}

const seconds = (samples: Sample[]) => samples.map(({ time }) => Date.parse(time) / 1_000)

test('the oldest makes way for the newest', () => {
  expect(seconds(historyOf(5, 3).list(10))).toEqual([2, 3, 4])
})

test('only what was taken after a moment is given', () => {
  expect(seconds(historyOf(5, 5).list(10, 2_000))).toEqual([3, 4])
  expect(seconds(historyOf(5, 5).list(10, 4_000))).toEqual([])
})

test('what is recalled takes its place among what is there, once', () => {
  const history = historyOf(3, 5)
  history.recall([6, 1, -2, -1].map((second) => ({ time: new Date(second * 1_000).toISOString() }) as Sample))
  expect(seconds(history.list(10))).toEqual([-1, 0, 1, 2, 6])
})

test('what is too much is thinned evenly, and the newest is kept', () => {
  expect(seconds(historyOf(12, 12).list(4))).toEqual([2, 5, 8, 11])
  expect(seconds(historyOf(5, 5).list(1))).toEqual([4])
  expect(seconds(historyOf(49, 49).list(47)).at(-1)).toBe(48)
})

test('a list is in order, without doubles, no longer than asked for, and ends with the newest', () => {
  const size = fc.integer({ min: 1, max: 800 })
  fc.assert(
    fc.property(size, size, size, (count, capacity, limit) => {
      const list = seconds(historyOf(count, capacity).list(limit))
      expect(list.length).toBe(Math.min(count, capacity, limit))
      expect(list.at(-1)).toBe(count - 1)
      expect(list.every((second, index) => index === 0 || second > list[index - 1]!)).toBe(true)
    }),
  )
})

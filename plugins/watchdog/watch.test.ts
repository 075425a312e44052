import { beforeEach, expect, test } from 'bun:test'
import { Watch } from './watch.ts'

const finding = { name: 'disk', title: 'A disk is full', message: '99 % is used.', priority: 'high' } as const
const HOLD = 60_000

let kept: Map<string, unknown>
beforeEach(() => (kept = new Map()))

const watchWith = (draining = new AbortController().signal, full = false) =>
  new Watch({
    draining,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    kv: {
      get: (key) => kept.get(key) as never,
      set(key, value) {
        if (full) throw new Error('the disk is full')
        kept.set(key, value)
      },
      delete: (key) => kept.delete(key),
      list: () => [...kept.keys()],
    },
  })

/** What changes when it is so (`!`) or not (`.`) every 20 s: `+` begins, `-` ends. */
const life = (watch: Watch, course: string, start = 0) =>
  Array.from(course, (sign, index) => {
    const changed = watch.note(finding, sign === '!', HOLD, start + index * 20_000)
    return changed === null ? ' ' : sign === '!' ? '+' : '-'
  }).join('')

test('what lasts is a condition, once, until its end has lasted as well', () => {
  expect(life(watchWith(), '!!!!!!!....!!')).toBe('   +      -  ')
})

test('what comes and goes is none, and a short end is no end', () => {
  expect(life(watchWith(), '!!!.!!!.!!!')).toBe('           ')
  expect(life(watchWith(), '!!!!...!...!...')).toBe('   +           ')
})

test('beginning and end are each to be told once, in order', () => {
  const watch = watchWith()
  life(watch, '!!!!!!!!....')
  expect(watch.untold.map(({ title }) => title)).toEqual(['A disk is full', 'Over: A disk is full'])
  watch.told(watch.untold[0]!)
  expect(watch.untold.map(({ title }) => title)).toEqual(['Over: A disk is full'])
})

test('a successor knows what is wrong and what is untold', () => {
  const watch = watchWith()
  life(watch, '!!!!')
  watch.told(watch.untold[0]!)
  const successor = watchWith()
  expect(life(successor, '!!!!!....', 100_000)).toBe('        -')
  expect(successor.untold).toHaveLength(1)
})

test('whoever has made way changes nothing of what its successor keeps', () => {
  const gone = new AbortController()
  const watch = watchWith(gone.signal)
  life(watch, '!!!!')
  const before = structuredClone(kept)
  gone.abort()
  watch.told(watch.untold[0]!)
  expect(kept).toEqual(before)
})

test('a clock that is set back delays by the hold at most; a full disk does not silence it', () => {
  const watch = watchWith(undefined, true)
  watch.note(finding, true, HOLD, 10 * HOLD)
  expect(watch.note(finding, true, HOLD, 0)).toBeNull()
  expect(watch.note(finding, true, HOLD, HOLD)).toMatchObject({ name: 'disk' })
  expect(watch.raised).toHaveLength(1)
})

import { beforeEach, expect, test } from 'bun:test'
import { Herald } from './herald.ts'

const berlin = { latitude: 52.52, longitude: 13.405, timeZone: 'Europe/Berlin' }
const at = (time: string) => Date.parse(`2026-06-21T${time}:00Z`)

let kept: Map<string, unknown>
let full: boolean
let warnings: string[]
beforeEach(() => {
  kept = new Map()
  full = false
  warnings = []
})

const herald = () => {
  const say = (message: string) => void warnings.push(message)
  return new Herald({
    log: { debug: say, info: say, warn: say, error: say },
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
}
const news = (teller: Herald, now: number) => teller.news(now, berlin).map(({ turn }) => turn)

test('the first start has no news', () => {
  expect(news(herald(), at('02:44'))).toEqual([])
})

test('a clock that is set back a little passes the sunrise twice, and it is told once', () => {
  const teller = herald()
  news(teller, at('02:40'))
  expect(news(teller, at('02:44'))).toEqual(['rise'])
  expect(news(teller, at('02:42'))).toEqual([])
  expect(news(teller, at('02:45'))).toEqual([])
  expect(news(herald(), at('02:45'))).toEqual([])
})

test('a clock that was far ahead and is put right silences nothing', () => {
  const teller = herald()
  news(teller, at('02:40') + 90 * 86_400_000)
  expect(news(teller, at('02:40'))).toEqual([])
  expect(news(teller, at('02:44'))).toEqual(['rise'])
})

test('what cannot be kept is said, and the sun rises all the same', () => {
  full = true
  const teller = herald()
  news(teller, at('02:40'))
  expect(news(teller, at('02:44'))).toEqual(['rise'])
  expect(warnings.at(-1)).toContain('the disk is full')
})

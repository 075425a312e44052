import { describe, expect, test } from 'bun:test'
import { dateOf, dayOf, isUp, nextTurn, positionOf, turnsBetween } from './sky.ts'

const berlin = { latitude: 52.52, longitude: 13.405, timeZone: 'Europe/Berlin' }
const tromso = { latitude: 69.65, longitude: 18.96, timeZone: 'Europe/Oslo' }
const reykjavik = { latitude: 64.15, longitude: -21.94, timeZone: 'Atlantic/Reykjavik' }
const kiritimati = { latitude: 1.87, longitude: -157.4, timeZone: 'Pacific/Kiritimati' }
const kashgar = { latitude: 39.47, longitude: 75.99, timeZone: 'Asia/Shanghai' }

const minute = (time: string | null) => time?.slice(0, 16)
const at = (time: string) => Date.parse(time)

describe('a day', () => {
  // By the clock of Berlin: 04:43, 13:08 and 21:33.
  test('has the turns that the almanac has', () => {
    const { date, rise, noon, set, polar } = dayOf('2026-06-21', berlin)
    expect([date, minute(rise), minute(noon), minute(set), polar]).toEqual([
      '2026-06-21',
      '2026-06-21T02:43',
      '2026-06-21T11:08',
      '2026-06-21T19:33',
      null,
    ])
  })

  test('is one of the home’s zone, though it is another day in UTC', () => {
    expect(dateOf(at('2026-06-20T12:00:00Z'), kiritimati)).toBe('2026-06-21')
    expect(minute(dayOf('2026-06-21', kiritimati).noon)).toBe('2026-06-20T22:31')
    expect(minute(dayOf('2026-06-21', kashgar).noon)).toBe('2026-06-21T06:57')
  })

  test('goes on with the sun where the clocks are changed', () => {
    const rises = ['2026-03-28', '2026-03-29', '2026-03-30'].map((date) => at(dayOf(date, berlin).rise!))
    for (const [index, rise] of rises.slice(1).entries())
      expect((rise - rises[index]!) / 60_000).toBeCloseTo(24 * 60 - 2.3, 0)
  })

  test('without a sunrise says whether it is light or dark', () => {
    expect(dayOf('2026-06-21', tromso)).toMatchObject({ rise: null, set: null, dawn: null, polar: 'day' })
    expect(dayOf('2026-12-21', tromso)).toMatchObject({ rise: null, set: null, polar: 'night' })
    expect(dayOf('2026-12-21', tromso).dawn).not.toBeNull()
  })

  test('in the far north may end after midnight', () => {
    expect(minute(dayOf('2026-06-21', reykjavik).set)).toBe('2026-06-22T00:04')
  })
})

describe('the turns of a while', () => {
  test('are given once each, in order, however the while is cut', () => {
    for (const place of [berlin, reykjavik, kiritimati]) {
      const from = at('2026-06-15T00:00:00Z')
      const until = from + 10 * 86_400_000
      const whole = turnsBetween(from, until, place)
      expect(whole.filter(({ turn }) => turn === 'rise')).toHaveLength(10)
      const pieces = []
      for (let start = from; start < until; start += 3_600_000)
        pieces.push(...turnsBetween(start, start + 3_600_000, place))
      expect(pieces).toEqual(whole)
      expect(whole.map((one) => one.at)).toEqual(whole.map((one) => one.at).sort((a, b) => a - b))
    }
  })

  test('do not include the moment that they begin after', () => {
    const { at: rise } = nextTurn(['rise'], at('2026-06-21T00:00:00Z'), berlin)!
    expect(turnsBetween(rise - 1, rise, berlin)).toEqual([{ turn: 'rise', at: rise }])
    expect(turnsBetween(rise, rise + 1, berlin)).toEqual([])
  })
})

test('the next sunset may be months away', () => {
  const midsummer = at('2026-06-21T12:00:00Z')
  expect(new Date(nextTurn(['set'], midsummer, tromso)!.at).toISOString().slice(0, 7)).toBe('2026-07')
  expect(isUp(midsummer, tromso)).toBe(true)
  expect(isUp(at('2026-12-21T11:00:00Z'), tromso)).toBe(false)
})

test('it is up from its rise to its set', () => {
  const { rise, set } = dayOf('2026-06-21', berlin)
  const around = [at(rise!) - 1, at(rise!), at(set!) - 1, at(set!)]
  expect(around.map((time) => isUp(time, berlin))).toEqual([false, true, true, false])
})

test('at noon it stands highest, and in the south', () => {
  const { noon } = dayOf('2026-06-21', berlin)
  const { elevationDegrees, azimuthDegrees } = positionOf(at(noon), berlin)
  expect(elevationDegrees).toBeCloseTo(90 - 52.52 + 23.44, 1)
  expect(azimuthDegrees).toBeCloseTo(180, 1)
})

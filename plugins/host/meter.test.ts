import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { Meter } from './meter.ts'

test('a rate is what a counter grew by, over the time that passed', () => {
  const meter = new Meter()
  expect(meter.perSecond('eth0', 1_000, 0)).toBeNull()
  meter.turn()
  expect(meter.perSecond('eth0', 3_500, 2_500)).toBe(1_000)
})

test('a counter that began again has no rate for one sample, and one from there on', () => {
  const meter = new Meter()
  const rates = [5_000, 100, 300].map((value, second) => {
    meter.turn()
    return meter.perSecond('sda', value, second * 1_000)
  })
  expect(rates).toEqual([null, null, 200])
})

test('a counter that stands still has a rate of nothing, which is not the same as none', () => {
  const meter = new Meter()
  meter.perSecond('sda', 700, 0)
  meter.turn()
  expect(meter.perSecond('sda', 700, 5_000)).toBe(0)
})

test('a counter that was away for a sample is a new one', () => {
  const meter = new Meter()
  meter.growth('sdb', 100)
  meter.turn()
  meter.turn()
  expect(meter.growth('sdb', 200)).toBeNull()
})

test('a counter that is not known has no rate', () => {
  const meter = new Meter()
  meter.growth('sda', null)
  meter.turn()
  expect(meter.growth('sda', 5)).toBeNull()
  meter.turn()
  expect(meter.growth('sda', null)).toBeNull()
})

test('two samples at the same moment have no rate between them', () => {
  const meter = new Meter()
  meter.perSecond('sda', 1, 50)
  meter.turn()
  expect(meter.perSecond('sda', 2, 50)).toBeNull()
})

test('growth is the difference, and null exactly where a counter is new or lower than before', () => {
  fc.assert(
    fc.property(fc.array(fc.nat()), (values) => {
      const meter = new Meter()
      values.forEach((value, index) => {
        meter.turn()
        const before = values[index - 1]
        expect(meter.growth('any', value)).toBe(
          before === undefined || value < before ? null : value - before,
        )
      })
    }),
  )
})

import { describe, expect, test } from 'bun:test'
import { totalmem } from 'node:os'
import * as fc from 'fast-check'
import { parseMeminfo, readMemory } from './memory.ts'

const pi = `MemTotal:        3884444 kB
MemFree:         2156872 kB
MemAvailable:    3301236 kB
Buffers:           62492 kB
Cached:          1098424 kB
SwapCached:            0 kB
SReclaimable:      61180 kB
SwapTotal:        102396 kB
SwapFree:          92156 kB
Zswap:                 0 kB
HugePages_Total:       0
Hugepagesize:       2048 kB
`

describe('/proc/meminfo', () => {
  test('of a Raspberry Pi is told in bytes', () => {
    expect(parseMeminfo(pi)).toEqual({
      totalBytes: 3_977_670_656,
      availableBytes: 3_380_465_664,
      usedBytes: 597_204_992,
      usageRatio: 0.1501,
      swap: { totalBytes: 104_853_504, usedBytes: 10_485_760 },
    })
  })

  test('that does not say what is available is taken as free memory and caches', () => {
    const old = pi.replace(/^MemAvailable.*\n/m, '')
    expect(parseMeminfo(old).availableBytes).toBe((2_156_872 + 62_492 + 1_098_424 + 61_180) * 1_024)
  })

  test('of a container without a line on swap leaves swap unknown', () => {
    expect(parseMeminfo('MemTotal: 1000 kB\nMemFree: 400 kB\n')).toMatchObject({
      usedBytes: 614_400,
      swap: null,
    })
  })

  test('that claims more available than there is never gives less than nothing as used', () => {
    expect(parseMeminfo('MemTotal: 1000 kB\nMemAvailable: 2000 kB\n')).toMatchObject({
      usedBytes: 0,
      usageRatio: 0,
    })
  })

  test('without a total is an error and not a machine without memory', () => {
    expect(() => parseMeminfo('MemFree: 400 kB\n')).toThrow('MemTotal')
  })

  test('adds up whatever lines are there', () => {
    const names = ['MemFree', 'MemAvailable', 'Buffers', 'Cached', 'SReclaimable', 'SwapTotal', 'SwapFree']
    const lines = fc.dictionary(fc.constantFrom(...names), fc.nat(2 ** 30))
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 30 }), lines, (total, others) => {
        const all = Object.entries({ MemTotal: total, ...others })
        const memory = parseMeminfo(all.map(([name, value]) => `${name}:   ${value} kB\n`).join(''))
        expect(memory.usedBytes + memory.availableBytes).toBe(total * 1_024)
        expect(memory.usedBytes).toBeGreaterThanOrEqual(0)
        expect(memory.swap !== null).toBe('SwapTotal' in others)
      }),
    )
  })
})

test('this machine has as much memory as Node says', async () => {
  expect((await readMemory()).totalBytes).toBe(totalmem())
})

import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { parseFrequencies, parseStat, readCpu } from './cpu.ts'
import { Meter } from './meter.ts'

describe('/proc/stat', () => {
  test('of a Raspberry Pi 4 gives all cores together and each alone', () => {
    const text = `cpu  184521 1203 92211 9876543 20011 0 3311 0 0 0
cpu0 46130 300 23052 2469135 5002 0 2011 0 0 0
cpu1 46131 301 23053 2469136 5003 0 500 0 0 0
cpu2 46130 301 23053 2469136 5003 0 400 0 0 0
cpu3 46130 301 23053 2469136 5003 0 400 0 0 0
intr 98765432 0 1234 5678
ctxt 123456789
btime 1767225600
softirq 7654321 1 2 3
`
    const times = parseStat(text)
    expect(times.map(({ name }) => name)).toEqual(['cpu', 'cpu0', 'cpu1', 'cpu2', 'cpu3'])
    expect(times[0]).toEqual({ name: 'cpu', busy: 281_246, total: 10_177_800 })
  })

  test('of a kernel that knows four columns is read all the same', () => {
    expect(parseStat('cpu 10 20 30 40\ncpu0 10 20 30 40\n')[0]).toEqual({ name: 'cpu', busy: 60, total: 100 })
  })

  test('does not count a guest twice, which is part of user already', () => {
    expect(parseStat('cpu  100 0 0 100 0 0 0 0 90 0\n')).toEqual([{ name: 'cpu', busy: 100, total: 200 }])
  })

  test('of a core that was switched off leaves that core out', () => {
    expect(parseStat('cpu  2 0 0 2\ncpu0 1 0 0 1\ncpu3 1 0 0 1\n').map(({ name }) => name)).toEqual([
      'cpu',
      'cpu0',
      'cpu3',
    ])
  })

  test('never gives more work than time, whatever the columns', () => {
    const columns = fc.array(fc.nat(), { minLength: 4, maxLength: 10 })
    fc.assert(
      fc.property(fc.array(columns, { minLength: 1 }), (cores) => {
        const times = parseStat(cores.map((core, index) => `cpu${index} ${core.join(' ')}\n`).join(''))
        expect(times).toHaveLength(cores.length)
        for (const { busy, total } of times) expect(busy >= 0 && busy <= total).toBe(true)
      }),
    )
  })
})

test('the frequency is that of the fastest policy, in hertz', () => {
  expect(parseFrequencies(['600000', '1800000', null])).toBe(1_800_000_000)
})

test('a virtual machine has no frequency', () => {
  expect(parseFrequencies([])).toBeNull()
  expect(parseFrequencies([null, '<unknown>', '0'])).toBeNull()
})

test('usage is unknown in the first reading and known after some work', async () => {
  const meter = new Meter()
  expect((await readCpu(meter)).usageRatio).toBeNull()
  const end = performance.now() + 60
  while (performance.now() < end);
  meter.turn()
  const { usageRatio, cores } = await readCpu(meter)
  expect(usageRatio).toBeGreaterThan(0)
  expect(usageRatio).toBeLessThanOrEqual(1)
  expect(cores.length).toBeGreaterThan(0)
})

import { expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'
import * as fc from 'fast-check'
import { type Archive, type Point, type Resolution, resolutions } from './archive.ts'
import type { Sample } from './contract.ts'
import { type Metric, metrics } from './metrics.ts'

setDefaultTimeout(60_000)

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const start = Date.parse('2026-01-01T00:00:00Z')

/** The host's tables and no sensors: what is measured is what a test says. */
const index = `
import { definePlugin } from '@home-console/sdk'
import { count } from 'drizzle-orm'
import { Archive } from './archive.ts'
import * as schema from './tables.ts'
export default definePlugin({
  db: { schema, durability: 'normal' },
  provides: ['archive'],
  onLoad(ctx) {
    const archive = new Archive(ctx.db)
    const rows = () => Object.values(schema).map((table) => ctx.db.select({ count: count() }).from(table).get().count)
    ctx.services.provide('archive', {
      write: (samples) => archive.write(samples),
      samples: (from, until) => archive.samples(from, until),
      read: (question, unwritten) => archive.read(question, unwritten),
      rows,
    })
  },
})`

const files = Object.fromEntries(
  [...new Bun.Glob('**/*').scanSync(import.meta.dir)]
    .filter((name) => !name.endsWith('.test.ts'))
    .map((name) => [name, readFileSync(join(import.meta.dir, name), 'utf8')]),
)

type Remote = {
  [Name in 'write' | 'samples' | 'read']: (
    ...args: Parameters<Archive[Name]>
  ) => Promise<ReturnType<Archive[Name]>>
} & { rows(): Promise<[number, number, number]> }

const newHouse = () => startTestHouse({ plugins: { host: { ...files, 'index.ts': index } }, now: start })
const archiveOf = (house: TestHouse) => house.service('archive') as unknown as Remote

const bytesOf = ({ folder }: TestHouse) => statSync(join(folder, 'data/plugins/host.sqlite')).size

/** As long on the disk as one of a busy machine: whole numbers, so that their sum is the same in any order. */
function sampleAt(time: number): Sample {
  const numbers = metrics.map((metric, index) => [
    metric,
    2_000_000_000 + (((time / 1_000) * (2 * index + 7_919)) % 1_000_003),
  ])
  return {
    ...Object.fromEntries(numbers),
    time: new Date(time).toISOString(),
    fullestDisk: '/',
    missing: [],
  } as Sample
}

/** What SQL would call GROUP BY: the plainest way there is. */
function grouped(samples: Sample[], step: number, metric: Metric): Point[] {
  const groups = Map.groupBy(samples, ({ time }) => Date.parse(time) - (Date.parse(time) % step))
  return [...groups]
    .map(([begin, group]) => ({ start: begin, values: group.flatMap((sample) => sample[metric] ?? []) }))
    .filter(({ values }) => values.length > 0)
    .map(({ start: begin, values }): Point => {
      const sum = values.reduce((total, value) => total + value, 0)
      return { start: begin, stat: [Math.min(...values), Math.max(...values), sum, values.length] }
    })
    .sort((a, b) => a.start - b.start)
}

const every = (step: number, from: number, until: number) =>
  Array.from({ length: Math.ceil((until - from) / step) }, (_, index) => sampleAt(from + index * step))

test('ten years are three rings that never grow beyond their size, and what is in them is what was measured', async () => {
  await using house = await newHouse()
  const archive = archiveOf(house)
  const all: Sample[] = []
  const write = async (samples: Sample[]) => {
    all.push(...samples)
    await archive.write(samples)
  }

  const years = start + 90_000 * HOUR
  for (let month = start; month < years; month += 30 * DAY) {
    await write(every(HOUR, month, Math.min(month + 30 * DAY, years)))
  }
  const days = years + 8 * DAY
  for (let day = years; day < days; day += DAY) await write(every(MINUTE, day, day + DAY))
  const end = days + 2 * HOUR
  for (let minute = days; minute < end; minute += MINUTE) await write(every(5_000, minute, minute + MINUTE))

  expect(await archive.rows()).toEqual([87_660, 7 * 24 * 60, 60])
  expect(await archive.samples(end - HOUR, end)).toEqual(all.slice(-720))
  for (const metric of ['cpuUsageRatio', 'coreMemoryBytes'] as const) {
    const read = (resolution: Resolution, from: number) =>
      archive.read({ metric, resolution, from, until: end })
    const raw = (step: number, from: number) =>
      grouped(
        all.filter(({ time }) => Date.parse(time) >= from),
        step,
        metric,
      )
    expect(await read('second', end - HOUR)).toEqual(raw(1_000, end - HOUR))
    expect(await read('minute', end - 7 * DAY)).toEqual(raw(MINUTE, end - 7 * DAY))
    const oldest = end - 87_660 * HOUR
    expect(await read('hour', start)).toEqual(raw(HOUR, oldest))
  }

  // What is written over may be longer than what was there, and pages may have to be split.
  const full = bytesOf(house)
  for (let month = end; month < end + 365 * DAY; month += 30 * DAY) {
    await write(every(HOUR, month, month + 30 * DAY).map((sample) => ({ ...sample, cpuUsageRatio: 1 / 3 })))
  }
  expect(await archive.rows()).toEqual([87_660, 7 * 24 * 60, 60])
  console.log(`ten years of the host's samples: ${full} bytes, ${bytesOf(house)} after another`)
  expect(bytesOf(house)).toBeLessThan(80_000_000)
})

test('whatever the clock does and however it is written, a second, minute or hour is once there, with all that was measured in it', async () => {
  await using house = await newHouse()
  const archive = archiveOf(house)
  let runs = 0
  const value = fc.option(fc.integer({ min: 0, max: 1_000_000_000 }), { nil: null })
  const taken = fc.record({ at: fc.nat(55 * MINUTE), cpuUsageRatio: value, swapUsedBytes: value })
  const batches = fc.array(fc.array(taken, { maxLength: 20 }), { minLength: 1, maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(batches, async (written) => {
      const from = start + ++runs * 30 * DAY
      const samples = written.map((batch) =>
        batch.map(({ at, ...values }) => ({ ...sampleAt(from + 30 * MINUTE + at), ...values })),
      )
      // The last of them is not on the disk yet.
      for (const batch of samples.slice(0, -1)) await archive.write(batch)
      for (const [resolution, step] of Object.entries(resolutions) as [Resolution, number][]) {
        for (const metric of ['cpuUsageRatio', 'swapUsedBytes'] as const) {
          const question = { metric, resolution, from, until: from + 2 * HOUR }
          expect(await archive.read(question, samples.at(-1))).toEqual(grouped(samples.flat(), step, metric))
        }
      }
    }),
    { numRuns: 60 },
  )
})

test('only what was asked for is given, also where the ring begins anew', async () => {
  await using house = await newHouse()
  const archive = archiveOf(house)
  const samples = every(MINUTE, start, start + 9 * DAY)
  await archive.write(samples)
  const point = fc.integer({ min: 2 * 24 * 60, max: 9 * 24 * 60 })
  await fc.assert(
    fc.asyncProperty(point, point, fc.nat(MINUTE - 1), async (one, other, ms) => {
      const [first, last] = [Math.min(one, other), Math.max(one, other)]
      const points = await archive.read({
        metric: 'loadOneMinute',
        resolution: 'minute',
        from: start + first * MINUTE + ms,
        until: start + last * MINUTE,
      })
      expect(points).toEqual(grouped(samples.slice(first, last), MINUTE, 'loadOneMinute'))
    }),
  )
})

test('a clock that was wrong for a while costs no more than a few slots', async () => {
  await using house = await newHouse()
  const archive = archiveOf(house)
  const before = every(MINUTE, start, start + 3 * DAY)
  await archive.write(before)
  for (const wrong of ['1970-01-01T00:00:00Z', '1969-12-31T23:00:00Z', '2099-07-01T00:00:00Z']) {
    await archive.write(every(5_000, Date.parse(wrong), Date.parse(wrong) + 10 * MINUTE))
  }
  await archive.write(every(MINUTE, start + 3 * DAY, start + 4 * DAY))

  const question = { metric: 'cpuUsageRatio', from: start, until: start + 4 * DAY } as const
  expect((await archive.read({ ...question, resolution: 'hour' })).length).toBeGreaterThanOrEqual(4 * 24 - 3)
  expect((await archive.read({ ...question, resolution: 'minute' })).length).toBeGreaterThanOrEqual(
    4 * 24 * 60 - 30,
  )
})

test('a clock that is set back again and again fills no minute beyond measure', async () => {
  await using house = await newHouse()
  const archive = archiveOf(house)
  for (let turn = 0; turn < 20; turn++) await archive.write(every(5_000, start, start + MINUTE))
  expect(await archive.samples(start, start + MINUTE)).toHaveLength(60)
  const [minute] = await archive.read({
    metric: 'cpuUsageRatio',
    resolution: 'minute',
    from: start,
    until: start + 1,
  })
  expect(minute!.stat[3]).toBe(240)
})

test.if(existsSync('/proc/self/io'))('a day costs a memory card few writes', async () => {
  await using house = await newHouse()
  const archive = archiveOf(house)
  const week = start + 7 * DAY
  await archive.write(every(MINUTE, start, week))
  const written = () => Number(/^wchar: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))![1])
  const day = every(5_000, week, week + DAY)
  const before = written()
  for (let index = 0; index < day.length; index += 12) await archive.write(day.slice(index, index + 12))
  const bytes = written() - before
  console.log(`a day of the host's samples writes ${bytes} bytes`)
  expect(bytes).toBeLessThan(40_000_000)
})

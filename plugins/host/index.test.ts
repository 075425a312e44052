import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTestHouse, type TestHouse, type TestHouseOptions } from '@home-console/sdk/testing'
import type { Sample } from './contract.ts'

const start = Date.parse('2026-03-01T10:00:02Z')
const code = await Bun.file(join(import.meta.dir, 'index.ts')).text()

/** A house whose host has taken its first sample. */
async function newHouse(options: TestHouseOptions = {}): Promise<TestHouse> {
  const house = await startTestHouse({ plugins: { host: import.meta.dir }, now: start, ...options })
  await house.clock.advance(0)
  await house.event('host.sample')
  return house
}

/** Lets so many samples be taken. */
async function measure(house: TestHouse, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    // By the time of the answer the last one is over, and the next may begin.
    await get(house, '/now')
    await house.clock.advance(5_000)
    await house.event('host.sample')
  }
}

/** All that were taken. */
const measured = (house: TestHouse) =>
  house.events.filter(({ type }) => type === 'host.sample').map(({ data }) => data as Sample)

async function get<Answer>(house: TestHouse, path: string): Promise<Answer> {
  const response = await house.request(`/api/plugins/host${path}`)
  if (response.status !== 200) throw new Error(await response.text())
  return (await response.json()) as Answer
}

const remembered = async (house: TestHouse) =>
  (await get<{ samples: Sample[] }>(house, '/samples?limit=720')).samples

interface HistoryPoint {
  time: string
  min: number
  avg: number
  max: number
  samples: number
}

const history = async (house: TestHouse, resolution: string) => {
  const query = `metric=coreMemoryBytes&resolution=${resolution}&from=2026-03-01T09:00:00Z`
  return (await get<{ points: HistoryPoint[] }>(house, `/history?${query}`)).points
}

const memoryStatus = async (house: TestHouse) => {
  const plugin: any = await (await house.request('/api/core/plugins/host')).json()
  return plugin.status.find(({ label }: { label: string }) => label === 'memory')
}

test('history gives what was measured, also of the last minute, which is not written down yet', async () => {
  await using house = await newHouse()
  await measure(house, 29)
  const bytes = measured(house).map((sample) => sample.coreMemoryBytes!)
  expect((await history(house, 'second')).map(({ avg }) => avg)).toEqual(bytes)
  expect(await history(house, 'hour')).toEqual([
    {
      time: '2026-03-01T10:00:00.000Z',
      min: Math.min(...bytes),
      avg: bytes.reduce((sum, value) => sum + value) / 30,
      max: Math.max(...bytes),
      samples: 30,
    },
  ])
  expect((await history(house, 'minute')).map(({ time, samples }) => [time.slice(11, 16), samples])).toEqual([
    ['10:00', 12],
    ['10:01', 12],
    ['10:02', 6],
  ])
})

test('a swap loses no sample, neither from the hour in memory nor from the tables', async () => {
  await using house = await newHouse()
  await measure(house, 16)
  for (const version of [2, 3]) {
    await house.clock.advance(1_000)
    expect((await house.save('host/index.ts', `${code}// ${version}\n`)).outcome).toBe('committed')
    await house.clock.advance(0)
    await house.event('host.sample')
    await measure(house, 3)
  }
  expect(await remembered(house)).toEqual(measured(house))
  expect((await history(house, 'hour'))[0]!.samples).toBe(measured(house).length)
})

test('what was measured while the next version was loaded is found by it', async () => {
  const gate = Promise.withResolvers<Response>()
  const asked = Promise.withResolvers<void>()
  await using house = await newHouse({
    fetch: () => {
      asked.resolve()
      return gate.promise
    },
  })
  await measure(house, 2)
  const slow = code
    .replace('onLoad(ctx) {', 'async onLoad(ctx) {')
    .replace('const router', "await fetch('http://gate/')\n    const router")
  const saved = house.save('host/index.ts', slow)
  await asked.promise
  await measure(house, 2)
  await house.clock.advance(1_000)
  gate.resolve(new Response())
  expect((await saved).outcome).toBe('committed')
  await house.event('plugin.reloaded')
  await house.clock.advance(60_000)
  const first = measured(house).slice(0, 5)
  expect((await remembered(house)).slice(0, 5)).toEqual(first)
  expect((await history(house, 'second')).slice(0, 5).map(({ avg }) => avg)).toEqual(
    first.map((sample) => sample.coreMemoryBytes!),
  )
})

test('after a restart it remembers', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'home-console-host-'))
  try {
    const config = { dataDir, runtimeDir: dataDir }
    const before = await newHouse({ config })
    await measure(before, 14)
    await before.stop()

    await using after = await newHouse({ config, now: start + 5 * 60_000 })
    await measure(after, 1)
    expect(await remembered(after)).toEqual([...measured(before), ...measured(after)])
    expect((await history(after, 'minute')).map(({ time }) => time.slice(11, 16))).toEqual([
      '10:00',
      '10:01',
      '10:05',
    ])
  } finally {
    rmSync(dataDir, { recursive: true })
  }
})

test('when nothing can be written, it goes on measuring, says so, and writes it down later', async () => {
  await using house = await newHouse()
  await measure(house, 2)
  using database = new Database(join(house.folder, 'data/plugins/host.sqlite'))
  database.run('ALTER TABLE minutes RENAME TO elsewhere')
  await measure(house, 13)
  expect(await memoryStatus(house)).toMatchObject({
    state: 'degraded',
    message: expect.stringContaining('minutes'),
  })
  // Nor does it stand in the way of a version that might mend it.
  expect((await house.save('host/index.ts', `${code}// 2\n`)).outcome).toBe('kept_old')

  database.run('ALTER TABLE elsewhere RENAME TO minutes')
  await measure(house, 12)
  expect(await memoryStatus(house)).toMatchObject({ state: 'ok' })
  const counted = (await history(house, 'minute')).reduce((sum, { samples }) => sum + samples, 0)
  expect(counted).toBe((await remembered(house)).length)
})

test('what would be too much is refused, with what to ask for instead', async () => {
  await using house = await newHouse()
  const ask = async (query: string) => {
    const response = await house.request(`/api/plugins/host/history?${query}`)
    return { status: response.status, ...((await response.json()) as { code?: string; detail?: string }) }
  }
  const day = 'from=2026-02-01T00:00:00Z&to=2026-02-02T00:00:00Z&metric=cpuUsageRatio'
  expect(await ask(`${day}&resolution=second`)).toMatchObject({
    status: 400,
    code: 'host.too_many_points',
    detail: expect.stringContaining('resolution=minute'),
  })
  expect(await ask(`${day}&resolution=minute`)).toMatchObject({ status: 200 })
  expect(await ask('metric=cpuUsageRatio&resolution=hour&from=0001-01-01T00:00:00Z')).toMatchObject({
    status: 400,
    detail: expect.stringContaining('a shorter time'),
  })
  expect(await ask('metric=cpuUsageRatio&from=2026-02-02T00:00:00Z&to=2026-02-01T00:00:00Z')).toMatchObject({
    status: 400,
    code: 'host.no_range',
  })
  expect(await ask('metric=fullestDisk&from=2026-02-02T00:00:00Z')).toMatchObject({
    status: 400,
    code: 'invalid_request',
  })
})

test('history is the owner’s', async () => {
  await using house = await newHouse()
  const response = await house.request(
    '/api/plugins/host/history?metric=cpuUsageRatio&from=2026-01-01T00:00:00Z',
    {
      headers: { Authorization: '' },
    },
  )
  expect(response.status).toBe(401)
})

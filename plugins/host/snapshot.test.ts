import { describe, expect, test } from 'bun:test'
import { Sample } from './contract.ts'
import { Camera, Snapshot, summarize } from './snapshot.ts'

const empty: Snapshot = {
  time: '2026-01-01T00:00:00.000Z',
  cpu: null,
  memory: null,
  disks: null,
  network: null,
  temperatures: null,
  core: null,
  missing: [{ part: 'disks', reason: 'EACCES' }],
}

test('a snapshot of this machine has every part, and is what the document says', async () => {
  const camera = new Camera()
  const snapshot = await camera.take()
  expect(snapshot.missing).toEqual([])
  expect(Snapshot.parse(snapshot)).toEqual(snapshot)
  expect(Sample.parse(summarize(snapshot))).toEqual(summarize(snapshot))
})

test('rates are known from the second snapshot on', async () => {
  const camera = new Camera()
  expect(summarize(await camera.take()).coreCpuUsageRatio).toBeNull()
  await Bun.sleep(20)
  expect(summarize(await camera.take()).coreCpuUsageRatio).toBeGreaterThan(0)
})

const disk = (usageRatio: number, readOnly: boolean, readBytesPerSecond: number | null) => ({
  mountPoint: `/${usageRatio}`,
  device: null,
  type: null,
  readOnly,
  space: { totalBytes: 1, usedBytes: 1, availableBytes: 1, usageRatio },
  inodes: null,
  readBytesPerSecond,
  writtenBytesPerSecond: null,
  error: null,
})

describe('a summary', () => {
  test('of parts that are missing is null and names them', () => {
    const { time, missing, ...numbers } = summarize(empty)
    expect(missing).toEqual(['disks'])
    expect(new Set(Object.values(numbers))).toEqual(new Set([null]))
  })

  test('has the hottest sensor', () => {
    const temperatures = [39, 61.5, 40].map((temperatureCelsius) => ({
      sensor: 's',
      label: null,
      temperatureCelsius,
    }))
    expect(summarize({ ...empty, temperatures }).temperatureCelsius).toBe(61.5)
  })

  test('has the fullest disk, of those that could still be filled, and the traffic of all', () => {
    const disks = [disk(0.4, false, 100), disk(1, true, null), disk(0.7, false, 20)]
    expect(summarize({ ...empty, disks })).toMatchObject({
      diskUsageRatio: 0.7,
      fullestDisk: '/0.7',
      diskReadBytesPerSecond: 120,
      diskWrittenBytesPerSecond: null,
    })
  })
})

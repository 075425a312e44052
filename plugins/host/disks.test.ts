import { describe, expect, test } from 'bun:test'
import { statfs } from 'node:fs/promises'
import * as fc from 'fast-check'
import { parseCapacity, parseDiskstats, readDisks, statfsApart } from './disks.ts'
import { Meter } from './meter.ts'
import { Patience } from './patience.ts'

describe('/proc/diskstats', () => {
  test('of a Raspberry Pi counts bytes of disks and partitions, found by number and by name', () => {
    const traffic = parseDiskstats(`   1       0 ram0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
 179       0 mmcblk0 25013 9122 1500328 341222 18221 22011 987654 882211 0 401200 1223433 0 0 0 0 0 0
 179       2 mmcblk0p2 24700 8011 1480000 339000 18200 22000 987600 882000 0 400000 1221000 0 0 0 0 0 0
`)
    expect(traffic.get('179:2')).toEqual({ readBytes: 1_480_000 * 512, writtenBytes: 987_600 * 512 })
    expect(traffic.get('mmcblk0p2')).toEqual({ readBytes: 1_480_000 * 512, writtenBytes: 987_600 * 512 })
  })

  test('of old kernels has partitions with four columns, of which nothing is known', () => {
    expect(parseDiskstats('   8       1 sda1 100 200 300 400\n').size).toBe(0)
  })

  test('gives back what was written into it, and ignores what is none', () => {
    const counters = fc.array(fc.nat(), { minLength: 11, maxLength: 17 })
    fc.assert(
      fc.property(counters, fc.string(), (columns, rubbish) => {
        const traffic = parseDiskstats(
          `${rubbish.replaceAll('8:0', '')}\n   8       0 sda ${columns.join(' ')}\n`,
        )
        expect(traffic.get('8:0')).toEqual({ readBytes: columns[2]! * 512, writtenBytes: columns[6]! * 512 })
      }),
    )
  })
})

describe('statfs', () => {
  const stats = {
    type: 0,
    bsize: 4_096,
    frsize: 4_096,
    blocks: 1_000,
    bfree: 400,
    bavail: 350,
    files: 200,
    ffree: 150,
  }

  test('says how full a file system is as df does: without what is kept for root', () => {
    expect(parseCapacity(stats)).toEqual({
      space: { totalBytes: 4_096_000, usedBytes: 2_457_600, availableBytes: 1_433_600, usageRatio: 0.6316 },
      inodes: { total: 200, used: 50 },
    })
  })

  test('knows no inodes where there is no limit to them', () => {
    expect(parseCapacity({ ...stats, files: 0, ffree: 0 }).inodes).toBeNull()
  })

  test('of an empty file system of no size has no share', () => {
    expect(parseCapacity({ ...stats, blocks: 0, bfree: 0, bavail: 0 }).space?.usageRatio).toBeNull()
  })
})

test('the disks of this machine are found, with what statfs says of them', async () => {
  const disks = await readDisks(new Meter(), new Patience(1_000))
  expect(disks.length).toBeGreaterThan(0)
  for (const disk of disks) {
    const { blocks, frsize } = await statfs(disk.mountPoint)
    expect(disk).toMatchObject({ error: null, space: { totalBytes: blocks * frsize } })
  }
})

test('a network file system is asked in a process of its own, which says the same', async () => {
  const { frsize, blocks, files } = await statfs('/')
  expect(await statfsApart('/', new AbortController().signal)).toMatchObject({ frsize, blocks, files })
})

test('a process that nobody waits for is ended', async () => {
  const late = new AbortController()
  const answer = statfsApart('/', late.signal)
  late.abort()
  await expect(answer).rejects.toThrow('abort')
})

test('a disk that does not answer is listed without numbers, and with the reason', async () => {
  const patience = new Patience(20)
  const [first] = await readDisks(new Meter(), patience)
  const never = Promise.withResolvers<never>()
  patience.ask(first!.mountPoint, () => never.promise).catch(() => {})
  const [hung] = await readDisks(new Meter(), patience)
  expect(hung).toMatchObject({ mountPoint: first!.mountPoint, space: null, inodes: null })
  expect(hung!.error).toContain('not answered')
})

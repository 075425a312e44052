// The disks: every real file system that is mounted, how full it is, and what is read from it and written to it.

import { execFile } from 'node:child_process'
import type { StatsFs } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { promisify } from 'node:util'
import { z } from '@home-console/sdk'
import type { Meter } from './meter.ts'
import { isRemote, parseMountinfo } from './mounts.ts'
import type { Patience } from './patience.ts'
import { ratio } from './ratio.ts'
import { textOf } from './text-of.ts'

const run = promisify(execFile)

const bytesPerSecond = z.number().nullable()

export const Disk = z
  .object({
    mountPoint: z.string().openapi({ example: '/' }),
    device: z.string().nullable().openapi({ example: '/dev/mmcblk0p2' }),
    type: z.string().nullable().openapi({ example: 'ext4' }),
    readOnly: z.boolean().nullable().describe('A card that fails often shows it first by becoming this'),
    space: z
      .object({
        totalBytes: z.number(),
        usedBytes: z.number(),
        availableBytes: z.number().describe('What may still be written by those who are not root'),
        usageRatio: z
          .number()
          .min(0)
          .max(1)
          .nullable()
          .describe('Used of used and available, 0 to 1, as `df` has it'),
      })
      .nullable()
      .describe('Null when the file system does not answer; `error` says why'),
    inodes: z
      .object({ total: z.number(), used: z.number() })
      .nullable()
      .describe('How many files there may be and are; null where there is no such limit'),
    readBytesPerSecond: bytesPerSecond.describe('Read from its device since the sample before'),
    writtenBytesPerSecond: bytesPerSecond.describe('Written to its device since the sample before'),
    error: z.string().nullable().openapi({ example: 'no answer within 500 ms' }),
  })
  .openapi('Disk')

export type Disk = z.infer<typeof Disk>

/** What went through a block device since it came up. */
export interface Traffic {
  readBytes: number
  writtenBytes: number
}

/** /proc/diskstats, by `major:minor` and by name. A sector is 512 bytes there, whatever the device says. */
export function parseDiskstats(text: string): Map<string, Traffic> {
  const traffic = new Map<string, Traffic>()
  for (const line of text.split('\n')) {
    const [major, minor, name, , , sectorsRead, , , , sectorsWritten] = line.trim().split(/\s+/)
    if (!name || sectorsWritten === undefined) continue
    const entry = { readBytes: Number(sectorsRead) * 512, writtenBytes: Number(sectorsWritten) * 512 }
    traffic.set(`${major}:${minor}`, entry).set(name, entry)
  }
  return traffic
}

/** What statfs says of a file system. It counts in `frsize`: `bsize` is only the best size to read. */
export type Capacity = Pick<StatsFs, 'frsize' | 'blocks' | 'bfree' | 'bavail' | 'files' | 'ffree'>

export function parseCapacity(stats: Capacity): Pick<Disk, 'space' | 'inodes'> {
  const usedBytes = (stats.blocks - stats.bfree) * stats.frsize
  const availableBytes = stats.bavail * stats.frsize
  const usageRatio = ratio(usedBytes, usedBytes + availableBytes)
  return {
    space: { totalBytes: stats.blocks * stats.frsize, usedBytes, availableBytes, usageRatio },
    inodes: stats.files > 0 ? { total: stats.files, used: stats.files - stats.ffree } : null,
  }
}

export async function readDisks(meter: Meter, patience: Patience): Promise<Disk[]> {
  const [mountinfo, diskstats] = await Promise.all([
    textOf('/proc/self/mountinfo'),
    textOf('/proc/diskstats'),
  ])
  const at = performance.now()
  const mounts = mountinfo === null ? [elsewhere] : parseMountinfo(mountinfo)
  const traffic = parseDiskstats(diskstats ?? '')
  return Promise.all(
    mounts.map(async ({ number, ...mount }) => {
      // btrfs has a number of its own, which its device does not know: then the name tells.
      const counted = traffic.get(number) ?? traffic.get(mount.device?.replace('/dev/', '') ?? '')
      return {
        ...mount,
        ...(await readCapacity(mount, patience)),
        readBytesPerSecond: meter.perSecond(`${number} read`, counted?.readBytes ?? null, at),
        writtenBytesPerSecond: meter.perSecond(`${number} written`, counted?.writtenBytes ?? null, at),
      }
    }),
  )
}

/** All that a system without /proc is asked for. */
const elsewhere = { number: '/', mountPoint: '/', device: null, type: null, readOnly: null }

async function readCapacity({ mountPoint, type }: Pick<Disk, 'mountPoint' | 'type'>, patience: Patience) {
  try {
    const stats = await patience.ask<Capacity>(mountPoint, (late) =>
      isRemote(type) ? statfsApart(mountPoint, late) : statfs(mountPoint),
    )
    return { ...parseCapacity(stats), error: null }
  } catch (error) {
    return { space: null, inodes: null, error: (error as Error).message }
  }
}

/**
 * The same in a process of its own. When a server is away, it waits and can be killed; a thread of the Core's would wait
 * for as long as the server is away, and there are no more of them than cores.
 */
export async function statfsApart(path: string, late: AbortSignal): Promise<Capacity> {
  const { stdout } = await run('stat', ['-f', '-c', '%S %b %f %a %c %d', path], {
    signal: late,
    killSignal: 'SIGKILL',
  })
  const [frsize = 0, blocks = 0, bfree = 0, bavail = 0, files = 0, ffree = 0] = stdout.split(' ').map(Number)
  return { frsize, blocks, bfree, bavail, files, ffree }
}

// The Core itself: what its process takes of the machine.

import { z } from '@home-console/sdk'
import type { Meter } from './meter.ts'
import { namesIn } from './text-of.ts'

export const CoreProcess = z
  .object({
    memoryBytes: z.number().describe('Resident'),
    cpuUsageRatio: z
      .number()
      .nullable()
      .describe('Of one core, since the sample before; more than 1 when several of its threads work'),
    uptimeSeconds: z.number(),
    openFiles: z
      .number()
      .nullable()
      .describe('File descriptors: files, sockets and pipes; null where it is not known'),
    bunVersion: z.string(),
  })
  .openapi('CoreProcess')

export type CoreProcess = z.infer<typeof CoreProcess>

export async function readCoreProcess(meter: Meter): Promise<CoreProcess> {
  const { user, system } = process.cpuUsage()
  const cpuMicroseconds = meter.perSecond('core cpu', user + system)
  // One of them is the folder that is being read.
  const descriptors = (await namesIn('/proc/self/fd')).length - 1
  return {
    memoryBytes: process.memoryUsage.rss(),
    cpuUsageRatio: cpuMicroseconds === null ? null : Math.round(cpuMicroseconds / 100) / 10_000,
    uptimeSeconds: Math.floor(process.uptime()),
    openFiles: descriptors < 0 ? null : descriptors,
    bunVersion: Bun.version,
  }
}

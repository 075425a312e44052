// What others may know of this plugin: the one event that it emits.

import { type EventsOf, z } from '@home-console/sdk'

/** The parts of a snapshot; each has a reader of its own, which may fail alone. */
export const Part = z.enum(['cpu', 'memory', 'disks', 'network', 'temperatures', 'core'])

const ratio = z.number().min(0).max(1).nullable()
const bytes = z.number().nullable()
const perSecond = z.number().nullable()

/**
 * The machine in a few numbers, each null when it is not known. Written in zod and not in valibot because the same
 * schema also describes an answer over HTTP: what is emitted and what can be asked for are one thing.
 */
export const Sample = z
  .object({
    time: z.iso.datetime(),
    cpuUsageRatio: ratio.describe('Of all cores together, since the sample before, 0 to 1'),
    loadOneMinute: z
      .number()
      .nullable()
      .describe('Processes that ran or waited for the processor, on average'),
    memoryUsedBytes: bytes,
    memoryUsageRatio: ratio.describe('0 to 1'),
    swapUsedBytes: bytes,
    temperatureCelsius: z.number().nullable().describe('Of the hottest sensor'),
    diskUsageRatio: ratio.describe('Of the fullest disk that can be written to, 0 to 1'),
    fullestDisk: z.string().nullable().describe('Where that disk is mounted').openapi({ example: '/' }),
    diskReadBytesPerSecond: perSecond.describe('Of all disks together, since the sample before'),
    diskWrittenBytesPerSecond: perSecond.describe('Of all disks together, since the sample before'),
    networkReceivedBytesPerSecond: perSecond.describe('By the machine, since the sample before'),
    networkSentBytesPerSecond: perSecond.describe('By the machine, since the sample before'),
    coreMemoryBytes: bytes.describe('Of the Core’s process'),
    coreCpuUsageRatio: z
      .number()
      .nullable()
      .describe('Of one core, by the Core’s process; may be more than 1'),
    missing: z.array(Part).describe('The parts that could not be read'),
  })
  .openapi('Sample')

export type Sample = z.infer<typeof Sample>

export const events = { 'host.sample': Sample }

declare module '@home-console/sdk' {
  interface Events extends EventsOf<typeof events> {}
}

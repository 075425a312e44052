// A snapshot: everything that is known of the machine at one moment.

import { z } from '@home-console/sdk'
import { Part, type Sample } from './contract.ts'
import { CoreProcess, readCoreProcess } from './core-process.ts'
import { Cpu, readCpu } from './cpu.ts'
import { Disk, readDisks } from './disks.ts'
import { Memory, readMemory } from './memory.ts'
import { Meter } from './meter.ts'
import { Interface, outward, readNetwork } from './network.ts'
import { Patience } from './patience.ts'
import { Temperature, readTemperatures } from './temperatures.ts'

/** Of a schema with a name, `.nullable()` would make the component itself nullable, for all who refer to it. */
const none = z.null()

export const Snapshot = z
  .object({
    time: z.iso.datetime(),
    cpu: Cpu.or(none),
    memory: Memory.or(none),
    disks: z.array(Disk).nullable(),
    network: z.array(Interface).nullable(),
    temperatures: z.array(Temperature).nullable(),
    core: CoreProcess.or(none),
    missing: z
      .array(z.object({ part: Part, reason: z.string() }))
      .describe('The parts that are null, and why'),
  })
  .openapi('Snapshot')

export type Snapshot = z.infer<typeof Snapshot>

/** Takes snapshots, one at a time. It remembers the counters, so that the next one knows what happened since. */
export class Camera {
  readonly #meter = new Meter()
  readonly #parts = new Patience(4_000)
  readonly #disks = new Patience(500)

  /** Never rejects: a part whose reader fails or hangs is null, and is said to be missing. */
  async take(): Promise<Snapshot> {
    const time = new Date().toISOString()
    const missing: Snapshot['missing'] = []
    const part = async <Value>(
      name: z.infer<typeof Part>,
      read: () => Promise<Value>,
    ): Promise<Value | null> => {
      try {
        return await this.#parts.ask(name, read)
      } catch (error) {
        missing.push({ part: name, reason: error instanceof Error ? error.message : String(error) })
        return null
      }
    }

    this.#meter.turn()
    const [cpu, memory, disks, network, temperatures, core] = await Promise.all([
      part('cpu', () => readCpu(this.#meter)),
      part('memory', () => readMemory()),
      part('disks', () => readDisks(this.#meter, this.#disks)),
      part('network', () => readNetwork(this.#meter)),
      part('temperatures', () => readTemperatures()),
      part('core', () => readCoreProcess(this.#meter)),
    ])
    return { time, cpu, memory, disks, network, temperatures, core, missing }
  }
}

/** The same in a few numbers. */
export function summarize({
  time,
  cpu,
  memory,
  disks,
  network,
  temperatures,
  core,
  missing,
}: Snapshot): Sample {
  const outside = outward(network ?? [])
  const fullest = fullestOf(disks ?? [])
  return {
    time,
    cpuUsageRatio: cpu?.usageRatio ?? null,
    loadOneMinute: cpu?.load.oneMinute ?? null,
    memoryUsedBytes: memory?.usedBytes ?? null,
    memoryUsageRatio: memory?.usageRatio ?? null,
    swapUsedBytes: memory?.swap?.usedBytes ?? null,
    temperatureCelsius: highest(temperatures?.map((sensor) => sensor.temperatureCelsius)),
    diskUsageRatio: fullest?.space?.usageRatio ?? null,
    fullestDisk: fullest?.mountPoint ?? null,
    diskReadBytesPerSecond: sum(disks?.map((disk) => disk.readBytesPerSecond)),
    diskWrittenBytesPerSecond: sum(disks?.map((disk) => disk.writtenBytesPerSecond)),
    networkReceivedBytesPerSecond: sum(outside.map((link) => link.receivedBytesPerSecond)),
    networkSentBytesPerSecond: sum(outside.map((link) => link.sentBytesPerSecond)),
    coreMemoryBytes: core?.memoryBytes ?? null,
    coreCpuUsageRatio: core?.cpuUsageRatio ?? null,
    missing: missing.map(({ part }) => part),
  }
}

/** Of those that could still be filled; null when none is known. */
function fullestOf(disks: readonly Disk[]): Disk | null {
  const usage = ({ space }: Disk) => space?.usageRatio ?? -1
  return disks
    .filter((disk) => !disk.readOnly && usage(disk) >= 0)
    .reduce<Disk | null>((fullest, disk) => (fullest && usage(fullest) >= usage(disk) ? fullest : disk), null)
}

type Values = readonly (number | null)[] | undefined

/** Of those that are known; null when none is. */
function highest(values: Values): number | null {
  const known = values?.filter((value) => value !== null) ?? []
  return known.length === 0 ? null : Math.max(...known)
}

/** Of those that are known; null when none is. */
function sum(values: Values): number | null {
  const known = values?.filter((value) => value !== null) ?? []
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0)
}

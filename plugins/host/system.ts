// The system: which machine this is, what runs on it, and since when.

import { availableParallelism, hostname, machine, release, type, uptime } from 'node:os'
import { z } from '@home-console/sdk'
import { textOf } from './text-of.ts'

export const System = z
  .object({
    hostname: z.string(),
    board: z.string().nullable().openapi({ example: 'Raspberry Pi 4 Model B Rev 1.4' }),
    processor: z.object({
      model: z.string().nullable().openapi({ example: 'ARM Cortex-A72' }),
      cores: z.number().describe('How many the Core may use'),
    }),
    os: z.string().openapi({ example: 'Debian GNU/Linux 12 (bookworm)' }),
    kernel: z.string().openapi({ example: 'Linux 6.12.25+rpt-rpi-v8' }),
    architecture: z.string().openapi({ example: 'aarch64' }),
    bootedAt: z.iso.datetime(),
    uptimeSeconds: z.number(),
  })
  .openapi('System')

export type System = z.infer<typeof System>

/** ARM's processors by their part number: the kernel tells no more. Those of the boards that people have at home. */
const armParts: Readonly<Record<string, string>> = {
  '0xd03': 'ARM Cortex-A53',
  '0xd04': 'ARM Cortex-A35',
  '0xd05': 'ARM Cortex-A55',
  '0xd08': 'ARM Cortex-A72',
  '0xd09': 'ARM Cortex-A73',
  '0xd0b': 'ARM Cortex-A76',
}

/** The processor's name in /proc/cpuinfo; of several kinds of cores all, as in `ARM Cortex-A55, ARM Cortex-A76`. */
export function parseCpuinfo(text: string): string | null {
  const named = text.matchAll(/^model name[ \t]*:[ \t]*(\S.*)$/gm)
  const parts = text.matchAll(
    /^CPU implementer[ \t]*:[ \t]*0x41\n(?:CPU .*\n)*?CPU part[ \t]*:[ \t]*(\S+)$/gm,
  )
  const models = new Set(Array.from(named, ([, name = '']) => name.trim()))
  if (models.size === 0) for (const [, part = ''] of parts) models.add(armParts[part] ?? `ARM part ${part}`)
  return models.size === 0 ? null : [...models].join(', ')
}

/** The name in /etc/os-release: https://www.freedesktop.org/software/systemd/man/latest/os-release.html */
export function parseOsRelease(text: string): string | null {
  const value = /^PRETTY_NAME=(.+)$/m.exec(text)?.[1]?.trim()
  return value?.replace(/^(["'])(.*)\1$/, '$2').replace(/\\(.)/g, '$1') || null
}

/** What a PC's makers wrote into its firmware; those who build their own often find a placeholder there. */
export function parseDmi(vendor: string | null, product: string | null): string | null {
  const words = [vendor, product].filter(
    (text) => text && !/^(to be filled|system |default string|o\.e\.m)/i.test(text),
  )
  return words.join(' ') || null
}

/** The second at which /proc/stat says that the kernel began. */
export function parseBootTime(text: string): Date | null {
  const seconds = /^btime (\d+)$/m.exec(text)?.[1]
  return seconds === undefined ? null : new Date(Number(seconds) * 1_000)
}

export async function readSystem(): Promise<System> {
  const [model, vendor, product, cpuinfo, stat, osRelease] = await Promise.all([
    textOf('/proc/device-tree/model'),
    textOf('/sys/class/dmi/id/sys_vendor'),
    textOf('/sys/class/dmi/id/product_name'),
    textOf('/proc/cpuinfo'),
    textOf('/proc/stat'),
    textOf('/etc/os-release'),
  ])
  const uptimeSeconds = Math.floor(uptime())
  const bootedAt = parseBootTime(stat ?? '') ?? new Date(Date.now() - uptime() * 1_000)
  return {
    hostname: hostname(),
    // The device tree ends its strings as C does.
    board: model?.replaceAll('\0', '') || parseDmi(vendor, product),
    processor: { model: parseCpuinfo(cpuinfo ?? ''), cores: availableParallelism() },
    os: parseOsRelease(osRelease ?? '') ?? type(),
    kernel: `${type()} ${release()}`,
    architecture: machine(),
    bootedAt: bootedAt.toISOString(),
    uptimeSeconds,
  }
}

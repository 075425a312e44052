// The network: each interface, its addresses, and what comes in and goes out through it.

import { readlink } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { z } from '@home-console/sdk'
import type { Meter } from './meter.ts'
import { textOf } from './text-of.ts'

/** Of RFC 2863, as the kernel writes them. */
const states = ['up', 'down', 'dormant', 'testing', 'lowerlayerdown', 'notpresent', 'unknown'] as const

const Counted = z.object({
  bytes: z.number(),
  packets: z.number(),
  errors: z.number(),
  dropped: z.number(),
})

export const Interface = z
  .object({
    name: z.string().openapi({ example: 'eth0' }),
    kind: z
      .enum(['hardware', 'virtual', 'loopback'])
      .nullable()
      .describe('Virtual ones (bridges, tunnels, containers) count again what goes through the hardware'),
    state: z.enum(states).describe('`unknown` is what interfaces say that are always up'),
    macAddress: z.string().nullable(),
    addresses: z.array(z.string()).openapi({ example: ['192.168.1.10/24', 'fd00::10/64'] }),
    speedBitsPerSecond: z.number().nullable().describe('What the link was negotiated to; null without one'),
    received: Counted.nullable().describe('Since the interface came up'),
    sent: Counted.nullable().describe('Since the interface came up'),
    receivedBytesPerSecond: z.number().nullable().describe('Since the sample before'),
    sentBytesPerSecond: z.number().nullable().describe('Since the sample before'),
  })
  .openapi('Interface')

export type Interface = z.infer<typeof Interface>

/** The counters of /proc/net/dev, by the interface's name. */
export function parseNetDev(text: string): Map<string, Pick<Interface, 'received' | 'sent'>> {
  const interfaces = new Map<string, Pick<Interface, 'received' | 'sent'>>()
  // Nothing but digits follows the name's colon, sometimes without a space; an alias has a colon in its name too.
  for (const [, name = '', columns = ''] of text.matchAll(/^[ \t]*(\S+):[ \t]*(\d[\d \t]*)$/gm)) {
    const counters = columns.trim().split(/\s+/).map(Number)
    interfaces.set(name, { received: counted(counters.slice(0, 8)), sent: counted(counters.slice(8, 16)) })
  }
  return interfaces
}

function counted([bytes, packets, errors, dropped]: number[]) {
  return bytes === undefined || packets === undefined || errors === undefined || dropped === undefined
    ? null
    : { bytes, packets, errors, dropped }
}

/** /sys/class/net/…/operstate. */
export function parseState(text: string | null): Interface['state'] {
  return states.find((state) => state === text) ?? 'unknown'
}

/** /sys/class/net/…/speed: Mbit/s, and -1 where there is no link. */
export function parseSpeed(text: string | null): number | null {
  return Number(text) > 0 ? Number(text) * 1_000_000 : null
}

export async function readNetwork(meter: Meter): Promise<Interface[]> {
  const addressed = networkInterfaces()
  const counters = parseNetDev((await textOf('/proc/net/dev')) ?? '')
  const at = performance.now()
  const names = new Set([...counters.keys(), ...Object.keys(addressed)])
  return Promise.all(
    Array.from(names, async (name) => {
      const addresses = addressed[name] ?? []
      const { received = null, sent = null } = counters.get(name) ?? {}
      return {
        name,
        ...(await readLink(name)),
        macAddress: addresses.find(({ mac }) => mac !== '00:00:00:00:00:00')?.mac ?? null,
        addresses: addresses.map(({ address, cidr }) => cidr ?? address),
        received,
        sent,
        receivedBytesPerSecond: meter.perSecond(`${name} received`, received?.bytes ?? null, at),
        sentBytesPerSecond: meter.perSecond(`${name} sent`, sent?.bytes ?? null, at),
      }
    }),
  )
}

/** What /sys knows of an interface. */
async function readLink(name: string): Promise<Pick<Interface, 'kind' | 'state' | 'speedBitsPerSecond'>> {
  const folder = `/sys/class/net/${name}`
  const [device, state, speed] = await Promise.all([
    readlink(folder).catch(() => null),
    textOf(`${folder}/operstate`),
    textOf(`${folder}/speed`),
  ])
  return { kind: kindOf(name, device), state: parseState(state), speedBitsPerSecond: parseSpeed(speed) }
}

/** @param device where the interface's folder leads, which is under `virtual` for those without hardware */
export function kindOf(name: string, device: string | null): Interface['kind'] {
  if (/^lo\d*$/.test(name)) return 'loopback'
  if (device === null) return null
  return device.includes('/virtual/') ? 'virtual' : 'hardware'
}

/** What goes in and out of the machine. In a container no interface is hardware: then it is all but the loopback. */
export function outward(interfaces: readonly Interface[]): Interface[] {
  const hardware = interfaces.filter(({ kind }) => kind === 'hardware')
  return hardware.length > 0 ? hardware : interfaces.filter(({ kind }) => kind !== 'loopback')
}

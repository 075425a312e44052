// Memory and swap: how much there is, and how much of it is spoken for.

import { freemem, totalmem } from 'node:os'
import { z } from '@home-console/sdk'
import { ratio } from './ratio.ts'
import { textOf } from './text-of.ts'

export const Memory = z
  .object({
    totalBytes: z.number(),
    availableBytes: z
      .number()
      .describe('What programs could still get: free, and caches that would make way'),
    usedBytes: z.number().describe('What is not available'),
    usageRatio: z.number().min(0).max(1).nullable().describe('Used of total, 0 to 1'),
    swap: z
      .object({ totalBytes: z.number(), usedBytes: z.number() })
      .nullable()
      .describe('Null where it is not known; a total of 0 where there is none'),
  })
  .openapi('Memory')

export type Memory = z.infer<typeof Memory>

/** @throws Error when the text does not say how much memory there is */
export function parseMeminfo(text: string): Memory {
  const fields = new Map(
    Array.from(text.matchAll(/^([^:\s]+):\s*(\d+) kB$/gm), ([, name = '', kibibytes]) => [
      name,
      Number(kibibytes) * 1_024,
    ]),
  )
  const bytes = (name: string) => fields.get(name) ?? 0
  const total = bytes('MemTotal')
  if (total === 0) throw new Error('/proc/meminfo has no MemTotal')
  // Old kernels and some containers do not say what is available; this is what `free` took for it before they did.
  const guess = bytes('MemFree') + bytes('Buffers') + bytes('Cached') + bytes('SReclaimable')
  const swap = fields.get('SwapTotal')
  return memory(total, fields.get('MemAvailable') ?? guess, {
    swap: swap === undefined ? null : { totalBytes: swap, usedBytes: Math.max(swap - bytes('SwapFree'), 0) },
  })
}

export async function readMemory(): Promise<Memory> {
  const text = await textOf('/proc/meminfo')
  return text === null ? memory(totalmem(), freemem(), { swap: null }) : parseMeminfo(text)
}

function memory(totalBytes: number, available: number, rest: Pick<Memory, 'swap'>): Memory {
  const availableBytes = Math.min(available, totalBytes)
  const usedBytes = totalBytes - availableBytes
  return { totalBytes, availableBytes, usedBytes, usageRatio: ratio(usedBytes, totalBytes), ...rest }
}

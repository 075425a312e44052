// The processor: how busy it is, and how fast it runs.

import { cpus, loadavg } from 'node:os'
import { z } from '@home-console/sdk'
import type { Meter } from './meter.ts'
import { ratio } from './ratio.ts'
import { namesIn, textOf } from './text-of.ts'

const usageRatio = z
  .number()
  .min(0)
  .max(1)
  .nullable()
  .describe(
    'Share of the time since the sample before that was spent working, 0 to 1; null in the first sample',
  )

export const Cpu = z
  .object({
    usageRatio,
    cores: z.array(z.object({ name: z.string().openapi({ example: 'cpu0' }), usageRatio })),
    load: z
      .object({ oneMinute: z.number(), fiveMinutes: z.number(), fifteenMinutes: z.number() })
      .describe('How many processes were running or waiting for it, on average'),
    frequencyHertz: z.number().nullable().describe('Of the core that runs fastest just now'),
  })
  .openapi('Cpu')

export type Cpu = z.infer<typeof Cpu>

/** What a core did since it started. Only differences and shares of these mean anything. */
export interface CoreTimes {
  /** `cpu` is all of them together. */
  name: string
  busy: number
  total: number
}

/** The `cpu` lines of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal. Guests are part of user. */
export function parseStat(text: string): CoreTimes[] {
  return Array.from(text.matchAll(/^(cpu\d*)[ \t]+(\d[\d \t]*)$/gm), ([, name = '', columns = '']) => {
    const times = columns.trim().split(/\s+/).slice(0, 8).map(Number)
    const total = times.reduce((sum, time) => sum + time, 0)
    const [, , , idle = 0, waiting = 0] = times
    return { name, busy: total - idle - waiting, total }
  })
}

/** The hertz of the fastest of several `scaling_cur_freq`, which are in kHz. */
export function parseFrequencies(texts: readonly (string | null)[]): number | null {
  const hertz = texts.map((text) => Number(text) * 1_000).filter((value) => value > 0)
  return hertz.length === 0 ? null : Math.max(...hertz)
}

export async function readCpu(meter: Meter): Promise<Cpu> {
  const stat = await textOf('/proc/stat')
  const [all, ...cores] = (stat === null ? timesElsewhere() : parseStat(stat)).map(
    ({ name, busy, total }) => ({
      name,
      usageRatio: ratio(meter.growth(`${name} busy`, busy), meter.growth(`${name} total`, total)),
    }),
  )
  const [oneMinute = 0, fiveMinutes = 0, fifteenMinutes = 0] = loadavg()
  return {
    usageRatio: all?.usageRatio ?? null,
    cores,
    load: { oneMinute, fiveMinutes, fifteenMinutes },
    frequencyHertz: await readFrequency(),
  }
}

/** Cores that change their speed together share a policy: one file for all of a Raspberry Pi. */
async function readFrequency(): Promise<number | null> {
  const folder = '/sys/devices/system/cpu/cpufreq'
  const policies = (await namesIn(folder)).filter((name) => name.startsWith('policy'))
  return parseFrequencies(
    await Promise.all(policies.map((name) => textOf(`${folder}/${name}/scaling_cur_freq`))),
  )
}

/** The same times from a system without /proc. */
function timesElsewhere(): CoreTimes[] {
  const cores = cpus().map(({ times }, index) => {
    const total = Object.values(times).reduce((sum, time) => sum + time, 0)
    return { name: `cpu${index}`, busy: total - times.idle, total }
  })
  const sum = (of: 'busy' | 'total') => cores.reduce((all, core) => all + core[of], 0)
  return [{ name: 'cpu', busy: sum('busy'), total: sum('total') }, ...cores]
}

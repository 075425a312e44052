// What is looked at in a sample of the machine, and from where on it is wrong.

import type { Sample } from '../host/contract.ts'
import type { Condition } from './contract.ts'

export interface Rule {
  readonly name: string
  readonly title: string
  readonly priority: Condition['priority']
  /** Null when it is not known. */
  value(sample: Sample): number | null
  /** It is wrong from here on, and right again only from there: what lies between changes nothing. */
  readonly raiseAt: number
  readonly clearAt: number
  /** For how long it must be so before it is believed. */
  readonly holdMs: number
  message(sample: Sample): string
}

const MINUTE = 60_000

const percent = (ratio: number | null) => (ratio === null ? 'nearly all' : `${Math.floor(ratio * 100)} %`)
const diskMessage = ({ fullestDisk, diskUsageRatio }: Sample) =>
  `Of ${fullestDisk ?? 'a disk'}, ${percent(diskUsageRatio)} is used.`

export const rules: readonly Rule[] = [
  {
    name: 'disk.filling',
    title: 'A disk is filling up',
    priority: 'high',
    value: (sample) => sample.diskUsageRatio,
    raiseAt: 0.9,
    clearAt: 0.85,
    holdMs: MINUTE,
    message: diskMessage,
  },
  {
    name: 'disk.full',
    title: 'A disk is full',
    priority: 'urgent',
    value: (sample) => sample.diskUsageRatio,
    raiseAt: 0.97,
    clearAt: 0.95,
    holdMs: MINUTE / 2,
    message: diskMessage,
  },
  {
    name: 'memory',
    title: 'Memory is running out',
    priority: 'high',
    value: (sample) => sample.memoryUsageRatio,
    raiseAt: 0.93,
    clearAt: 0.85,
    holdMs: 2 * MINUTE,
    message: ({ memoryUsageRatio }) => `${percent(memoryUsageRatio)} of the memory is used.`,
  },
  {
    name: 'temperature',
    title: 'The machine is too hot',
    priority: 'high',
    value: (sample) => sample.temperatureCelsius,
    // A Raspberry Pi slows itself down from 80 °C on.
    raiseAt: 80,
    clearAt: 70,
    holdMs: MINUTE,
    message: ({ temperatureCelsius }) => `It is at ${temperatureCelsius?.toFixed(0)} °C.`,
  },
]

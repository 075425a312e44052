// What of a sample is a number, and so can be counted together over time.

import { z } from '@home-console/sdk'

export const metrics = [
  'cpuUsageRatio',
  'loadOneMinute',
  'memoryUsedBytes',
  'memoryUsageRatio',
  'swapUsedBytes',
  'temperatureCelsius',
  'diskUsageRatio',
  'diskReadBytesPerSecond',
  'diskWrittenBytesPerSecond',
  'networkReceivedBytesPerSecond',
  'networkSentBytesPerSecond',
  'coreMemoryBytes',
  'coreCpuUsageRatio',
] as const

export const Metric = z.enum(metrics)

export type Metric = z.infer<typeof Metric>

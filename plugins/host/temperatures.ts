// The temperatures: every sensor that the kernel knows.

import { z } from '@home-console/sdk'
import { namesIn, textOf } from './text-of.ts'

export const Temperature = z
  .object({
    sensor: z.string().openapi({ example: 'cpu_thermal' }),
    label: z.string().nullable().openapi({ example: 'Package id 0' }),
    temperatureCelsius: z.number(),
  })
  .openapi('Temperature')

export type Temperature = z.infer<typeof Temperature>

/** Asking a hard disk for its temperature keeps some from ever spinning down. */
const wakeful = new Set(['drivetemp'])

/** Thousandths of a degree as /sys writes them. Null for what only an input with nothing connected to it would say. */
export function parseMillidegrees(text: string | null): number | null {
  if (text === null || !/^-?\d+$/.test(text)) return null
  const celsius = Number(text) / 1_000
  return celsius > -60 && celsius < 150 ? celsius : null
}

/**
 * The sensors under /sys/class, one after the other: some are slow, and none is worth a second thread.
 * @param root where that folder is
 */
export async function readTemperatures(root = '/sys/class'): Promise<Temperature[]> {
  const chips = await readChips(`${root}/hwmon`)
  // The kernel shows most thermal zones a second time as a chip of the same name, with `_` for `-`.
  const known = new Set(chips.map(({ sensor }) => sensor))
  const zones = await readZones(`${root}/thermal`)
  return [...chips, ...zones.filter(({ sensor }) => !known.has(sensor.replaceAll('-', '_')))]
}

/** https://www.kernel.org/doc/html/latest/hwmon/sysfs-interface.html */
async function readChips(folder: string): Promise<Temperature[]> {
  const temperatures: Temperature[] = []
  for (const chip of await namesIn(folder)) {
    const sensor = (await textOf(`${folder}/${chip}/name`)) ?? chip
    if (wakeful.has(sensor)) continue
    for (const file of await namesIn(`${folder}/${chip}`)) {
      const input = /^(temp\d+)_input$/.exec(file)?.[1]
      const temperatureCelsius = input ? parseMillidegrees(await textOf(`${folder}/${chip}/${file}`)) : null
      if (temperatureCelsius === null) continue
      temperatures.push({
        sensor,
        label: await textOf(`${folder}/${chip}/${input}_label`),
        temperatureCelsius,
      })
    }
  }
  return temperatures
}

/** https://www.kernel.org/doc/html/latest/driver-api/thermal/sysfs-api.html */
async function readZones(folder: string): Promise<Temperature[]> {
  const temperatures: Temperature[] = []
  for (const zone of await namesIn(folder)) {
    if (!zone.startsWith('thermal_zone')) continue
    const temperatureCelsius = parseMillidegrees(await textOf(`${folder}/${zone}/temp`))
    if (temperatureCelsius === null) continue
    temperatures.push({
      sensor: (await textOf(`${folder}/${zone}/type`)) ?? zone,
      label: null,
      temperatureCelsius,
    })
  }
  return temperatures
}

import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseMillidegrees, readTemperatures } from './temperatures.ts'

describe('the sensors', () => {
  let root: string

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'sensors-'))
  })
  afterEach(() => rm(root, { recursive: true }))

  const write = async (files: Record<string, string>) => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), `${text}\n`)
    }
  }

  test('of a Raspberry Pi are told once, though the kernel shows its processor twice', async () => {
    await write({
      'thermal/thermal_zone0/type': 'cpu-thermal',
      'thermal/thermal_zone0/temp': '48686',
      'thermal/cooling_device0/type': 'gpio-fan',
      'hwmon/hwmon0/name': 'cpu_thermal',
      'hwmon/hwmon0/temp1_input': '48199',
      'hwmon/hwmon1/name': 'rpi_volt',
      'hwmon/hwmon1/in0_lcrit_alarm': '0',
    })
    expect(await readTemperatures(root)).toEqual([
      { sensor: 'cpu_thermal', label: null, temperatureCelsius: 48.199 },
    ])
  })

  test('of a PC have labels, and come in their natural order', async () => {
    await write({
      'hwmon/hwmon10/name': 'nvme',
      'hwmon/hwmon10/temp1_input': '38850',
      'hwmon/hwmon10/temp1_label': 'Composite',
      'hwmon/hwmon2/name': 'coretemp',
      'hwmon/hwmon2/temp1_input': '51000',
      'hwmon/hwmon2/temp1_label': 'Package id 0',
      'hwmon/hwmon2/temp1_max': '100000',
      'hwmon/hwmon2/temp10_input': '49000',
      'hwmon/hwmon2/temp2_input': '50000',
    })
    expect(await readTemperatures(root)).toEqual([
      { sensor: 'coretemp', label: 'Package id 0', temperatureCelsius: 51 },
      { sensor: 'coretemp', label: null, temperatureCelsius: 50 },
      { sensor: 'coretemp', label: null, temperatureCelsius: 49 },
      { sensor: 'nvme', label: 'Composite', temperatureCelsius: 38.85 },
    ])
  })

  test('of a board without chips are its thermal zones', async () => {
    await write({ 'thermal/thermal_zone1/type': 'soc-thermal', 'thermal/thermal_zone1/temp': '41000' })
    expect(await readTemperatures(root)).toEqual([
      { sensor: 'soc-thermal', label: null, temperatureCelsius: 41 },
    ])
  })

  test('that say nothing sensible are left out', async () => {
    await write({
      'hwmon/hwmon0/name': 'nct6775',
      'hwmon/hwmon0/temp1_input': '-128000',
      'hwmon/hwmon0/temp2_input': '',
      'hwmon/hwmon0/temp3_input': '31000',
      'thermal/thermal_zone0/type': 'iwlwifi_1',
    })
    expect((await readTemperatures(root)).map(({ temperatureCelsius }) => temperatureCelsius)).toEqual([31])
  })

  test('of hard disks are not asked, so that they can sleep', async () => {
    await write({ 'hwmon/hwmon0/name': 'drivetemp', 'hwmon/hwmon0/temp1_input': '33000' })
    expect(await readTemperatures(root)).toEqual([])
  })

  test('of a virtual machine are none', async () => {
    expect(await readTemperatures(join(root, 'nothing'))).toEqual([])
  })
})

test('only whole thousandths of a degree within reason are a temperature', () => {
  const texts = ['0', '-5000', '104999', '150000', '-60000', '4.5', 'N/A', '', null]
  expect(texts.map(parseMillidegrees)).toEqual([0, -5, 104.999, null, null, null, null, null, null])
})

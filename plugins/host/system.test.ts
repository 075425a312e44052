import { describe, expect, test } from 'bun:test'
import { parseBootTime, parseCpuinfo, parseDmi, parseOsRelease, readSystem } from './system.ts'

const core = (number: number) =>
  `processor\t: ${number}\nmodel\t\t: 207\nmodel name\t: Intel(R) N100\ncpu MHz\t\t: 800.000\n\n`

const arm = (part: string) => `processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: ${part}
CPU revision\t: 3

`

describe('/proc/cpuinfo', () => {
  test('of a PC names the processor once for all its cores', () => {
    expect(parseCpuinfo(core(0) + core(1))).toBe('Intel(R) N100')
  })

  test('of a Raspberry Pi gives a part number, for which there is a name', () => {
    expect(
      parseCpuinfo(
        `${arm('0xd08')}${arm('0xd08')}Revision\t: c03114\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n`,
      ),
    ).toBe('ARM Cortex-A72')
  })

  test('of a board with two kinds of cores gives both', () => {
    expect(parseCpuinfo(arm('0xd05') + arm('0xd0b'))).toBe('ARM Cortex-A55, ARM Cortex-A76')
  })

  test('of a processor that has no name here gives its number, and of another maker nothing', () => {
    expect(parseCpuinfo(arm('0xd99'))).toBe('ARM part 0xd99')
    expect(parseCpuinfo(arm('0xd08').replace('0x41', '0x61'))).toBeNull()
    expect(parseCpuinfo('')).toBeNull()
  })
})

test('the name of the system may be quoted, in either way or not at all', () => {
  expect(parseOsRelease('ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')).toBe(
    'Debian GNU/Linux 12 (bookworm)',
  )
  expect(parseOsRelease("PRETTY_NAME='Tiny \\$ Linux'\n")).toBe('Tiny $ Linux')
  expect(parseOsRelease('PRETTY_NAME=Void\n')).toBe('Void')
  expect(parseOsRelease('PRETTY_NAME=""\nNAME=x\n')).toBeNull()
  expect(parseOsRelease('')).toBeNull()
})

test('a board is named by its makers, unless they left a placeholder', () => {
  expect(parseDmi('Intel(R) Client Systems', 'NUC11ATKC4')).toBe('Intel(R) Client Systems NUC11ATKC4')
  expect(parseDmi('To Be Filled By O.E.M.', 'System Product Name')).toBeNull()
  expect(parseDmi(null, null)).toBeNull()
})

test('the time of boot is read to the second', () => {
  expect(parseBootTime('ctxt 1\nbtime 1767225600\nprocesses 2\n')).toEqual(new Date('2026-01-01T00:00:00Z'))
  expect(parseBootTime('cpu 1 2 3 4\n')).toBeNull()
})

test('this machine has been up for as long as it was booted ago', async () => {
  const { bootedAt, uptimeSeconds } = await readSystem()
  expect(Math.abs(Date.parse(bootedAt) + uptimeSeconds * 1_000 - Date.now())).toBeLessThan(5_000)
})

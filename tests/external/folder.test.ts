// What else may lie in EXTERNAL_DIR, or be the matter with it: the house starts all the same.

import { afterEach, expect, test } from 'bun:test'
import {
  mkdtempSync,
  realpathSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  mkdirSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'
import { CoreProcess } from '../faults/core-process.ts'
import { manifest } from './kit.ts'

let house: TestHouse | undefined
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'home-console-')))
afterEach(async () => {
  await house?.stop()
  rmSync(folder, { recursive: true, force: true })
})

test('files, broken links and folders without a service.json are passed over; a name that none can have is refused', async () => {
  mkdirSync(join(folder, 'empty'), { recursive: true })
  mkdirSync(join(folder, 'Loud'), { recursive: true })
  mkdirSync(join(folder, 'odd/service.json'), { recursive: true })
  mkdirSync(join(folder, 'clients'), { recursive: true })
  writeFileSync(join(folder, 'README.md'), '')
  writeFileSync(join(folder, 'readme'), '')
  writeFileSync(join(folder, 'Loud/service.json'), manifest())
  writeFileSync(join(folder, 'clients/service.json'), manifest())
  symlinkSync('/nowhere/at/all', join(folder, 'link'))
  house = await startTestHouse({ config: { externalDir: folder } })
  expect(house.runtime.external.names).toEqual(['clients'])
  const why = 'name: must be that of its folder, "Loud", and is "clients".'
  expect(house.runtime.external.refused).toEqual([{ name: 'Loud', fault: why }])
  expect(house.logs.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
    `The external service "Loud" is refused: ${join(folder, 'Loud/service.json')}: ${why}`,
  ])
})

test('a pipe, a device or a heap of data in the place of a service.json holds up nobody', async () => {
  for (const name of ['pipe', 'device', 'heap', 'clients']) mkdirSync(join(folder, name), { recursive: true })
  expect(Bun.spawnSync(['mkfifo', join(folder, 'pipe/service.json')]).exitCode).toBe(0)
  symlinkSync('/dev/zero', join(folder, 'device/service.json'))
  writeFileSync(join(folder, 'heap/service.json'), '')
  truncateSync(join(folder, 'heap/service.json'), 8 * 1024 ** 3)
  writeFileSync(join(folder, 'clients/service.json'), manifest())
  await using core = await CoreProcess.start({}, { EXTERNAL_DIR: folder })
  expect(core.logs.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
    expect.stringMatching(/"heap" is refused: .* It has more than 65536 characters\./),
  ])
}, 20_000)

test('EXTERNAL_DIR that is a file holds no services', async () => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'file'), '')
  house = await startTestHouse({ config: { externalDir: join(folder, 'file') } })
  expect(house.runtime.external.names).toEqual([])
})

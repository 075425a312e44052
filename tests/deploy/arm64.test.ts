// The Core on the processor of a Raspberry Pi.

import { expect, test } from 'bun:test'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CoreProcess } from '../faults/core-process.ts'
import { until } from '../until.ts'
import { arm64Bun } from './arm64-bun.ts'

/** Of an emulator on a busy machine; alone it takes four seconds. */
const PATIENCE_MS = 60_000
const repository = join(import.meta.dir, '../..')
const SAMPLES = ['hello', 'host', 'sun', 'notify', 'watchdog']

const folder = mkdtempSync(join(tmpdir(), 'home-console-arm64-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

/** @returns the folder of plugins, a copy that may be changed */
function copyOfSamples(): string {
  const plugins = join(folder, 'plugins')
  const filter = (path: string) => !path.endsWith('.test.ts')
  for (const id of SAMPLES)
    cpSync(join(repository, 'plugins', id), join(plugins, id), { recursive: true, filter })
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'))
  return plugins
}

test(
  'on a Raspberry Pi the Core comes up with its sample plugins, swaps one that is saved, and stops',
  async () => {
    const plugins = copyOfSamples()
    // How long an emulator takes for a turn of the loop says nothing.
    const environment = { PLUGINS_DIR: plugins, BLOCKED_LOOP_MS: '0' }
    const bun = { command: await arm64Bun(), startMs: PATIENCE_MS }
    await using core = await CoreProcess.start({}, environment, { bun })

    const health = await (await core.request('/health')).json()
    const counts = { active: SAMPLES.length, waiting: 0, failed: 0, disabled: 0 }
    expect(health).toMatchObject({ status: 'ok', plugins: counts })
    // Through what is native: SQLite, the disks, the addresses of the network.
    const now = (await (await core.request('/api/plugins/host/now')).json()) as { memory: unknown }
    expect(now).toHaveProperty('memory')

    const greeting = async () => (await core.request('/api/plugins/hello/greetings/Ada')).text()
    expect(await greeting()).toContain('Hello, Ada!')
    const file = join(plugins, 'hello/index.ts')
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('Hello, $', 'Good morning, $'))
    await until('the new greeting', async () => (await greeting()).includes('Good morning, Ada!'), 20_000)

    expect(await core.stop()).toBe(0)
  },
  2 * PATIENCE_MS,
)

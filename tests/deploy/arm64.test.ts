// The house on the processor of a Raspberry Pi: the Core with all its sample plugins, and a service beside it.

import { expect, test } from 'bun:test'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../processes.ts'
import { CoreProcess } from '../faults/core-process.ts'
import { until } from '../until.ts'
import { arm64Bun } from './arm64-bun.ts'

/** Of an emulator on a busy machine; alone it takes some ten seconds. */
const PATIENCE_MS = 60_000
const CREDENTIAL = 'a-credential-of-this-test-only'
const repository = join(import.meta.dir, '../..')
const SAMPLES = readdirSync(join(repository, 'plugins'))

const folder = mkdtempSync(join(tmpdir(), 'home-console-arm64-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

/** @returns the folder of plugins, a copy that may be changed */
function copyOfSamples(): string {
  const plugins = join(folder, 'plugins')
  const filter = (path: string) => !path.endsWith('.test.ts')
  cpSync(join(repository, 'plugins'), plugins, { recursive: true, filter })
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'))
  return plugins
}

/** Not by the Core: the emulator's Bun is no program that this machine could start by itself. */
function startService(bun: readonly string[], port: number): Bun.Subprocess {
  return Bun.spawn([...bun, 'main.ts'], {
    cwd: join(repository, 'external/client-manager-service'),
    env: {
      HOST: '127.0.0.1',
      PORT: String(port),
      DATA_DIR: join(folder, 'service'),
      HOME_CONSOLE_CREDENTIAL: CREDENTIAL,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

test(
  'on a Raspberry Pi the Core comes up with its sample plugins and a service, swaps what is saved, and stops',
  async () => {
    const command = await arm64Bun()
    const plugins = copyOfSamples()
    const port = freePort()
    await using service = startService(command, port)
    const environment = {
      PLUGINS_DIR: plugins,
      EXTERNAL_DIR: join(repository, 'external'),
      EXTERNAL_CLIENT_MANAGER_SERVICE__URL: `http://127.0.0.1:${port}`,
      EXTERNAL_CLIENT_MANAGER_SERVICE__CREDENTIAL: CREDENTIAL,
      // How long an emulator takes for a turn of the loop says nothing.
      BLOCKED_LOOP_MS: '0',
    }
    await using core = await CoreProcess.start({}, environment, { bun: { command, startMs: PATIENCE_MS } })

    const health = await (await core.request('/health')).json()
    const counts = { active: SAMPLES.length, waiting: 0, failed: 0, disabled: 0 }
    expect(health).toMatchObject({ status: 'ok', plugins: counts })
    // Through what is native: SQLite, the disks, the addresses of the network.
    const now = (await (await core.request('/api/plugins/host/now')).json()) as { memory: unknown }
    expect(now).toHaveProperty('memory')
    const policy = () => core.request('/api/plugins/client-manager/policy')
    await until('an answer through the proxy', async () => (await policy()).ok, 20_000)

    const greeting = async () => (await core.request('/api/plugins/hello/greetings/Ada')).text()
    expect(await greeting()).toContain('Hello, Ada!')
    const file = join(plugins, 'hello/index.ts')
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('Hello, $', 'Good morning, $'))
    await until('the new greeting', async () => (await greeting()).includes('Good morning, Ada!'), 20_000)

    expect(await core.stop()).toBe(0)
    service.kill('SIGTERM')
    expect(await service.exited).toBe(0)
  },
  3 * PATIENCE_MS,
)

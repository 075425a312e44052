// docs/home-console.service for real, under a systemd that was booted for it. See scripts/check-deployment.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../processes.ts'
import { until } from '../until.ts'
import { adaptersOf, ask, repository, run, shelf, textOf, writeLamp } from './check.ts'

const START_MS = 30_000
const port = freePort()
const url = `http://127.0.0.1:${port}`
const machine = join(shelf(), `machine-${port}`)
const house = join(machine, 'opt/home-console')
const CODE = [
  'core',
  'plugins',
  'external',
  'drizzle',
  'package.json',
  'bun.lock',
  'bunfig.toml',
  'tsconfig.json',
]

let nspawn: Bun.Subprocess
/** The systemd in there, as this machine counts. */
let init: number

const inside = (...command: string[]) => run('nsenter', '--target', String(init), '--all', ...command)
const systemctl = (...words: string[]) => inside('systemctl', ...words)
const property = (name: string) => systemctl('show', 'home-console', '--value', '--property', name)
const isUp = () => until('the house', async () => (await textOf(`${url}/health`))?.includes('"ok"'), START_MS)
const statusOf = async (pid: string) => inside('cat', `/proc/${pid}/status`)

/** As README says it, on a machine that is new. */
beforeAll(async () => {
  await run('cp', '--archive', join(shelf(), 'debian'), machine)
  for (const name of CODE) cpSync(join(repository, name), join(house, name), { recursive: true })
  writeLamp(join(house, 'plugins'), 'one')
  await run(process.execPath, 'install', '--cwd', house, '--frozen-lockfile', '--production', '--no-progress')
  await run('chroot', machine, 'useradd', '--system', 'home-console')
  const units = join(machine, 'etc/systemd/system')
  cpSync(join(repository, 'docs/home-console.service'), join(units, 'home-console.service'))
  await run('chroot', machine, 'systemctl', 'enable', 'home-console')
  // The network is this machine's, so the port is none that it may have in use.
  mkdirSync(join(units, 'home-console.service.d'))
  writeFileSync(join(units, 'home-console.service.d/port.conf'), `[Service]\nEnvironment=PORT=${port}\n`)

  // Where no systemd runs, there is none to sign on with.
  const alone = existsSync('/run/systemd/system') ? [] : ['--register=no', '--keep-unit']
  const command = ['systemd-nspawn', ...alone, '--quiet', '--directory', machine, '--console=pipe', '--boot']
  nspawn = Bun.spawn(command, { stdio: ['ignore', 'ignore', 'ignore'] })
  await isUp()
  init = Number(readFileSync(`/proc/${nspawn.pid}/task/${nspawn.pid}/children`, 'utf8').trim().split(' ')[0])
}, 120_000)

afterAll(async () => {
  // Powers off what it booted.
  nspawn.kill('SIGTERM')
  await nspawn.exited
  rmSync(machine, { recursive: true })
}, 60_000)

test('systemd hears that it is up, and how many plugins there are', async () => {
  // It answers before all plugins are loaded, and is up when they are.
  await until('systemd to hear', async () => (await property('ActiveState')) === 'active', START_MS)
  expect(await property('StatusText')).toMatch(/^\d+ plugins, http:/)
})

test('it may nothing, and writes nowhere but in its own folder', async () => {
  const pid = await property('MainPID')
  const status = await statusOf(pid)
  expect(status).toMatch(/^CapBnd:\s0+$/m)
  expect(status).toMatch(/^NoNewPrivs:\s1$/m)
  expect(status).toMatch(/^Seccomp:\s2$/m)
  expect(status).not.toMatch(/^Uid:\s0\s/m)
  const asIt = ['nsenter', '--target', pid, '--mount']
  for (const place of ['/opt/home-console', '/usr', '/etc'])
    await expect(inside(...asIt, 'touch', `${place}/mine`)).rejects.toThrow('Read-only file system')
  expect(await inside('stat', '-c', '%U %a', '/var/lib/home-console')).toBe('home-console 700')
})

test('the services that it starts come up within its bounds', async () => {
  const token = await inside('cat', '/var/lib/home-console/admin-token')
  expect(await adaptersOf(url, token)).toEqual({ 'client-manager': 'embedded' })
  const { external } = await ask<{ external: { pid: number }[] }>(`${url}/api/core/external`, token)
  expect(await inside('cat', `/proc/${external[0]!.pid}/cgroup`)).toContain('/home-console.service')
})

test('a plugin that is saved is swapped', async () => {
  expect(await textOf(`${url}/api/plugins/lamp/word`)).toBe('one')
  writeLamp(join(house, 'plugins'), 'two')
  await until('the second word', async () => (await textOf(`${url}/api/plugins/lamp/word`)) === 'two')
})

test('after kill -9 it is back, and what it had started is gone', async () => {
  const child = (await textOf(`${url}/api/plugins/lamp/child`, { method: 'POST' }))!
  expect(await statusOf(child)).toContain('Name:')
  const pid = await property('MainPID')
  await systemctl('kill', '--kill-who=main', '--signal=KILL', 'home-console')
  await until('another Core', async () => !['0', pid].includes(await property('MainPID')), START_MS)
  await isUp()
  await expect(statusOf(child)).rejects.toThrow('No such file')
})

test('it stops with 0 when it is told to, and nothing of it is left', async () => {
  const child = (await textOf(`${url}/api/plugins/lamp/child`, { method: 'POST' }))!
  expect(await statusOf(child)).toContain('Name:')
  await systemctl('stop', 'home-console')
  expect(await property('ActiveState')).toBe('inactive')
  expect(await property('Result')).toBe('success')
  expect(await property('ExecMainStatus')).toBe('0')
  await expect(statusOf(child)).rejects.toThrow('No such file')
})

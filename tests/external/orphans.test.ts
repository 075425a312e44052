// The Core dies as it can die, and what it started does not outlive it.

import { expect, test } from 'bun:test'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CoreProcess } from '../faults/core-process.ts'
import { gone, isAlive } from '../processes.ts'
import { until } from '../until.ts'
import { adapter, embedded, server, startable } from './kit.ts'

/** A Core of its own, whose service has started a helper that nothing ends but its group. */
async function coreWithService(
  env: Record<string, string> = {},
): Promise<{ core: CoreProcess; pids: number[] }> {
  const core = await CoreProcess.start({})
  await core.stop()
  const folder = join(core.folder, 'external/clients')
  mkdirSync(folder, { recursive: true })
  const helper = `console.log('helper ' + Bun.spawn(['/bin/sleep', '600'], { stdio: ['ignore', 'ignore', 'ignore'] }).pid)`
  for (const [name, text] of Object.entries(embedded(server('well', helper), startable())))
    writeFileSync(join(folder, name), text)
  core.write('adapter/index.ts', adapter())
  await core.start({ EXTERNAL_DIR: join(core.folder, 'external'), ...env })
  const line = await core.log(({ message }) => message.startsWith('helper '), 5_000)
  await core.log(({ message }) => message === '"clients" is up.', 5_000)
  const running = readdirSync(join(core.folder, 'data/children')).map(Number)
  expect(running.length).toBe(1)
  return { core, pids: [running[0]!, Number(line.message.split(' ')[1])] }
}

test('kill -9 of the Core: the kernel ends the child, and the next start what that had started', async () => {
  const { core, pids } = await coreWithService()
  await using _ = core
  const [child, helper] = pids as [number, number]
  core.kill('SIGKILL')
  await core.exited
  if (Bun.which('setpriv') !== null) await gone(child, 1_000)
  expect(isAlive(helper)).toBe(true)
  await core.start({ EXTERNAL_DIR: '/nowhere' })
  await gone(helper)
  await gone(child)
  expect(core.logs.some(({ message }) => message.includes(`as process ${child}. It was ended.`))).toBe(true)
})

test('without setpriv the next start ends the child', async () => {
  const bin = `${process.env['HOME']}/none`
  const { core, pids } = await coreWithService({ PATH: bin })
  await using _ = core
  core.kill('SIGKILL')
  await core.exited
  expect(pids.map(isAlive)).toEqual([true, true])
  await core.start({ EXTERNAL_DIR: '/nowhere' })
  for (const pid of pids) await gone(pid)
})

test('a process that has the number by now is nobody’s business', async () => {
  const { core, pids } = await coreWithService()
  await using _ = core
  core.kill('SIGKILL')
  await core.exited
  process.kill(-pids[0]!, 'SIGKILL')
  for (const pid of pids) await gone(pid)
  const stranger = Bun.spawn(['sleep', '600'], { detached: true, stdio: ['ignore', 'ignore', 'ignore'] })
  const [file] = readdirSync(join(core.folder, 'data/children'))
  const path = join(core.folder, 'data/children', file!)
  const record = (await Bun.file(path).json()) as object
  writeFileSync(path, JSON.stringify({ ...record, pid: stranger.pid }))
  await core.start({ EXTERNAL_DIR: '/nowhere' })
  await until('the record is read', () => readdirSync(join(core.folder, 'data/children')).length === 0)
  expect(isAlive(stranger.pid)).toBe(true)
  stranger.kill()
})

test('what is no record among the records keeps no service from its start', async () => {
  const { core } = await coreWithService()
  await using _ = core
  await core.stop()
  mkdirSync(join(core.folder, 'data/children/odd/folder'), { recursive: true })
  writeFileSync(join(core.folder, 'data/children/1'), 'nonsense')
  await core.start({ EXTERNAL_DIR: join(core.folder, 'external') })
  await core.log(({ message }) => message === '"clients" is up.', 3_000)
  expect(core.logs.filter(({ level }) => level === 'error')).toEqual([])
})

test('SIGTERM of the Core ends it all, and leaves no record', async () => {
  const { core, pids } = await coreWithService()
  await using _ = core
  expect(await core.stop()).toBe(0)
  expect(pids.map(isAlive)).toEqual([false, false])
  expect(readdirSync(join(core.folder, 'data/children'))).toEqual([])
})

// One Core for each data folder: the second is refused and told who has it, and a death frees it at once.

import { expect, test } from 'bun:test'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CoreProcess } from '../faults/core-process.ts'
import { startTestHouse } from '@home-console/sdk/testing'
import { refusedStart } from './refused-start.ts'

test('a second Core is told who has the folder, and the first goes on', async () => {
  await using core = await CoreProcess.start({})
  const { exitCode, said } = await refusedStart(join(core.folder, 'data'))
  expect(exitCode).toBe(75)
  expect(said).toContain(`${join(core.folder, 'data')} is in use by another Core`)
  expect(said).toContain(`It is process ${core.pid} on `)
  expect(said).toContain(`at ${core.url}`)
  expect((await core.request('/health')).status).toBe(200)
})

test('so is one in a container that counts its processes by itself', async () => {
  await using core = await CoreProcess.start({})
  const via = ['unshare', '--pid', '--fork', '--mount-proc', '--uts', '--ipc']
  const { exitCode, said } = await refusedStart(join(core.folder, 'data'), { via })
  expect(exitCode).toBe(75)
  expect(said).toContain(`It is process ${core.pid} on `)
})

test('after kill -9 the next one starts at once, ten times', async () => {
  await using core = await CoreProcess.start({})
  for (let time = 0; time < 10; time++) {
    core.kill('SIGKILL')
    await core.exited
    await core.start()
  }
  expect((await core.request('/health')).status).toBe(200)
}, 20_000)

test('a stop frees the folder, within one process too, and leaves the lock empty', async () => {
  await using house = await startTestHouse()
  const dataDir = join(house.folder, 'data')
  expect((await refusedStart(dataDir)).exitCode).toBe(75)
  expect(statSync(join(dataDir, 'core.lock')).size).toBe(0)
  await house.runtime.stop('the test wants it so')
  await using again = await startTestHouse({ config: { dataDir, runtimeDir: dataDir } })
  expect(again.runtime.url.port).not.toBe('')
  expect(JSON.parse(readFileSync(join(dataDir, 'last-start.json'), 'utf8'))).toMatchObject({
    pid: process.pid,
    url: again.runtime.url.href,
  })
})

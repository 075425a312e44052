// A config that the disk does not take: the owner is told, the one before stays in force, and its file is as it was.

import { expect, test } from 'bun:test'
import { readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { CoreProcess } from '../faults/core-process.ts'
import { injectFault } from './inject-fault.ts'
import { SmallDisk } from './small-disk.ts'

const LAMP = `
import { definePlugin, z } from '@home-console/sdk'
export default definePlugin({
  config: z.object({ turn: z.number().default(0), filler: z.string().default('') }),
  onConfigChange() {},
  onLoad: (ctx) => ctx.router().get('/', (c) => c.json(ctx.config.turn)),
})
`

async function patch(core: CoreProcess, turn: number) {
  const response = await core.request('/api/core/plugins/lamp/config', {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ turn, filler: 'x'.repeat(20_000) }),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

const turnOf = async (core: CoreProcess) => (await core.request('/api/plugins/lamp')).json()

test('on a full disk a change is refused as disk_full, and the next one succeeds when there is room', async () => {
  await using disk = await SmallDisk.mount('8m')
  const DATA_DIR = join(disk.path, 'data')
  await using core = await CoreProcess.start({ 'lamp.ts': LAMP }, { DATA_DIR })
  expect((await patch(core, 1)).status).toBe(200)
  const file = join(DATA_DIR, 'config/lamp.jsonc')
  const before = readFileSync(file, 'utf8')
  disk.fill()
  const { status, body } = await patch(core, 2)
  expect({ status, body }).toMatchObject({ status: 507, body: { code: 'disk_full' } })
  expect(body['detail']).toContain(file)
  expect([await turnOf(core), readFileSync(file, 'utf8')]).toEqual([1, before])
  // As full as it was, it starts with what it shows.
  core.kill('SIGKILL')
  await core.exited
  await core.start({ DATA_DIR })
  expect(await turnOf(core)).toBe(1)
  disk.free()
  expect((await patch(core, 3)).status).toBe(200)
  expect(await turnOf(core)).toBe(3)
}, 20_000)

test('on a disk that turns read-only it is refused, and the house goes on with the one before', async () => {
  await using disk = await SmallDisk.mount('8m')
  await using core = await CoreProcess.start({})
  await core.stop()
  const folder = join(core.folder, 'data/config')
  rmSync(folder, { recursive: true })
  symlinkSync(disk.path, folder)
  core.write('lamp.ts', LAMP)
  await core.start()
  expect((await patch(core, 1)).status).toBe(200)
  await disk.readOnly(true)
  const { status, body } = await patch(core, 2)
  expect({ status, body }).toMatchObject({ status: 503, body: { code: 'storage_failed' } })
  expect(body['detail']).toContain('lamp.jsonc cannot be written')
  expect(await turnOf(core)).toBe(1)
  // It starts with what it can read.
  core.kill('SIGKILL')
  await core.exited
  await core.start()
  expect(await turnOf(core)).toBe(1)
  await disk.readOnly(false)
  expect((await patch(core, 3)).status).toBe(200)
}, 20_000)

test.each([
  ['to sync', 'fsync,fdatasync:error=EIO'],
  ['at the last step', 'rename,renameat,renameat2:error=EIO'],
])('on a disk that fails %s it is refused, and the plugin has the one before', async (_when, fault) => {
  await using core = await CoreProcess.start({ 'lamp.ts': LAMP })
  expect((await patch(core, 1)).status).toBe(200)
  {
    await using _fault = await injectFault(core, fault)
    expect(await patch(core, 2)).toMatchObject({ status: 503, body: { code: 'storage_failed' } })
    expect(await turnOf(core)).toBe(1)
  }
  expect((await patch(core, 3)).status).toBe(200)
  expect(await turnOf(core)).toBe(3)
})

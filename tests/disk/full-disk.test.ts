// The disk fills up, fails or goes read-only while the Core runs: it says so, changes nothing, and goes on when it may.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { openSync, closeSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CoreProcess } from '../faults/core-process.ts'
import { injectFault } from './inject-fault.ts'
import { SmallDisk } from './small-disk.ts'

const LAMP = `
import { definePlugin } from '@home-console/sdk'
export default definePlugin({
  onLoad(ctx) {
    ctx.events.on('talk', () => ctx.log.info('said '.repeat(100)))
  },
})
`

async function patch(core: CoreProcess, path: string, body: unknown) {
  const response = await core.request(path, {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

const json = async (core: CoreProcess, path: string) =>
  (await (await core.request(path)).json()) as Record<string, unknown>

/** Each change takes some of the log; what room the file system still has in a page of it is soon gone. */
async function patchUntilRefused(core: CoreProcess) {
  for (let latitude = 1; latitude <= 90; latitude++) {
    const answer = await patch(core, '/api/core/home', { latitude })
    if (answer.status !== 200) return { ...answer, kept: latitude - 1 }
  }
  throw new Error('Nothing was refused.')
}

describe('on a full disk', () => {
  test('a change is refused as disk_full, nothing of it shows, and the next one succeeds when there is room', async () => {
    await using disk = await SmallDisk.mount('8m')
    const DATA_DIR = join(disk.path, 'data')
    await using core = await CoreProcess.start({ 'lamp.ts': LAMP }, { DATA_DIR })
    disk.fill()
    const { status, body, kept } = await patchUntilRefused(core)
    expect(status).toBe(507)
    expect(body).toMatchObject({ code: 'disk_full', title: 'Insufficient Storage' })
    expect(body['detail']).toContain(`${DATA_DIR}/core.sqlite cannot grow: the disk is full`)
    const wish = await patch(core, '/api/core/plugins/lamp', { logLevel: 'error', enabled: false })
    expect(wish).toMatchObject({ status: 507, body: { code: 'disk_full' } })

    const shown = async () => [
      (await json(core, '/api/core/home'))['latitude'] ?? 0,
      (await json(core, '/api/core/plugins/lamp'))['state'],
    ]
    expect(await shown()).toEqual([kept, 'active'])
    // What it shows is what it finds again, with the disk as full as it was.
    core.kill('SIGKILL')
    await core.exited
    await core.start({ DATA_DIR })
    expect(await shown()).toEqual([kept, 'active'])

    expect((await patchUntilRefused(core)).status).toBe(507)
    disk.free()
    expect((await patch(core, '/api/core/home', { latitude: 90 })).status).toBe(200)
    expect((await patch(core, '/api/core/plugins/lamp', { enabled: false })).body['state']).toBe('disabled')
  }, 20_000)

  test('a Core that cannot write down its log goes on, and says how many lines are missing when it can again', async () => {
    await using disk = await SmallDisk.mount('1m')
    const log = openSync(join(disk.path, 'log'), 'a')
    await using core = await CoreProcess.start({ 'lamp.ts': LAMP }, {}, { stdout: log })
    closeSync(log)
    for (let lines = 0; lines < 50; lines++) await core.emit('talk')
    disk.fill()
    for (let lines = 0; lines < 50; lines++) await core.emit('talk')
    expect((await core.request('/health')).status).toBe(200)
    disk.free()
    await core.emit('talk')
    const text = readFileSync(join(disk.path, 'log'), 'utf8')
    const whole = text.split('\n').flatMap((line) => {
      try {
        return [JSON.parse(line) as { message: string; level: string }]
      } catch {
        return []
      }
    })
    expect(whole.find(({ message }) => /^\d+ lines could not be written here/.test(message))?.level).toBe(
      'warn',
    )
    expect(whole.at(-1)!.message).toContain('said said')
    // At most one line is torn, where the disk ended.
    expect(text.trimEnd().split('\n').length - whole.length).toBeLessThanOrEqual(1)
  })
})

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'home-console-out-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('a Core whose reader of its log has gone goes on', async () => {
  // `head` takes one line, and closes the pipe.
  await using core = await CoreProcess.start(
    { 'lamp.ts': LAMP },
    {},
    { via: ['bash', '-c', 'exec "$0" "$@" > >(head -n 1 >/dev/null)'], stdout: 'ignore' },
  )
  for (let lines = 0; lines < 20; lines++) await core.emit('talk')
  expect((await core.request('/health')).status).toBe(200)
  const { logs } = (await json(core, '/api/core/logs?plugin=lamp')) as { logs?: unknown[] }
  expect(logs?.length ?? 0).toBeGreaterThan(0)
})

test.each([
  ['turns read-only', 'pwrite64:error=EROFS'],
  ['fails to write', 'pwrite64:error=EIO'],
  ['fails to sync', 'fsync,fdatasync:error=EIO'],
])(
  'on a disk that %s nothing is acknowledged and nothing of it shows, until it works again',
  async (_how, fault) => {
    await using core = await CoreProcess.start({})
    expect((await patch(core, '/api/core/home', { latitude: 1 })).status).toBe(200)
    {
      await using _fault = await injectFault(core, fault)
      for (let time = 0; time < 3; time++) {
        expect(await patch(core, '/api/core/home', { latitude: 2 })).toMatchObject({
          status: 503,
          body: { code: 'storage_failed' },
        })
      }
      expect(await json(core, '/api/core/home')).toMatchObject({ latitude: 1 })
    }
    expect((await patch(core, '/api/core/home', { latitude: 3 })).status).toBe(200)
    core.kill('SIGKILL')
    await core.exited
    await core.start()
    expect(await json(core, '/api/core/home')).toMatchObject({ latitude: 3 })
  },
)

test.each(['000', '077'])(
  'with a umask of %s only the owner of the process can read anything',
  async (mask) => {
    const dataDir = join(folder, 'data')
    await using core = await CoreProcess.start(
      {
        'lamp.ts': `
import { definePlugin } from '@home-console/sdk'
import { writeFileSync } from 'node:fs'
export default definePlugin({ async onLoad(ctx) { await ctx.kv.set('a', 1, { secret: true }); void ctx.files } })`,
      },
      { DATA_DIR: dataDir, ADMIN_TOKEN: '' },
      { via: ['sh', '-c', `umask ${mask}; exec "$0" "$@"`] },
    )
    expect(core.exitCode).toBeNull()
    const entries = [...new Bun.Glob('**/*').scanSync({ cwd: dataDir, onlyFiles: false, dot: true })]
    expect(entries).toEqual(
      expect.arrayContaining([
        'core.sqlite',
        'core.sqlite-wal',
        'core.lock',
        'admin-token',
        'last-start.json',
        'secret.key',
        'plugins/lamp.sqlite',
      ]),
    )
    const modes = ['.', ...entries].map((name) => {
      const stats = statSync(join(dataDir, name))
      return [name, stats.isDirectory(), (stats.mode & 0o777).toString(8)] as const
    })
    // A folder of 0700 keeps everybody out of what is below it.
    expect(
      modes.filter(([name, isFolder, mode]) => mode !== (isFolder ? '700' : '600') && !name.includes('/')),
    ).toEqual([])
  },
)

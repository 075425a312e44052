// A backup comes back whole, or the house stays what it was; and it goes back by itself when it does not come up.

import { expect, test } from 'bun:test'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Planned } from '../../core/backup/restore.ts'
import type { Outcome } from '../../core/backup/swap.ts'
import { hc } from '../cli/hc.ts'
import { CoreProcess } from '../faults/core-process.ts'
import { DIARY, filesBelow } from './kit.ts'

const MAIN = join(import.meta.dir, '../../core/main.ts')
const files = { 'diary/index.ts': DIARY['index.ts'] }
const data = (core: CoreProcess, ...names: string[]) => join(core.folder, 'data', ...names)

async function keep(core: CoreProcess, key: string, value: unknown, query = ''): Promise<void> {
  const { status } = await core.request(`/api/plugins/diary/${key}${query}`, {
    method: 'PUT',
    body: JSON.stringify(value),
    headers: { 'Content-Type': 'application/json' },
  })
  expect(status).toBe(200)
}

async function kept(core: CoreProcess, key: string): Promise<unknown> {
  return ((await (await core.request(`/api/plugins/diary/${key}`)).json()) as { value: unknown }).value
}

async function backUp(core: CoreProcess, wish: object = {}): Promise<string> {
  const response = await core.request('/api/core/backups', {
    method: 'POST',
    body: JSON.stringify(wish),
    headers: { 'Content-Type': 'application/json' },
  })
  const { name } = (await response.json()) as { name: string }
  return data(core, 'backups', name)
}

const restore = (core: CoreProcess, query: string, init: RequestInit = {}) =>
  core.request(`/api/core/restore?${query}`, { method: 'POST', ...init })

/** Of a restore that was decided, once it is. The process listens somewhere else by then. */
async function outcome(core: CoreProcess, since: number): Promise<Outcome> {
  await core.log(
    (line) => core.logs.indexOf(line) >= since && line.message.startsWith('The house is what it was'),
    15_000,
  )
  const lines = () => core.logs.filter(({ message }) => message.startsWith('Listening on '))
  for (let tries = 0; tries < 1_000; tries++) {
    core.url = /http:\/\/[^/]+/.exec(lines().at(-1)!.message)![0]
    const found = await core
      .request('/api/core/restore')
      .then((response) => response.json() as Promise<{ last: Outcome | null; pending: boolean }>)
      .catch(() => null)
    if (found?.last && !found.pending) return found.last
    await Bun.sleep(10)
  }
  throw new Error('There is no outcome.')
}

test('a running house becomes what it was', async () => {
  await using core = await CoreProcess.start(files)
  await keep(core, 'mood', 'good')
  await keep(core, 'pin', 1234, '?secret=1')
  mkdirSync(data(core, 'external/mower'), { recursive: true })
  writeFileSync(data(core, 'external/mower/lawn'), 'mown')
  const file = await backUp(core)
  writeFileSync(data(core, 'external/mower/lawn'), 'wild')
  await keep(core, 'mood', 'bad')
  await keep(core, 'later', true)
  writeFileSync(data(core, 'files/diary/later.txt'), '')

  const dry = await restore(core, 'dryRun=true', { body: Bun.file(file) })
  expect([dry.status, ((await dry.json()) as Planned).changes]).toEqual([
    200,
    [
      { path: 'data/plugins/diary.sqlite', change: 'changed' },
      { path: 'data/files/diary/last.txt', change: 'changed' },
      { path: 'data/files/diary/later.txt', change: 'removed' },
      { path: 'data/external/mower/lawn', change: 'changed' },
    ],
  ])
  expect(await kept(core, 'mood')).toBe('bad')
  expect(readdirSync(data(core)).filter((name) => /restore|\.backup/.test(name))).toEqual(['restore'])
  expect(filesBelow(data(core, 'restore'))).toEqual([])

  const since = core.logs.length
  const { status } = await restore(core, '', { body: Bun.file(file) })
  expect(status).toBe(200)
  expect(await outcome(core, since)).toMatchObject({ outcome: 'restored', reason: null })
  expect(await kept(core, 'mood')).toBe('good')
  expect(await kept(core, 'later')).toBe(null)
  expect(await kept(core, 'pin')).toBe(1234)
  expect(existsSync(data(core, 'files/diary/later.txt'))).toBe(false)
  expect(readFileSync(data(core, 'external/mower/lawn'), 'utf8')).toBe('mown')
  expect(filesBelow(data(core, 'restore'))).toEqual(['last.json'])
  expect(existsSync(file)).toBe(true)
})

test('a house that does not come up well with it goes back by itself', async () => {
  const only = (word: string) => `
    export default {
      onLoad(ctx) {
        if (ctx.kv.get('word') === 'old') throw new Error('too old for me')
        ctx.kv.set('word', '${word}')
        const router = ctx.router()
        router.get('/word', (c) => c.text(ctx.kv.get('word')))
        return router
      },
    }`
  await using core = await CoreProcess.start({ 'picky/index.ts': only('old') })
  const file = await backUp(core)
  await core.stop()
  rmSync(data(core, 'plugins'), { recursive: true })
  core.write('picky/index.ts', only('new'))
  await core.start()
  const since = core.logs.length
  expect((await restore(core, '', { body: Bun.file(file) })).status).toBe(200)
  const last = await outcome(core, since)
  expect(last.outcome).toBe('went_back')
  expect(last.reason).toBe('With it, what was active before fails: picky (too old for me).')
  expect(await (await core.request('/api/plugins/picky/word')).text()).toBe('new')
  expect(filesBelow(data(core, 'restore'))).toEqual(['last.json'])
})

test('on a new machine a backup makes the house, with code and key', async () => {
  await using core = await CoreProcess.start(files)
  await keep(core, 'mood', 'good')
  await keep(core, 'pin', 1234, '?secret=1')
  const file = await backUp(core, { code: true, passphrase: 'correct horse battery' })

  await using fresh = await CoreProcess.start({})
  await fresh.stop()
  rmSync(data(fresh), { recursive: true })
  const passphrase = join(fresh.folder, 'passphrase')
  const offline = async (...more: string[]) => {
    const process_ = Bun.spawn([process.execPath, MAIN, '--restore', file, ...more], {
      env: { PATH: process.env.PATH, DATA_DIR: data(fresh), PLUGINS_DIR: join(fresh.folder, 'plugins') },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [code, out, err] = await Promise.all([
      process_.exited,
      process_.stdout.text(),
      process_.stderr.text(),
    ])
    return { code, out, err }
  }
  writeFileSync(passphrase, 'a wrong passphrase\n')
  const refused = await offline('--passphrase-file', passphrase)
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('The passphrase is not the one')])
  writeFileSync(passphrase, 'correct horse battery\n')
  expect((await offline('--dry-run')).out).toContain('added    "data/core.sqlite"')
  expect((await offline('--passphrase-file', passphrase)).code).toBe(0)
  await fresh.start()
  expect(await kept(fresh, 'mood')).toBe('good')
  expect(await kept(fresh, 'pin')).toBe(1234)
}, 20_000)

test('hc makes a backup, says what it would change, and brings it back', async () => {
  await using core = await CoreProcess.start(files)
  const port = new URL(core.url).port
  await core.stop()
  await core.start({ PORT: port })
  const env = { HC_TOKEN: 'a-token-of-this-test-only' }
  await keep(core, 'mood', 'good')
  const to = mkdtempSync(join(tmpdir(), 'home-console-'))
  const made = await hc(['backup', '--to', to], { url: core.url, env })
  expect(made).toMatchObject({ code: 0, err: '' })
  const [name] = readdirSync(to)
  await keep(core, 'mood', 'bad')
  const dry = await hc(['restore', join(to, name!), '--dry-run'], { url: core.url, env })
  expect(dry.out).toContain('changed  data/plugins/diary.sqlite\n')
  expect(await hc(['restore', name!], { url: core.url, env })).toMatchObject({ code: 0, out: 'restored\n' })
  expect(await kept(core, 'mood')).toBe('good')
  copyFileSync(MAIN, join(to, 'no-backup'))
  expect((await hc(['restore', join(to, 'no-backup')], { url: core.url, env })).code).toBe(1)
  expect((await hc(['restore', 'none-of-this-name'], { url: core.url, env })).code).toBe(1)
  rmSync(to, { recursive: true })
}, 20_000)

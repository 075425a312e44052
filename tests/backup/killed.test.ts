// Ended by kill -9 at any moment, a house starts again: with the backup or without it, and never with half of it.

import { expect, test } from 'bun:test'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { RestoreSwap } from '../../core/backup/swap.ts'
import { CoreProcess } from '../faults/core-process.ts'
import { DIARY, filesBelow } from './kit.ts'

type Tree = Readonly<Record<string, string>>

const OLD: Tree = {
  'data/core.sqlite': 'old',
  'data/core.sqlite-wal': 'old log',
  'data/plugins/lamp.sqlite': 'old',
  'data/files/lamp/old.txt': 'old',
  'data/admin-token': 'stays',
  'plugins/lamp/index.ts': 'stays',
}
const NEW: Tree = {
  'data/core.sqlite': 'new',
  'data/plugins/lamp.sqlite': 'new',
  'data/plugins/sun.sqlite': 'new',
  'data/files/sun/new.txt': 'new',
  'data/config/sun.json': 'new',
  'data/admin-token': 'stays',
  'plugins/lamp/index.ts': 'stays',
  'plugins/sun/index.ts': 'new',
}

function plant(folder: string, tree: Tree): void {
  for (const [name, text] of Object.entries(tree)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

function treeOf(folder: string): Tree {
  const names = filesBelow(folder).filter((name) => !/^data\/restore(\/|$)/.test(name))
  const files = names.filter((name) => statSync(join(folder, name)).isFile())
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(folder, name), 'utf8')]))
}

/** Ends a step just as it makes its n-th system call of a kind. False when it makes no so many. */
async function endedAt(folder: string, step: string, call: string, n: number): Promise<boolean> {
  const settle = [
    process.execPath,
    join(import.meta.dir, 'settle.ts'),
    join(folder, 'data'),
    join(folder, 'plugins'),
  ]
  const strace = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`]
  const inject = ['-e', `inject=${call}:signal=KILL:when=${n}`]
  const child = Bun.spawn([...strace, ...inject, ...settle, step], { stdio: ['ignore', 'ignore', 'inherit'] })
  await child.exited
  return child.signalCode === 'SIGKILL' || child.exitCode === 137
}

// Where strace is, every step can be met; the test below it meets them by chance.
test.skipIf(Bun.which('strace') === null)(
  'at every step of the swap it can be gone on from',
  async () => {
    const base = mkdtempSync(join(tmpdir(), 'home-console-'))
    const swapOf = (folder: string) => new RestoreSwap(join(folder, 'data'), [join(folder, 'plugins')])
    // All of it happens in one place, since what is decided names that.
    const house = join(base, 'house')
    const aside = (name: string) => {
      cpSync(house, join(base, name), { recursive: true })
      return join(base, name)
    }
    plant(house, OLD)
    const into = swapOf(house).prepare()
    for (const [name, text] of Object.entries(NEW))
      if (text === 'new') plant(into, { [name.replace(/^plugins/, 'code/0')]: text })
    swapOf(house).decide('id', 'backup', [])
    const decided = aside('decided')
    swapOf(house).settle()
    const onTrial = aside('on-trial')
    swapOf(house).refuse('for a test')
    const refused = aside('refused')

    let ended = 0
    for (const [from, step, after] of [
      [decided, 'settle', NEW],
      [onTrial, 'prove', NEW],
      [refused, 'settle', OLD],
    ] as const) {
      for (const call of ['rename', 'unlink', 'unlinkat', 'rmdir', 'fsync']) {
        for (let n = 1; ; n++) {
          rmSync(house, { recursive: true, force: true })
          cpSync(from, house, { recursive: true })
          if (!(await endedAt(house, step, call, n))) break
          ended++
          swapOf(house).settle()
          expect([step, call, n, treeOf(house)]).toEqual([step, call, n, after])
          // And from there it can still go back.
          if (swapOf(house).refuse('for a test')) {
            swapOf(house).settle()
            expect([step, call, n, treeOf(house)]).toEqual([step, call, n, OLD])
          }
          expect(swapOf(house).pending).toBe(false)
        }
      }
    }
    expect(ended).toBeGreaterThan(20)
    rmSync(base, { recursive: true })
  },
  120_000,
)

test('killed thirty times in the middle of backups and restores, it always starts, and is never half of two', async () => {
  await using core = await CoreProcess.start({ 'diary/index.ts': DIARY['index.ts'] })
  const json = (method: string, path: string, body: unknown) =>
    core.request(path, {
      method,
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json' },
    })
  const data = (...names: string[]) => join(core.folder, 'data', ...names)
  /** Three places that say the same: a file, a plugin's database, and the Core's. */
  const become = async (state: string, locale: string) => {
    await json('PUT', '/api/plugins/diary/state', state)
    await json('PATCH', '/api/core/home', { locale })
    writeFileSync(data('files/diary/state.txt'), state)
  }
  const found = async () => {
    const { value } = (await (await core.request('/api/plugins/diary/state')).json()) as { value: string }
    const { locale } = (await (await core.request('/api/core/home')).json()) as { locale: string }
    return [readFileSync(data('files/diary/state.txt'), 'utf8'), value, locale]
  }
  const now = ['now', 'now', 'fr-FR']
  const then = ['then', 'then', 'de-DE']
  await become('then', 'de-DE')
  // Enough of it that a backup and a restore take a while.
  writeFileSync(
    data('files/diary/large'),
    crypto.getRandomValues(Buffer.alloc(65_536)).toString('base64').repeat(100),
  )
  const { name } = (await (await json('POST', '/api/core/backups', {})).json()) as { name: string }
  await become('now', 'fr-FR')
  const outcomes = new Map<string, number>()
  for (let round = 0; round < 30; round++) {
    const isRestore = round % 3 > 0
    const path = isRestore ? `/api/core/restore?backup=${name}` : '/api/core/backups'
    void json('POST', path, {}).catch(() => {})
    await Bun.sleep(Math.random() * (isRestore ? 1_200 : 400))
    core.kill('SIGKILL')
    await core.exited
    const broughtBack = existsSync(data('restore/state.json'))
    await core.start()
    const state = await found()
    expect([now, then]).toContainEqual(state)
    if (broughtBack) expect(state).toEqual(then)
    const what = `${isRestore ? 'restore' : 'backup'}: ${state[0]}`
    outcomes.set(what, (outcomes.get(what) ?? 0) + 1)
    const left = filesBelow(data()).filter((file) =>
      /\.part$|\.backup|restore\/(new|before|state)/.test(file),
    )
    expect(left).toEqual([])
    if (state[0] === 'then') await become('now', 'fr-FR')
  }
  expect((await json('POST', '/api/core/backups', {})).status).toBe(200)
  expect(outcomes.get('backup: now')).toBe(10)
  if (process.env.CI === undefined) console.log(Object.fromEntries(outcomes))
}, 180_000)

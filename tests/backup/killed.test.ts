// Ended by kill -9 at any moment, a house starts again: with the backup or without it, and never with half of it.

import { expect, test } from 'bun:test'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { RestoreSwap } from '../../core/backup/swap.ts'
import { CoreProcess } from '../faults/core-process.ts'
import { childrenOf, gone } from '../processes.ts'
import { until } from '../until.ts'
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

// Where strace is, every step can be met; tests/kills meets them by chance.
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

// Else it would go on for as long as it does not listen, beside the Core that starts next.
test.skipIf(Bun.which('setpriv') === null)(
  'who makes a backup dies with the Core, whatever it is at',
  async () => {
    await using core = await CoreProcess.start({ 'diary/index.ts': DIARY['index.ts'] })
    mkdirSync(join(core.folder, 'data/files/diary'), { recursive: true })
    writeFileSync(
      join(core.folder, 'data/files/diary/noise'),
      crypto.getRandomValues(Buffer.alloc(65_536)).toString('base64').repeat(300),
    )
    const others = childrenOf(core.pid)
    void core
      .request('/api/core/backups', {
        method: 'POST',
        body: '{}',
        headers: { 'Content-Type': 'application/json' },
      })
      .catch(() => {})
    const helper = await until('a process that makes the backup', () =>
      childrenOf(core.pid).find((pid) => !others.includes(pid) && isHelper(pid)),
    )
    // It listens to nobody.
    process.kill(helper, 'SIGSTOP')
    core.kill('SIGKILL')
    await core.exited
    await gone(helper).catch((error: unknown) => {
      process.kill(helper, 'SIGKILL')
      throw error
    })
    await core.start()
  },
  20_000,
)

/** Once it runs: what guards it has its name among its words, and becomes it. */
function isHelper(pid: number): boolean {
  const [program, script] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  return program === process.execPath && script!.endsWith('backup/process.ts')
}

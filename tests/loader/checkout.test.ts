// Changes of many files at once, as git, cp and rm make them: whatever was changed together goes live together, and once.

import { afterEach, describe, expect, test } from 'bun:test'
import { cpSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { PluginEvent } from '@home-console/sdk'
import { TestHouse } from '@home-console/sdk/testing'
import { until } from '../until.ts'

let house: TestHouse
afterEach(() => house?.stop())

/** Long enough for every wait to be over: what would come late has come. */
const calm = () => Bun.sleep(250)

const IDS = ['attic', 'bath', 'cellar', 'den']
const SHARED = '_shared/state.ts'

/** Answers the state of its own file and the one of a file of all. */
const room = (note: string) => `// ${note}
import { definePlugin } from '@home-console/sdk'
import { own } from './own.ts'
import { shared } from '../${SHARED}'
export default definePlugin({
  onLoad(ctx) {
    const router = ctx.router({ security: [] })
    router.get('/state', (c) => c.text(own + ' ' + shared))
    return router
  },
})
`
const own = (state: string) => `export const own = '${state}'\n`
const shared = (state: string) => `export const shared = '${state}'\n`

/** Files below the plugins folder. */
const stateOf = (ids: readonly string[], state: string): Record<string, string> => ({
  [SHARED]: shared(state),
  ...Object.fromEntries(
    ids.flatMap((id) => [
      [`${id}/index.ts`, room(state)],
      [`${id}/own.ts`, own(state)],
    ]),
  ),
})

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

function git(folder: string, ...command: string[]): void {
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@localhost']
  const { exitCode, stderr } = Bun.spawnSync(['git', ...identity, ...command], { cwd: folder })
  if (exitCode !== 0) throw new Error(`git ${command.join(' ')}: ${stderr.toString()}`)
}

/** A commit on a branch of its own, whose plugins folder holds nothing else. */
function commit(folder: string, branch: string, files: Readonly<Record<string, string>>): void {
  git(folder, 'checkout', '--quiet', '-B', branch)
  rmSync(join(folder, 'plugins'), { recursive: true, force: true })
  write(join(folder, 'plugins'), files)
  git(folder, 'add', '--all', 'plugins')
  git(folder, 'commit', '--quiet', '--message', branch)
}

/** A house in a checkout of `one`, in which there is a `two` as well: another state, a plugin less and a plugin more. */
async function houseInCheckout(): Promise<TestHouse> {
  const made = new TestHouse({})
  git(made.folder, 'init', '--quiet')
  commit(made.folder, 'two', stateOf(['bath', 'cellar', 'den', 'loft'], 'two'))
  commit(made.folder, 'one', stateOf(IDS, 'one'))
  await made.start()
  return made
}

/** What was told of plugins from then on: a list for each turn of the loop, in which reloads of one transaction are. */
function follow(): string[][] {
  const turns: string[][] = []
  let isSameTurn = false
  house.runtime.bus.follow(({ text }) => {
    const { type, data } = JSON.parse(text) as { type: string; data: PluginEvent }
    if (!type.startsWith('plugin.')) return
    if (!isSameTurn) {
      turns.push([])
      isSameTurn = true
      setImmediate(() => (isSameTurn = false))
    }
    turns.at(-1)!.push(`${type.slice('plugin.'.length)} ${data.plugin}`)
  })
  return turns
}

const stateIn = async (id: string) => (await house.request(`/api/plugins/${id}/state`)).text()
const isIn = (state: string, ids: readonly string[]) =>
  until(`${ids.join()} in state "${state}"`, async () =>
    (await Promise.all(ids.map(stateIn))).every((text) => text === state),
  )
const reloaded = (ids: readonly string[]) => ids.map((id) => `reloaded ${id}`)
const sorted = (turns: readonly (readonly string[])[]) => turns.map((turn) => turn.toSorted())

describe('a checkout', () => {
  test('that changes, adds and removes plugins and a file of all is one transaction, there and back', async () => {
    house = await houseInCheckout()
    for (const [branch, ids, loaded, gone] of [
      ['two', ['bath', 'cellar', 'den', 'loft'], 'loft', 'attic'],
      ['one', IDS, 'attic', 'loft'],
      ['two', ['bath', 'cellar', 'den', 'loft'], 'loft', 'attic'],
    ] as const) {
      const turns = follow()
      git(house.folder, 'checkout', '--quiet', branch)
      await isIn(`${branch} ${branch}`, ids)
      await until(`${gone} to be gone`, () => house.runtime.loader.view(gone) === undefined)
      await calm()
      const [first, ...rest] = sorted(turns)
      expect(first).toEqual([`loaded ${loaded}`, ...reloaded(['bath', 'cellar', 'den'])])
      // The one that is gone answers nothing from that tick on; when all of it is closed, that is told.
      expect(rest).toEqual([[`unloaded ${gone}`]])
    }
  })

  test('in which files are written with long pauses is one transaction when git lets go of its lock', async () => {
    house = await houseInCheckout()
    const turns = follow()
    const lock = join(house.folder, '.git/index.lock')
    writeFileSync(lock, '')
    for (const [name, text] of Object.entries(stateOf(IDS, 'slow'))) {
      rmSync(house.path(name))
      writeFileSync(house.path(name), text)
      await Bun.sleep(130)
    }
    expect(turns).toEqual([])
    rmSync(lock)
    await isIn('slow slow', IDS)
    await calm()
    expect(sorted(turns)).toEqual([reloaded(IDS)])
  })

  test('that writes its last file late does not leave it behind', async () => {
    house = await houseInCheckout()
    const turns = follow()
    const lock = join(house.folder, '.git/index.lock')
    writeFileSync(lock, '')
    const files = Object.entries(stateOf(IDS, 'late'))
    write(join(house.folder, 'plugins'), Object.fromEntries(files.slice(0, -1)))
    await Bun.sleep(1_100)
    write(join(house.folder, 'plugins'), Object.fromEntries(files.slice(-1)))
    rmSync(lock)
    await isIn('late late', IDS)
    await calm()
    expect(sorted(turns)).toEqual([reloaded(IDS)])
  })

  test('in a worktree is known by the lock of the worktree', async () => {
    const repository = new TestHouse({})
    git(repository.folder, 'init', '--quiet')
    commit(repository.folder, 'one', stateOf(IDS, 'one'))
    house = new TestHouse({})
    rmSync(house.path(''), { recursive: true })
    git(repository.folder, 'worktree', 'add', '--quiet', '-b', 'other', join(house.folder, 'tree'))
    renameSync(join(house.folder, 'tree/plugins'), house.path(''))
    renameSync(join(house.folder, 'tree/.git'), join(house.folder, '.git'))
    await house.start()
    const turns = follow()
    const lock = join(repository.folder, '.git/worktrees/tree/index.lock')
    writeFileSync(lock, '')
    write(join(house.folder, 'plugins'), { 'attic/own.ts': own('two') })
    await calm()
    write(join(house.folder, 'plugins'), { 'bath/own.ts': own('two') })
    await calm()
    expect(turns).toEqual([])
    rmSync(lock)
    await isIn('two one', ['attic', 'bath'])
    expect(sorted(turns)).toEqual([reloaded(['attic', 'bath'])])
    rmSync(repository.folder, { recursive: true })
  })

  test('of a stash is one transaction each way', async () => {
    house = await houseInCheckout()
    write(join(house.folder, 'plugins'), stateOf(IDS, 'draft'))
    await isIn('draft draft', IDS)
    for (const [command, state] of [
      ['push', 'one'],
      ['pop', 'draft'],
    ] as const) {
      const turns = follow()
      git(house.folder, 'stash', command, '--quiet')
      await isIn(`${state} ${state}`, IDS)
      await calm()
      expect(sorted(turns)).toEqual([reloaded(IDS)])
    }
  })
})

describe('while a lock of git is there', () => {
  test('a save in one step goes through at once', async () => {
    house = await houseInCheckout()
    writeFileSync(join(house.folder, '.git/index.lock'), '')
    const { phases, outcome } = await house.save('attic/own.ts', own('saved'))
    expect({ outcome, settle: phases.settle }).toEqual({ outcome: 'committed', settle: 0 })
    expect(await stateIn('attic')).toBe('saved one')
  })

  test('that was left by a git that is no more, a save in place waits no longer than ever', async () => {
    house = await houseInCheckout()
    const lock = join(house.folder, '.git/index.lock')
    writeFileSync(lock, '')
    const longAgo = new Date(Date.now() - 60_000)
    utimesSync(lock, longAgo, longAgo)
    writeFileSync(house.path('attic/own.ts'), own('saved'))
    await isIn('saved one', ['attic'])
  })
})

describe('a program that writes without a pause', () => {
  test('in one plugin does not hold up a save of another', async () => {
    house = await houseInCheckout()
    let at = 0
    const writing = setInterval(() => writeFileSync(house.path('den/own.ts'), own(String(++at))), 10)
    try {
      const { phases, outcome } = await house.save('attic/own.ts', own('saved'))
      expect({ outcome, settle: phases.settle }).toEqual({ outcome: 'committed', settle: 0 })
      writeFileSync(house.path('bath/own.ts'), own('in place'))
      await isIn('in place one', ['bath'])
    } finally {
      clearInterval(writing)
    }
    await isIn(`${at} one`, ['den'])
  })
})

describe('a file of all', () => {
  test('that is saved in one step is read at once, and is one transaction', async () => {
    house = await houseInCheckout()
    const turns = follow()
    for (const state of ['two', 'three', 'four']) {
      house.write(SHARED, shared(state))
      await isIn(`one ${state}`, IDS)
    }
    await calm()
    expect(sorted(turns)).toEqual([reloaded(IDS), reloaded(IDS), reloaded(IDS)])
    for (const { phases } of house.runtime.loader.find('attic')!.reloads.list(3))
      expect(phases.settle).toBe(0)
  })
})

test('the plugins folder, emptied and filled again by a copy, is one transaction', async () => {
  house = await houseInCheckout()
  const copy = join(house.folder, 'copy')
  write(copy, stateOf(IDS, 'copied'))
  const turns = follow()
  for (const name of [...IDS, '_shared']) rmSync(house.path(name), { recursive: true })
  cpSync(copy, join(house.folder, 'plugins'), { recursive: true })
  await isIn('copied copied', IDS)
  await calm()
  expect(sorted(turns)).toEqual([reloaded(IDS)])
})

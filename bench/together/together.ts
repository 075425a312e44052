// together: whether a change that touches many plugins is one change for whoever looks at the house.
//
// Measured: a file that 20 plugins import is saved 50 times, and `git checkout` switches 20 times between two branches in
// which 30 other plugins differ, while a process of its own sends 500 requests a second on 20 kept connections. Each of those
// clients asks two plugins of one group, A, B and A again: if A said the same twice and B something else, the house was in a
// state that never was on the disk. A plugin inside notes which reloads are told in one turn of the loop: those turns are the
// transactions of a change, and each must name every plugin of the group once and nobody else. The time runs from the save,
// or from git's exit, to the first new answer. A plugin looks at the event loop with a timer of 1 ms, as in `house`,
// during a change and for as long after it.
// Fair, because: it is git itself, with its lock and its own way of writing files; clients do not know when a change comes.

import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { amount, atMost, type Benchmark, type Figure } from '../benchmark.ts'
import { CoreProcess } from '../lib/core.ts'
import type { KeptConnection } from '../lib/kept-connection.ts'
import { median, p95 } from '../lib/statistics.ts'
import { saveAtomically, Workspace } from '../lib/workspace.ts'
import { Readers } from './readers.ts'
import { branch, sharers, state } from './rooms.ts'

const SAVES = 50
const CHECKOUTS = 20
const PER_SECOND = 500
/** A change that is not answered after this long never came, in ms. */
const PATIENCE_MS = 5_000
/** Between a change and the next, in ms: what is under way ends, and a second transaction would show. */
const PAUSE_MS = 150

const SHARERS = Array.from({ length: 20 }, (_, index) => `sharer-${index + 1}`)
const ROOMS = Array.from({ length: 30 }, (_, index) => `room-${index + 1}`)
const pathOf = (id: string) => `/api/plugins/${id}/state`

export const together: Benchmark = {
  name: 'together',
  title: '50 saves of a file of 20 plugins and 20 checkouts of 30, under 500 requests a second',

  async run() {
    using workspace = new Workspace()
    workspace.write('home/plugins', sharers(SHARERS))
    cpSync(join(import.meta.dir, 'plugins'), workspace.path('home/plugins'), { recursive: true })
    cpSync(join(import.meta.dir, '../house/plugins'), workspace.path('home/plugins'), { recursive: true })
    const git = await repositoryOf(workspace)
    await using core = await CoreProcess.start({ workspace, pluginsFolder: 'home/plugins' })
    const changes = new Changes(core, await core.connect())
    using readers = new Readers({
      url: core.url.href,
      groups: [SHARERS.map(pathOf), ROOMS.map(pathOf)],
      perSecond: PER_SECOND,
    })

    const shared = workspace.path('home/plugins/_shared/state.ts')
    const saves: Change[] = []
    for (let number = 1; number <= SAVES; number++)
      saves.push(await changes.make(SHARERS, number, async () => saveAtomically(shared, state(number))))
    const checkouts: Change[] = []
    for (let number = 1; number <= CHECKOUTS; number++)
      checkouts.push(
        await changes.make(ROOMS, number % 2, () => git('checkout', '--quiet', `state-${number % 2}`)),
      )

    const { requests, failures, mixed, p99Ms } = await readers.stop()
    const reading = `${amount(requests, '')} requests, 99th percentile ${amount(p99Ms, 'ms')}`
    return [
      ...figuresOf('save → first new answer', saves, 'of 20 plugins'),
      ...figuresOf("git's exit → first new answer", checkouts, 'of 30 plugins'),
      atMost(
        'failed requests',
        failures.length,
        0,
        '',
        [reading, ...failures.slice(0, 1)].join('; the first: '),
      ),
      atMost('mixed states that were seen', mixed.length, 0, '', mixed[0]),
    ]
  },
}

/** A repository of the plugins, with a branch for each of two states; in the first now. */
async function repositoryOf(workspace: Workspace): Promise<(...command: string[]) => Promise<void>> {
  const git = async (...command: string[]) => {
    const identity = ['-c', 'user.name=bench', '-c', 'user.email=bench@localhost']
    const child = Bun.spawn(['git', ...identity, ...command], {
      cwd: workspace.path('home'),
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    if ((await child.exited) !== 0) throw new Error(`git ${command.join(' ')} failed.`)
  }
  await git('init', '--quiet')
  for (const number of [1, 0]) {
    await git('checkout', '--quiet', '-B', `state-${number}`)
    workspace.write('home/plugins', branch(ROOMS, number))
    await git('add', '.')
    await git('commit', '--quiet', '--message', `State ${number}`)
  }
  return git
}

/** What came of one change. */
interface Change {
  readonly ms: number
  readonly longestBlockMs: number
  /** In as much time after it, in which nothing changed. */
  readonly idleBlockMs: number
  /** The plugins that were told of, turn by turn. */
  readonly turns: readonly (readonly string[])[]
  readonly isWhole: boolean
}

class Changes {
  readonly #core: CoreProcess
  readonly #connection: KeptConnection

  constructor(core: CoreProcess, connection: KeptConnection) {
    this.#core = core
    this.#connection = connection
  }

  /** Makes a change of these plugins, and waits until it is answered and told of. */
  async make(ids: readonly string[], number: number, change: () => Promise<void>): Promise<Change> {
    await this.#core.post('/api/plugins/witness/turns')
    await this.#core.post('/api/plugins/lag/start')
    await change()
    const changed = performance.now()
    let ms = 0
    for (const expected = JSON.stringify(number); ;) {
      const { body } = await this.#connection.send('GET', pathOf(ids[0]!))
      ms = performance.now() - changed
      if (body.includes(`"state":${expected},`)) break
      if (ms > PATIENCE_MS)
        throw new Error(`State ${number} was not answered within ${PATIENCE_MS} ms, but: ${body}`)
    }
    await Bun.sleep(PAUSE_MS)
    const longestBlockMs = await this.#longestBlock()
    await this.#core.post('/api/plugins/lag/start')
    await Bun.sleep(ms + PAUSE_MS)
    const idleBlockMs = await this.#longestBlock()
    const { turns } = await this.#core.post<{ turns: string[][] }>('/api/plugins/witness/turns')
    const isWhole = turns.length === 1 && turns[0]!.toSorted().join() === ids.toSorted().join()
    return { ms, longestBlockMs, idleBlockMs, turns, isWhole }
  }

  /** Since the plugin began to look, in ms. */
  async #longestBlock(): Promise<number> {
    return (await this.#core.post<{ longestMs: number }>('/api/plugins/lag/stop')).longestMs
  }
}

function figuresOf(what: string, changes: readonly Change[], whose: string): Figure[] {
  const times = changes.map(({ ms }) => ms)
  const blocks = changes.map(({ longestBlockMs }) => longestBlockMs)
  const idle = changes.map(({ idleBlockMs }) => idleBlockMs)
  const broken = changes.filter(({ isWhole }) => !isWhole)
  const [first] = broken
  return [
    {
      what: `${what}, median`,
      value: amount(median(times), 'ms'),
      beside: `${changes.length} changes ${whose}`,
    },
    { what: `${what}, 95th percentile`, value: amount(p95(times), 'ms') },
    atMost(
      `changes ${whose} that were not one transaction`,
      broken.length,
      0,
      '',
      first && `the first: ${first.turns.map((turn) => turn.join(' ')).join(' | ')}`,
    ),
    {
      what: `the event loop blocked by a change ${whose}, 95th percentile of the longest`,
      value: amount(p95(blocks), 'ms'),
      beside: `median ${amount(median(blocks), 'ms')}, at worst ${amount(Math.max(...blocks), 'ms')}; without a change ${amount(p95(idle), 'ms')}`,
    },
  ]
}

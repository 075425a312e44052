// house: whether a swap grows with the house around it.
//
// Measured: one plugin of 20 documented routes is saved while 50 such plugins are loaded; the time from the save until the
// new code has answered and the whole OpenAPI document, asked for after that, has arrived with the new text in it. Beside
// it, taking turns, the same in a Core that has loaded the one plugin alone. Meanwhile a plugin in the larger Core looks at
// its event loop with a timer of 1 ms, and tells by how much it was late at worst.
// Fair, because: both are Cores of the same make on the same machine; the document is never the one of the round before;
// neither begins while the other still tears its old version down.
// How late a 1 ms timer is when nobody saves anything is told beside it: that much is the machine's.

import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { amount, atMost, type Benchmark } from '../benchmark.ts'
import { CoreProcess } from '../lib/core.ts'
import { SavedVersion } from '../lib/saved-version.ts'
import { median, p95 } from '../lib/statistics.ts'
import { Workspace } from '../lib/workspace.ts'
import { room, version } from './rooms.ts'

const ROOMS = 50
const WARM_UP = 10
const SWAPS = 40
/** By then nothing of the version before is left. It belongs to the swap: what blocks the loop in it counts. */
const TEARDOWN_MS = 80
/** By then a Core has given back what only its start needed, which is no part of a swap. */
const START_MS = 2_000

export const house: Benchmark = {
  name: 'house',
  title: 'A swap among 50 plugins of 20 documented routes',

  async run() {
    using workspace = new Workspace()
    await using large = await House.build(workspace, 'large', ROOMS)
    await using small = await House.build(workspace, 'small', 1)
    await Bun.sleep(START_MS)
    for (let swap = 0; swap < WARM_UP; swap++) {
      await large.swap()
      await small.swap()
    }
    const many: number[] = []
    const one: number[] = []
    const late: number[] = []
    const idle: number[] = []
    for (let swap = 0; swap < SWAPS; swap++) {
      one.push(await small.swap())
      await Bun.sleep(TEARDOWN_MS)
      await large.watchLoop()
      many.push(await large.swap())
      await Bun.sleep(TEARDOWN_MS)
      late.push(await large.longestBlock())
      await large.watchLoop()
      await Bun.sleep(median(many) + TEARDOWN_MS)
      idle.push(await large.longestBlock())
    }
    return [
      atMost(
        'save → new answer → new OpenAPI document, in the time that it takes with one plugin',
        median(many) / median(one),
        1.5,
        '×',
        `${amount(median(many), 'ms')} against ${amount(median(one), 'ms')}`,
      ),
      atMost(
        'the event loop blocked meanwhile, 95th percentile of the longest in each swap',
        p95(late),
        10,
        'ms',
        `without a swap ${amount(p95(idle), 'ms')}`,
      ),
    ]
  },
}

/** A Core with so many rooms, of which the first is saved. */
class House implements AsyncDisposable {
  readonly #core: CoreProcess
  readonly #room: SavedVersion
  #version = 0

  private constructor(core: CoreProcess, room: SavedVersion) {
    this.#core = core
    this.#room = room
  }

  static async build(workspace: Workspace, name: string, rooms: number): Promise<House> {
    for (let number = 1; number <= rooms; number++) workspace.write(`${name}/room-${number}`, room(number))
    cpSync(join(import.meta.dir, 'plugins'), workspace.path(name), { recursive: true })
    const core = await CoreProcess.start({ workspace, pluginsFolder: name })
    const saved = new SavedVersion({
      connection: await core.connect(),
      path: '/api/plugins/room-1/version',
      file: workspace.path(name, 'room-1/version.ts'),
      text: version,
    })
    return new House(core, saved)
  }

  /** @returns from the save until the document has arrived, in ms */
  async swap(): Promise<number> {
    const started = performance.now()
    await this.#room.save()
    const document = await this.#core.getText('/openapi.json')
    const took = performance.now() - started
    if (!document.includes(`version ${++this.#version}"`)) throw new Error('The document is an old one.')
    return took
  }

  async watchLoop(): Promise<void> {
    await this.#core.post('/api/plugins/lag/start')
  }

  /** Since `watchLoop`, in ms. */
  async longestBlock(): Promise<number> {
    return (await this.#core.post<{ longestMs: number }>('/api/plugins/lag/stop')).longestMs
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#core[Symbol.asyncDispose]()
  }
}

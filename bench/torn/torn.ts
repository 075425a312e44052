// torn: whether half a file ever goes live.
//
// Measured: a file of a plugin is written in place, in eight pieces with pauses of up to 40 ms, half of the time from empty
// and half of the time over the old text; then 1,000 saves a millisecond apart, once in place and once by renaming. The
// file begins and ends with its version, and any number of its lines is a module, so that half of it could load well and
// would answer with two different marks; a client asks all the time. Then: how long after the last write the last version
// is live, and how many reloads the 1,000 saves made.
// Fair, because: nothing tells the Core that a write has ended, and the pauses are below the 50 ms of quiet that it waits
// for, but not by much.

import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs'
import type { Reload } from '@home-console/sdk'
import { amount, atMost, type Benchmark } from '../benchmark.ts'
import { CoreProcess } from '../lib/core.ts'
import type { KeptConnection } from '../lib/kept-connection.ts'
import { median } from '../lib/statistics.ts'
import { saveAtomically, Workspace } from '../lib/workspace.ts'

const SLOW_WRITES = 30
const PIECES = 8
const LONGEST_PAUSE_MS = 40
const STORM = 1_000
const PATIENCE_MS = 5_000

const entry = `
import { definePlugin } from '@home-console/sdk'
import * as pages from './pages.ts'

export default definePlugin({
  onLoad(ctx) {
    const router = ctx.router({ security: [] })
    router.get('/marks', (c) => c.text(pages.begin + ' ' + pages.end))
    return router
  },
})
`

/** Each line is a statement of its own, so that any number of them is a module. */
function pages(version: number): string {
  const lines = Array.from(
    { length: 200 },
    (_, line) => `export const page${line} = 'page ${line} of version ${version}'`,
  )
  return [`export const begin = ${version}`, ...lines, `export const end = ${version}`, ''].join('\n')
}

export const torn: Benchmark = {
  name: 'torn',
  title: 'Files that are written slowly, and storms of saves',

  async run() {
    using workspace = new Workspace()
    workspace.write('plugins/book', { 'index.ts': entry, 'pages.ts': pages(0) })
    await using core = await CoreProcess.start({ workspace })
    const file = workspace.path('plugins/book/pages.ts')
    const reader = new Reader(await core.connect())
    let version = 0

    const slow: number[] = []
    for (let write = 0; write < SLOW_WRITES; write++) {
      await writeSlowly(file, pages(++version), write % 2 === 0)
      slow.push(await reader.sees(version))
    }

    const storms: Storm[] = []
    for (const save of [writeFileSync, saveAtomically]) {
      const before = await lastReload(core)
      for (let count = 0; count < STORM; count++) {
        save(file, pages(++version))
        await Bun.sleep(1)
      }
      const liveMs = await reader.sees(version)
      await Bun.sleep(200)
      storms.push({ liveMs, reloads: await reloadsSince(core, before) })
    }
    await reader.stop()

    const [inPlace, renamed] = storms as [Storm, Storm]
    return [
      atMost(
        'incomplete versions that were live',
        reader.torn,
        0,
        '',
        `${amount(reader.answers, '')} answers looked at`,
      ),
      atMost(
        'last write → live, of a file written in pieces',
        Math.max(...slow),
        150,
        'ms',
        `median ${amount(median(slow), 'ms')} of ${SLOW_WRITES}`,
      ),
      atMost(
        'last write → live, after 1,000 saves',
        Math.max(inPlace.liveMs, renamed.liveMs),
        150,
        'ms',
        `in place ${amount(inPlace.liveMs, 'ms')}, renamed ${amount(renamed.liveMs, 'ms')}`,
      ),
      atMost(
        'reloads by 1,000 saves',
        Math.max(inPlace.reloads, renamed.reloads),
        20,
        '',
        `in place ${inPlace.reloads}, renamed ${renamed.reloads}`,
      ),
    ]
  },
}

interface Storm {
  readonly liveMs: number
  readonly reloads: number
}

async function writeSlowly(file: string, text: string, fromEmpty: boolean): Promise<void> {
  const bytes = Buffer.from(text)
  const descriptor = openSync(file, fromEmpty ? 'w' : 'r+')
  const size = Math.ceil(bytes.length / PIECES)
  for (let start = 0; start < bytes.length; start += size) {
    if (start > 0) await Bun.sleep(Math.random() * LONGEST_PAUSE_MS)
    writeSync(descriptor, bytes, start, Math.min(size, bytes.length - start), start)
  }
  ftruncateSync(descriptor, bytes.length)
  closeSync(descriptor)
}

/** Asks for the two marks, again and again. */
class Reader {
  answers = 0
  torn = 0
  readonly #connection: KeptConnection
  readonly #reading: Promise<void>
  #stopped = false
  #seen = 0
  #onSeen = () => {}

  constructor(connection: KeptConnection) {
    this.#connection = connection
    this.#reading = this.#read()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#reading
  }

  /** @returns after how many ms the version is answered, counted from now */
  async sees(version: number): Promise<number> {
    const started = performance.now()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const patience = setTimeout(() => reject(new Error(`Version ${version} was never live.`)), PATIENCE_MS)
    this.#onSeen = () => this.#seen === version && resolve()
    this.#onSeen()
    await promise
    clearTimeout(patience)
    return performance.now() - started
  }

  async #read(): Promise<void> {
    while (!this.#stopped) {
      const { body } = await this.#connection.send('GET', '/api/plugins/book/marks')
      const [begin, end] = body.split(' ')
      this.answers++
      if (begin !== end) this.torn++
      else if (this.#seen !== Number(begin)) {
        this.#seen = Number(begin)
        this.#onSeen()
      }
      await Bun.sleep(1)
    }
  }
}

async function reloadsOf(core: CoreProcess): Promise<Reload[]> {
  return (await core.get<{ reloads: Reload[] }>('/api/core/plugins/book/reloads?limit=100')).reloads
}

async function lastReload(core: CoreProcess): Promise<string> {
  return (await reloadsOf(core))[0]!.id
}

/** Attempts of every outcome: those that a newer save overtook cost the house something too. */
async function reloadsSince(core: CoreProcess, id: string): Promise<number> {
  const reloads = await reloadsOf(core)
  const index = reloads.findIndex((reload) => reload.id === id)
  return index === -1 ? reloads.length : index
}

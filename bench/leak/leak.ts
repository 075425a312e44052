// leak: what is left of a plugin that was swapped a thousand times.
//
// Measured: a plugin that holds one of everything (documented routes with named schemas, timers, listeners on the bus and
// on the process, a task, an open WebSocket) is saved 1,000 times, each time with a changed file. Before and after, the
// process collects its garbage and is looked at: from outside its resident memory and its open files, from inside its
// timers, its listeners, and through weak references whether any old generation is alive.
// Fair, because: what is compared stands after a warm-up of 50 swaps, when compiled code and caches have found their size;
// each version brings 100 KB of its own, so that 1,000 forgotten ones would be 100 MB.

import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { amount, atLeast, atMost, type Benchmark, type Figure } from '../benchmark.ts'
import { CoreProcess } from '../lib/core.ts'
import { SavedVersion } from '../lib/saved-version.ts'
import { Workspace } from '../lib/workspace.ts'
import type { Findings } from './plugins/probe/index.ts'

const WARM_UP = 50
const RELOADS = 1_000
/** Goodbyes take a while: a generation with an open WebSocket leaves it a quarter of a second. In ms. */
const GOODBYE_MS = 10_000
/** The allocator keeps pages that were freed for some five seconds, before it gives them back. In ms. */
const REST_MS = 10_000

interface State extends Findings {
  readonly residentMb: number
  readonly files: number
  readonly subscriptions: number
  readonly holds: number
}

export const leak: Benchmark = {
  name: 'leak',
  title: '1,000 swaps of a plugin that holds one of everything',

  async run() {
    using workspace = new Workspace()
    cpSync(join(import.meta.dir, 'plugins'), workspace.path('plugins'), { recursive: true })
    await using core = await CoreProcess.start({ workspace })
    const holder = new SavedVersion({
      connection: await core.connect(),
      path: '/api/plugins/holder/version',
      file: workspace.path('plugins/holder/version.ts'),
      text: (version) => `export const version = ${version}\n`,
    })
    using sockets = new Sockets(new URL('/api/plugins/holder/socket', core.url))

    const swap = async (times: number) => {
      for (let count = 0; count < times; count++) {
        await holder.save()
        await sockets.open()
      }
    }
    await swap(WARM_UP)
    const before = await settled(core)
    await swap(RELOADS)
    const after = await settled(core)

    return [
      atMost(
        'resident memory, growth',
        after.residentMb - before.residentMb,
        20,
        'MB',
        `from ${amount(before.residentMb, 'MB')}`,
      ),
      // A generation that serves is two marks: its context, and what its module keeps.
      atMost('old generations alive', Math.max(0, after.alive - 2) / 2, 0, ''),
      noMore('open files', before.files, after.files),
      noMore('timers in the heap', before.timers, after.timers),
      noMore('listeners on the process', before.listeners, after.listeners),
      noMore('subscriptions on the bus', before.subscriptions, after.subscriptions),
      noMore('what the plugin holds', before.holds, after.holds),
      atLeast(
        'WebSockets of old generations that were asked to come back (1012)',
        sockets.askedBack,
        sockets.opened - 1,
        '',
      ),
    ]
  },
}

function noMore(what: string, before: number, after: number): Figure {
  return {
    what: `${what}, before → after`,
    value: `${before} → ${after}`,
    bound: 'no more',
    holds: after <= before,
  }
}

/** The state once all goodbyes are said, or what it is when they should have been. */
async function settled(core: CoreProcess): Promise<State> {
  const deadline = performance.now() + GOODBYE_MS
  for (;;) {
    await Bun.sleep(500)
    const findings = await core.get<Findings>('/api/plugins/probe/findings')
    if (findings.alive > 2 && performance.now() < deadline) continue
    // Once more, with the socket come back and the allocator given its time.
    await Bun.sleep(REST_MS)
    const { holds } = await core.get<{ holds: unknown[] }>('/api/core/plugins/holder')
    const metrics = await core.getText('/metrics')
    return {
      ...(await core.get<Findings>('/api/plugins/probe/findings')),
      residentMb: core.process.residentMb,
      files: core.process.openFiles,
      subscriptions: Number(/^home_console_event_subscriptions (\d+)$/m.exec(metrics)![1]),
      holds: holds.length,
    }
  }
}

/** Opens a WebSocket to the generation that serves, and counts how those of earlier ones are sent away. */
class Sockets implements Disposable {
  opened = 0
  /** Closed with 1012 "Service Restart": the client is expected to come back. */
  askedBack = 0
  readonly #url: URL
  readonly #open = new Set<WebSocket>()

  constructor(url: URL) {
    this.#url = new URL(url)
    this.#url.protocol = 'ws:'
  }

  async open(): Promise<void> {
    const socket = new WebSocket(this.#url)
    this.#open.add(socket)
    socket.addEventListener('close', ({ code }) => {
      this.#open.delete(socket)
      if (code === 1012) this.askedBack++
    })
    await new Promise((resolve, reject) => {
      socket.addEventListener('message', resolve, { once: true })
      socket.addEventListener('error', reject, { once: true })
    })
    this.opened++
  }

  [Symbol.dispose](): void {
    for (const socket of this.#open) socket.close()
  }
}

// load: whether anybody notices a swap.
//
// Measured: 200 swaps while 20 kept connections send 500 requests a second, half of them to another plugin, and 20 event
// streams are open: ten of the Core's, and ten that the other plugin serves itself. Counted: requests that fail; requests
// that began after a new version was known to be live (its `plugin.reloaded` had arrived, or somebody had been answered by
// it) and were answered by an older one; numbers missing or twice in what the plugins emit, and in what the swapped plugin
// hears of the other; streams that were cut.
// Fair, because: the requests go out at their time whether or not the house is busy, and none is sent a second time; the
// pause between swaps varies, so that they fall into every moment of a request and of a timer.

import { cpSync } from 'node:fs'
import { join } from 'node:path'
import type { CloudEvent, PluginEvent } from '@home-console/sdk'
import { amount, atMost, type Benchmark } from '../benchmark.ts'
import { CoreProcess } from '../lib/core.ts'
import { percentile } from '../lib/statistics.ts'
import { saveAtomically, Workspace } from '../lib/workspace.ts'
import { Clients } from './clients.ts'
import { Numbered } from './numbered.ts'

const SWAPS = 200
const PER_SECOND = 500
/** Of each of the two kinds. */
const STREAMS = 10
/** A swap that is not told of after this long did not happen, in ms. */
const PATIENCE_MS = 5_000

export const load: Benchmark = {
  name: 'load',
  title: '200 swaps under 500 requests a second and 20 event streams',

  async run() {
    using workspace = new Workspace()
    cpSync(join(import.meta.dir, 'plugins'), workspace.path('plugins'), { recursive: true })
    await using core = await CoreProcess.start({ workspace })

    const followed = Array.from({ length: 2 * STREAMS }, () => new Numbered())
    const streams = await Promise.all(
      followed.map(({ take }, index) =>
        core.follow(
          index % 2 === 0
            ? '/api/core/events?pattern=other.*&pattern=swapped.*'
            : '/api/plugins/other/stream',
          take,
        ),
      ),
    )
    let onReloaded = () => {}
    const reloads = await core.follow(
      '/api/core/events?pattern=plugin.*',
      ({ type, data }: CloudEvent<PluginEvent>) => {
        if (type === 'plugin.reloaded' && data.plugin === 'swapped') onReloaded()
      },
    )
    const clients = new Clients(core.url, PER_SECOND)
    clients.start()
    await Bun.sleep(500)

    for (let version = 1; version <= SWAPS; version++) {
      const { promise: reloaded, resolve, reject } = Promise.withResolvers<void>()
      const patience = setTimeout(() => reject(new Error(`Swap ${version} was never told of.`)), PATIENCE_MS)
      onReloaded = resolve
      saveAtomically(workspace.path('plugins/swapped/version.ts'), `export const version = ${version}\n`)
      await reloaded
      clearTimeout(patience)
      clients.live = version
      await Bun.sleep(20 + Math.random() * 30)
    }
    await clients.stop()
    await Bun.sleep(200)
    const cut = streams.filter((stream) => stream.cut).length
    for (const stream of [...streams, reloads]) stream.close()

    const total = (of: (numbered: Numbered) => number) =>
      followed.reduce((sum, numbered) => sum + of(numbered), 0)
    const [firstFailure] = clients.failures
    return [
      atMost(
        'failed requests',
        clients.failures.length,
        0,
        '',
        `${amount(clients.requests, '')} requests, 99th percentile ${amount(percentile(clients.latencies, 0.99), 'ms')}${firstFailure === undefined ? '' : `; the first: ${firstFailure}`}`,
      ),
      atMost('requests begun after a commit and answered by old code', clients.stale, 0, ''),
      atMost(
        'events lost',
        total(({ lost }) => lost),
        0,
        '',
        `${amount(
          total(({ received }) => received),
          '',
        )} received`,
      ),
      atMost(
        'events doubled',
        total(({ doubled }) => doubled),
        0,
        '',
      ),
      atMost('streams of others that were cut', cut, 0, '', `${streams.length} open`),
    ]
  },
}

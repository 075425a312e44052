// emit: what an event costs, and what patterns that do not match add to it.
//
// Measured: emits a second with 1,000 patterns subscribed of which 10 match, against the same emit with those 10 alone;
// once on the bus itself in a process of its own, and once from a plugin through its `ctx`, inside a running Core.
// Fair, because: an emit counts when its ten listeners have run, and each round counts the deliveries; the patterns that
// do not match are of every kind, some but one word away; the rounds alternate. Neighbours on the machine can only slow a
// round down, so of each side the ninth decile counts.

import { join } from 'node:path'
import { amount, atLeast, atMost, type Benchmark, type Figure } from '../benchmark.ts'
import { CoreProcess } from '../lib/core.ts'
import { undisturbedMost } from '../lib/statistics.ts'
import { Workspace } from '../lib/workspace.ts'
import type { Emits } from './rounds.ts'

export const emit: Benchmark = {
  name: 'emit',
  title: 'An event to ten of a thousand patterns',

  async run() {
    const alone = Bun.spawn([process.execPath, join(import.meta.dir, 'on-the-bus.ts')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const onTheBus = (await new Response(alone.stdout).json()) as Emits
    using workspace = new Workspace()
    await using core = await CoreProcess.start({ workspace, pluginsFolder: join(import.meta.dir, 'plugins') })
    const fromPlugin = await core.get<Emits>('/api/plugins/emitter/emits')
    return [...figures('on the bus', onTheBus), ...figures('from a plugin', fromPlugin)]
  },
}

function figures(where: string, emits: Emits): Figure[] {
  const [few, many] = [undisturbedMost(emits.few), undisturbedMost(emits.many)]
  return [
    atLeast(
      `emits a second, ${where}, 10 of 1,000 patterns match`,
      many,
      400_000,
      '/s',
      `those 10 alone ${amount(few, '/s')}`,
    ),
    atMost(`time of an emit, ${where}, in that with those 10 alone`, few / many, 1.5, '×'),
  ]
}

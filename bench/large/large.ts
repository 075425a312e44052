// large: a gigabyte through the proxy, up and down.
//
// Measured: the time that 1 GB takes through an adapter's route, and by how much the Core's resident memory grows meanwhile
// (looked at every 10 ms). Beside it, taking turns: the same without anything between, through the barest pass-through in
// Bun, and through nginx.
// Fair, because: service and client share one core and the doors the other; all move the same bytes between the same two
// processes; three turns each, of which the fastest counts.
// Over the loopback a byte costs nothing but its copies, and a door copies it twice more: without one, two processes share a
// core; with one, three share two. What a door in user space can keep of that speed is what the two rivals keep.

import { amount, atLeast, atMost, type Benchmark, type Figure } from '../benchmark.ts'
import { join } from 'node:path'
import { ADMIN_TOKEN } from '../lib/core.ts'
import { onCore, type ServerProcess } from '../lib/process.ts'
import { Workspace } from '../lib/workspace.ts'
import { pathOf, startBare, startCore, startNginx, startService } from '../proxy/fronts.ts'

const MEGABYTES = 1_024
const TURNS = 3
const CLIENT_CORE = 0

type Way = 'down' | 'up'

interface Moved {
  readonly ms: number
  readonly grownMb: number
}

export const large: Benchmark = {
  name: 'large',
  title: 'A gigabyte through the proxy, up and down',

  async run() {
    using workspace = new Workspace()
    await using service = await startService(workspace, 'service')
    await using core = await startCore(workspace, { service })
    await using bare = await startBare(workspace, service)
    await using nginx = await startNginx(workspace, service).catch(() => null)
    const figures: Figure[] = []
    for (const way of ['down', 'up'] as const) {
      const servers = { without: service, core: core.process, bare, ...(nginx !== null && { nginx }) }
      const best: Record<string, Moved> = {}
      for (let turn = 0; turn < TURNS; turn++) {
        for (const [name, server] of Object.entries(servers)) {
          const moved = await move(way, server)
          const known = best[name]
          best[name] = {
            ms: Math.min(known?.ms ?? Infinity, moved.ms),
            grownMb: Math.max(known?.grownMb ?? 0, moved.grownMb),
          }
        }
      }
      const speed = (name: string) => amount(MEGABYTES / (best[name]!.ms / 1_000), 'MB/s')
      const share = (name: string) => best['without']!.ms / best[name]!.ms
      figures.push(
        atMost(`${way}: the Core grows by`, best['core']!.grownMb, 32, 'MB'),
        atLeast(
          `${way}: speed, in that of the way without a door`,
          share('core'),
          0.7,
          '×',
          [
            `${speed('core')} of ${speed('without')}`,
            `the barest pass-through ${amount(share('bare'), '×')}`,
            best['nginx'] === undefined ? 'nginx not measured here' : `nginx ${amount(share('nginx'), '×')}`,
          ].join(', '),
        ),
      )
    }
    return figures
  },
}

async function move(way: Way, server: ServerProcess): Promise<Moved> {
  const path = pathOf('service', way === 'up' ? '/upload' : `/download/${MEGABYTES}`)
  const before = server.residentMb
  let most = before
  const watch = setInterval(() => (most = Math.max(most, server.residentMb)), 10)
  const command = [
    process.execPath,
    join(import.meta.dir, 'client.ts'),
    way,
    new URL(path, server.url).href,
    String(MEGABYTES),
    ADMIN_TOKEN,
  ]
  const child = Bun.spawn([...onCore(CLIENT_CORE, command)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const text = await new Response(child.stdout).text()
  clearInterval(watch)
  if ((await child.exited) !== 0)
    throw new Error(`A gigabyte ${way} did not come through ${server.url.href}.`)
  return { ms: Number(text), grownMb: most - before }
}

// proxy: what the way through the Core to an external service costs a request.
//
// Measured: requests a second on a small answer of a service, through an adapter's route: everything that the Core puts
// before a route, and everything that its proxy does (headers cleaned both ways, credential, signed caller, deadlines,
// circuit, limit). Beside it, taking turns: the barest Bun.serve that passes on with fetch, and nginx with kept
// connections and the same headers written. Added latency: the median of one connection that sends the next request when
// the answer is there, with the Core between and without.
// Fair, because: the three doors share one core, one at a time, and the service and the load generator the other; all get
// the same requests to the byte. Neighbours on the machine can only slow a round down, so of each side the ninth decile of
// its rounds counts, and of latencies the first.

import { amount, atLeast, atMost, type Benchmark, type Figure } from '../benchmark.ts'
import { ADMIN_TOKEN } from '../lib/core.ts'
import { generateLoad, type Round } from '../lib/load-generator.ts'
import type { ServerProcess } from '../lib/process.ts'
import { undisturbedLeast, undisturbedMost } from '../lib/statistics.ts'
import { Workspace } from '../lib/workspace.ts'
import { pathOf, startBare, startCore, startNginx, startService } from './fronts.ts'

const WARM_UP = 4
const ROUNDS = 16
const ROUND_MS = 500
const CONNECTIONS = 32
const GENERATOR_CORE = 0

export const proxy: Benchmark = {
  name: 'proxy',
  title: 'A request through the proxy, against the barest pass-through and nginx',

  async run() {
    using workspace = new Workspace()
    await using service = await startService(workspace, 'service')
    await using core = await startCore(workspace, { service })
    await using bare = await startBare(workspace, service)
    await using nginx = await startNginx(workspace, service).catch(() => null)

    const fronts = [core.process, bare, ...(nginx === null ? [] : [nginx])]
    const [ours = [], bares = [], nginxes] = await load(fronts, CONNECTIONS)
    const speed = (rounds: Round[]) =>
      undisturbedMost(rounds.map(({ requestsPerSecond }) => requestsPerSecond))
    const [through = [], without = [], ...rest] = await load([core.process, service, ...fronts.slice(1)], 1)
    const latency = (rounds: Round[]) => undisturbedLeast(rounds.map(({ medianMs }) => medianMs))
    const ofNginx: Figure =
      nginxes === undefined
        ? { what: 'requests a second, in those of nginx', value: 'not measured here: there is no nginx' }
        : atLeast(
            'requests a second, in those of nginx',
            speed(ours) / speed(nginxes),
            0.45,
            '×',
            amount(speed(nginxes), '/s'),
          )
    return [
      { what: 'requests a second', value: amount(speed(ours), '/s') },
      atLeast(
        'requests a second, in those of the barest pass-through',
        speed(ours) / speed(bares),
        0.8,
        '×',
        amount(speed(bares), '/s'),
      ),
      ofNginx,
      atMost(
        'added to the median latency',
        latency(through) - latency(without),
        0.5,
        'ms',
        ['the barest pass-through', 'nginx']
          .flatMap((name, index) => {
            const rounds = rest[index]
            return rounds === undefined ? [] : `${name} ${amount(latency(rounds) - latency(without), 'ms')}`
          })
          .join(', '),
      ),
      atMost(
        'requests that failed',
        [ours, bares, nginxes ?? [], through].flat().reduce((sum, { failed }) => sum + failed, 0),
        0,
        '',
      ),
    ]
  },
}

async function load(servers: readonly ServerProcess[], connections: number): Promise<Round[][]> {
  const rounds = await generateLoad(
    {
      servers: servers.map(({ url, pid }) => ({ url: url.href, pid })),
      path: pathOf('service', '/small'),
      token: ADMIN_TOKEN,
      connections,
      rounds: WARM_UP + ROUNDS,
      roundMs: connections === 1 ? ROUND_MS / 2 : ROUND_MS,
    },
    GENERATOR_CORE,
  )
  return rounds.map((all) => all.slice(WARM_UP))
}

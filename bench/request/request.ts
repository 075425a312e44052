// request: what the Core costs a request.
//
// Measured: requests a second on a validated route of a plugin, through everything that the Core puts before it (host and
// path check, bearer token, guard, request id, error shape, statistics). Beside it, taking turns: the same route file in a
// bare OpenAPIHono on Bun.serve, which checks nobody.
// Fair, because: each server has a core of its own and the load generator the other; both get the same requests to the
// byte, the token included; 24 rounds of half a second alternate. Neighbours on the machine can only slow a round down,
// so of each side the ninth decile of its rounds counts. The 99th percentile is at equal concurrency: 32 connections that
// each send the next request when the answer is there. How busy the servers were shows that it was they who were
// measured, and not the generator.

import { join } from 'node:path'
import { amount, atLeast, atMost, type Benchmark } from '../benchmark.ts'
import { ADMIN_TOKEN, CoreProcess } from '../lib/core.ts'
import { generateLoad, type Round } from '../lib/load-generator.ts'
import { canPin, freePort, onCore, ServerProcess } from '../lib/process.ts'
import { undisturbedLeast, undisturbedMost } from '../lib/statistics.ts'
import { Workspace } from '../lib/workspace.ts'

const WARM_UP = 4
const ROUNDS = 24
const ROUND_MS = 500
const CONNECTIONS = 32
const PATH = '/api/plugins/catalog/items/42?tags=4'
const SERVER_CORE = 1
const GENERATOR_CORE = 0

export const request: Benchmark = {
  name: 'request',
  title: 'A validated request through the Core, against a bare OpenAPIHono',

  async run() {
    using workspace = new Workspace()
    await using core = await CoreProcess.start({
      workspace,
      pluginsFolder: join(import.meta.dir, 'plugins'),
      wrap: (command) => onCore(SERVER_CORE, command),
    })
    const port = freePort()
    await using bare = await ServerProcess.start({
      command: onCore(SERVER_CORE, [process.execPath, join(import.meta.dir, 'bare-server.ts')]),
      port,
      readyAt: PATH,
      cwd: import.meta.dir,
      env: { PORT: String(port) },
      logFile: workspace.path('bare.log'),
    })

    const rounds = await generateLoad(
      {
        servers: [core.process, bare].map(({ url, pid }) => ({ url: url.href, pid })),
        path: PATH,
        token: ADMIN_TOKEN,
        connections: CONNECTIONS,
        rounds: WARM_UP + ROUNDS,
        roundMs: ROUND_MS,
      },
      GENERATOR_CORE,
    )
    const [ours, theirs] = rounds.map((all) => all.slice(WARM_UP)) as [Round[], Round[]]
    const speed = ({ requestsPerSecond }: Round) => requestsPerSecond
    const late = ({ p99Ms }: Round) => p99Ms
    const busy = ({ busy }: Round) => busy * 100
    const best = (rounds: Round[]) => undisturbedMost(rounds.map(speed))
    const tail = (rounds: Round[]) => undisturbedLeast(rounds.map(late))
    const share = (rounds: Round[]) => undisturbedMost(rounds.map(busy))
    return [
      {
        what: 'requests a second',
        value: amount(best(ours), '/s'),
        beside: `bare OpenAPIHono ${amount(best(theirs), '/s')}`,
      },
      atLeast('requests a second, in those of a bare OpenAPIHono', best(ours) / best(theirs), 0.9, '×'),
      atMost(
        '99th percentile, in that of a bare OpenAPIHono',
        tail(ours) / tail(theirs),
        1.3,
        '×',
        `${amount(tail(ours), 'ms')} against ${amount(tail(theirs), 'ms')}`,
      ),
      atMost(
        'requests that failed',
        [...ours, ...theirs].reduce((sum, { failed }) => sum + failed, 0),
        0,
        '',
      ),
      {
        what: canPin ? 'the server’s core was busy' : 'the server was busy (without taskset: on any core)',
        value: amount(share(ours), '%'),
        beside: `bare OpenAPIHono ${amount(share(theirs), '%')}`,
      },
    ]
  },
}

// hung: three hundred calls that hang at one service, while another is used.
//
// Measured: the 99th percentile of a request through the proxy to a service that is well, while 300 calls to another one
// hang. Beside it, in turns: the same while nothing hangs.
// Fair, because: the same Core, the same service and the same generator, at equal concurrency: 16 connections that each send
// the next request when the answer is there; rounds with and without the hung calls alternate.

import { connect, type Socket } from 'node:net'
import { amount, atMost, type Benchmark } from '../benchmark.ts'
import { ADMIN_TOKEN, type CoreProcess } from '../lib/core.ts'
import { generateLoad, type Round } from '../lib/load-generator.ts'
import { undisturbedLeast } from '../lib/statistics.ts'
import { Workspace } from '../lib/workspace.ts'
import { pathOf, startCore, startService } from '../proxy/fronts.ts'

const TURNS = 6
const HUNG = 300
const CONNECTIONS = 16
const GENERATOR_CORE = 0

export const hung: Benchmark = {
  name: 'hung',
  title: 'Three hundred hung calls to one service, while another is used',

  async run() {
    using workspace = new Workspace()
    await using sick = await startService(workspace, 'sick')
    await using well = await startService(workspace, 'well')
    await using core = await startCore(workspace, { sick, well })
    const quiet: Round[] = []
    const beside: Round[] = []
    for (let turn = 0; turn < TURNS; turn++) {
      quiet.push(...(await rounds(core)))
      const { sockets, refused } = await hang(core)
      beside.push(...(await rounds(core)))
      if (refused() === 0) throw new Error('Of 300 calls that hang none was refused.')
      for (const socket of sockets) socket.destroy()
    }
    const tail = (all: Round[]) => undisturbedLeast(all.map(({ p99Ms }) => p99Ms))
    return [
      atMost(
        '99th percentile of the other service, in that without the hung calls',
        tail(beside) / tail(quiet),
        2,
        '×',
        `${amount(tail(beside), 'ms')} against ${amount(tail(quiet), 'ms')}`,
      ),
      atMost(
        'requests to it that failed',
        [...quiet, ...beside].reduce((sum, { failed }) => sum + failed, 0),
        0,
        '',
      ),
    ]
  },
}

async function rounds(core: CoreProcess): Promise<Round[]> {
  const [all = []] = await generateLoad(
    {
      servers: [{ url: core.url.href, pid: core.process.pid }],
      path: pathOf('well', '/small'),
      token: ADMIN_TOKEN,
      connections: CONNECTIONS,
      rounds: 3,
      roundMs: 400,
    },
    GENERATOR_CORE,
  )
  return all.slice(1)
}

/** Settles when each of them is sent. */
async function hang(core: CoreProcess): Promise<{ sockets: Socket[]; refused: () => number }> {
  let answers = 0
  const bytes = `GET ${pathOf('sick', '/hang')} HTTP/1.1\r\nHost: ${core.url.host}\r\nAuthorization: Bearer ${ADMIN_TOKEN}\r\n\r\n`
  const sockets = Array.from({ length: HUNG }, () => {
    const socket = connect(Number(core.url.port), core.url.hostname)
    return socket.once('data', () => answers++).on('error', () => {})
  })
  await Promise.all(
    sockets.map((socket) => new Promise<void>((resolve) => socket.write(bytes, () => resolve()))),
  )
  return { sockets, refused: () => answers }
}

// modes: how soon a service that the Core runs is back when it dies, and whether anybody notices a switch of modes.
//
// Measured: a small service behind its adapter, asked 200 times a second over 20 kept connections. Its process is killed
// (kill -9) 20 times, each time when it has been back for a while: from the kill to the next answer through the adapter,
// the Core's pause before the start included. Then its mode is switched 20 times, from a child process to one that somebody
// else runs and back, and requests that fail are counted.
// Fair, because: beside it, in the same run, stands the time that the same service takes by itself from its start to its
// first answer; and the same service under the same load, ended and started again 20 times, as a service manager would do it.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { amount, atMost, type Benchmark } from '../benchmark.ts'
import { ADMIN_TOKEN, coreCommand, coreEnvironment } from '../lib/core.ts'
import { freePort, ServerProcess } from '../lib/process.ts'
import { median, p95 } from '../lib/statistics.ts'
import { SteadyClients } from '../lib/steady-clients.ts'
import { Workspace } from '../lib/workspace.ts'

const KILLS = 20
const SWITCHES = 20
const PER_SECOND = 200
const PATH = '/api/plugins/adapter/word'
const PATIENCE_MS = 15_000
const CREDENTIAL = 'credential-of-the-benchmark'

const SERVICE = `
Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env.PORT),
  fetch: () => new Response('word'),
})`

const ADAPTER = `
import { definePlugin } from '@home-console/sdk'
export default definePlugin({
  external: 'speaker',
  modes: ['embedded', 'microservice'],
  onLoad(ctx) {
    const router = ctx.router({ security: [] })
    router.all('/*', ctx.proxy())
    return router
  },
})`

export const modes: Benchmark = {
  name: 'modes',
  title: 'a service killed 20 times, and switched between its modes 20 times, under 200 requests a second',

  async run() {
    using workspace = new Workspace()
    workspace.write('plugins/adapter', { 'index.ts': ADAPTER })
    workspace.write('external/speaker', { 'main.ts': SERVICE })
    const speak = async (name: string): Promise<ServerProcess> => {
      const port = freePort()
      return ServerProcess.start({
        command: [process.execPath, 'main.ts'],
        port,
        readyAt: '/',
        cwd: workspace.path('external/speaker'),
        env: { PORT: String(port) },
        logFile: workspace.path(`${name}.log`),
      })
    }
    await using elsewhere = await speak('elsewhere')
    const manifest = {
      name: 'speaker',
      version: '1.0.0',
      url: elsewhere.url.origin,
      start: { command: ['bun', 'main.ts'] },
      health: { path: '/', everyMs: 1_000 },
    }
    workspace.write('external/speaker', { 'service.json': JSON.stringify(manifest) })
    await using core = await startCore(workspace)
    const house = new House(core.url)
    await house.until(({ state }) => state === 'up')

    const alone: number[] = []
    const back: number[] = []
    const calm = new SteadyClients({ url: core.url, path: PATH, perSecond: PER_SECOND })
    for (let kill = 0; kill < KILLS; kill++) {
      await Bun.sleep(50 + Math.random() * 100)
      const { pid } = await house.until(({ state }) => state === 'up')
      process.kill(pid!, 'SIGKILL')
      const killedAt = performance.now()
      await house.until((view) => view.pid !== pid && view.state === 'up')
      while (calm.lastGoodAt < killedAt) await Bun.sleep(1)
      back.push(calm.lastGoodAt - killedAt)
    }
    await calm.stop()
    for (let start = 0; start < 5; start++) {
      await using speaker = await speak('alone')
      alone.push(speaker.startMs)
    }

    const clients = new SteadyClients({ url: core.url, path: PATH, perSecond: PER_SECOND })
    const switches: number[] = []
    for (let count = 0; count < SWITCHES; count++) {
      await Bun.sleep(50 + Math.random() * 100)
      const began = performance.now()
      await house.choose(count % 2 === 0 ? 'microservice' : 'embedded')
      switches.push(performance.now() - began)
    }
    await clients.stop()

    const bare = await failuresOfRestarts(workspace)
    return [
      atMost(
        'kill -9 → answered again, longest of 20',
        Math.max(...back),
        1_000,
        'ms',
        `median ${amount(median(back), 'ms')}; by itself, from its start to its first answer: median ${amount(median(alone), 'ms')}`,
      ),
      atMost(
        'requests that failed in 20 switches',
        clients.failures.length,
        0,
        '',
        [
          `${amount(clients.times.length, '')} requests, ${bare} of as many by stopping and starting it 20 times`,
          ...clients.failures.slice(0, 1),
        ].join('; the first: '),
      ),
      {
        what: 'a request, of all during the switches',
        value: `median ${amount(median(clients.times), 'ms')}, 95th percentile ${amount(p95(clients.times), 'ms')}`,
        beside: `a switch: median ${amount(median(switches), 'ms')}, longest ${amount(Math.max(...switches), 'ms')}`,
      },
    ]
  },
}

async function startCore(workspace: Workspace): Promise<ServerProcess> {
  const port = freePort()
  const core = await ServerProcess.start({
    command: coreCommand,
    port,
    readyAt: '/health',
    cwd: workspace.folder,
    env: {
      ...coreEnvironment(port, workspace.path('data'), workspace.path('plugins')),
      EXTERNAL_DIR: workspace.path('external'),
      EXTERNAL_SPEAKER__CREDENTIAL: CREDENTIAL,
    },
    logFile: workspace.path('core.log'),
    signal: 'SIGTERM',
  })
  while (!readFileSync(core.logFile, 'utf8').includes('Listening on')) await Bun.sleep(5)
  return core
}

/** The same service and load, without a Core: ended and started again at its port, as often as it is switched. */
async function failuresOfRestarts(workspace: Workspace): Promise<number> {
  const port = freePort()
  const start = (count: number) =>
    ServerProcess.start({
      command: [process.execPath, join(workspace.path('external/speaker'), 'main.ts')],
      port,
      readyAt: '/',
      cwd: workspace.folder,
      env: { PORT: String(port) },
      logFile: workspace.path(`bare-${count}.log`),
    })
  let server = await start(0)
  const clients = new SteadyClients({ url: server.url, path: '/', perSecond: PER_SECOND })
  for (let count = 1; count <= SWITCHES; count++) {
    await Bun.sleep(50 + Math.random() * 100)
    await server[Symbol.asyncDispose]()
    server = await start(count)
  }
  await clients.stop()
  await server[Symbol.asyncDispose]()
  return clients.failures.length
}

interface View {
  readonly state: string
  readonly pid: number | null
}

/** The control plane, asked as the owner. */
class House {
  readonly #url: URL

  constructor(url: URL) {
    this.#url = url
  }

  async until(isSo: (view: View) => boolean): Promise<View> {
    for (const end = performance.now() + PATIENCE_MS; ; await Bun.sleep(5)) {
      const { external } = (await this.#ask('/api/core/external')) as { external: View[] }
      const [view] = external
      if (view !== undefined && isSo(view)) return view
      if (performance.now() > end) throw new Error(`The service stays ${JSON.stringify(view)}.`)
    }
  }

  async choose(mode: string): Promise<void> {
    await this.#ask('/api/core/plugins/adapter', {
      method: 'PATCH',
      body: JSON.stringify({ mode }),
    })
  }

  async #ask(path: string, init?: { method: string; body: string }): Promise<unknown> {
    const response = await fetch(new URL(path, this.#url), {
      ...init,
      headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, 'Content-Type': 'application/json' },
    })
    if (!response.ok) throw new Error(`The Core answered ${response.status}: ${await response.text()}`)
    return response.json()
  }
}

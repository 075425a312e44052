// start: how soon the house answers, and what it weighs when nobody asks anything.
//
// Measured: from the spawn of the process to its first 200, and its resident memory (VmRSS) three seconds later. The Core
// has hello and host, and once more all plugins of this repository; beside it a bare zod-openapi process with one route, and Node-RED with an empty
// flow file. The Core listens before its plugins are loaded, so the time to a /health that counts them all is told as well.
// Fair, because: each start has an empty data folder of its own, so the Core also makes its database; the processes start
// one at a time, in turns; a client asks again within 2 ms.

import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { amount, atMost, type Benchmark } from '../benchmark.ts'
import { coreCommand, coreEnvironment } from '../lib/core.ts'
import { freePort, ServerProcess } from '../lib/process.ts'
import { median } from '../lib/statistics.ts'
import { repository, Workspace } from '../lib/workspace.ts'
import { installNodeRed } from './node-red.ts'

const STARTS = 5
const NODE_RED_STARTS = 2
const SAMPLES = join(repository, 'plugins')
const FIRST_TWO = ['hello', 'host']
const FULL_STARTS = 3
const IDLE_MS = 3_000

interface Start {
  readonly answerMs: number
  /** Until the plugins are loaded; the same where there are none. */
  readonly completeMs: number
  readonly idleMb: number
}

/** What a house comes to that somebody administers: the control plane is loaded when it is first asked. */
interface Administered {
  readonly firstMs: number
  readonly idleMb: number
}

type Starter = (workspace: Workspace, name: string) => Promise<ServerProcess>

export const start: Benchmark = {
  name: 'start',
  title: 'From the start to the first answer, and memory when idle',

  async run() {
    using workspace = new Workspace()
    const nodeRed = await nodeRedStarter()
    const ours: Start[] = []
    const bare: Start[] = []
    const theirs: Start[] = []
    const full: Start[] = []
    const administered: Administered[] = []
    const two = workspace.path('two')
    mkdirSync(two)
    for (const name of FIRST_TWO) symlinkSync(join(SAMPLES, name), join(two, name))
    for (let count = 0; count < STARTS; count++) {
      ours.push(
        await measured(coreWith(two), workspace, `core-${count}`, allLoaded, async (server) => {
          administered.push(await administer(server))
        }),
      )
      if (count < FULL_STARTS)
        full.push(await measured(coreWith(SAMPLES), workspace, `full-${count}`, allLoaded))
      bare.push(await measured(startBare, workspace, `bare-${count}`))
      if (count < NODE_RED_STARTS && typeof nodeRed !== 'string')
        theirs.push(await measured(nodeRed.starter, workspace, `node-red-${count}`))
    }
    const rivals = (of: (start: Start) => number, unit: string) => {
      const red =
        typeof nodeRed === 'string'
          ? `Node-RED not measured here: ${nodeRed}`
          : `Node-RED ${nodeRed.version} ${amount(median(theirs.map(of)), unit)}`
      return `bare zod-openapi ${amount(median(bare.map(of)), unit)}; ${red}`
    }
    const answer = ({ answerMs }: Start) => answerMs
    const idle = ({ idleMb }: Start) => idleMb
    return [
      atMost('start → first /health, median', median(ours.map(answer)), 400, 'ms', rivals(answer, 'ms')),
      {
        what: 'start → /health with all plugins active, median',
        value: amount(median(ours.map(({ completeMs }) => completeMs)), 'ms'),
      },
      atMost('resident memory, idle', median(ours.map(idle)), 80, 'MB', rivals(idle, 'MB')),
      {
        what: 'the same when its OpenAPI document was asked for',
        value: amount(median(administered.map(({ idleMb }) => idleMb)), 'MB'),
        beside: `which took ${amount(median(administered.map(({ firstMs }) => firstMs)), 'ms')} the first time`,
      },
      {
        what: `the same with all ${readdirSync(SAMPLES).length} sample plugins`,
        value: amount(median(full.map(idle)), 'MB'),
        beside: `all active ${amount(median(full.map(({ completeMs }) => completeMs)), 'ms')} after the start`,
      },
    ]
  },
}

async function measured(
  starter: Starter,
  workspace: Workspace,
  name: string,
  complete = async (_server: ServerProcess) => {},
  afterwards = async (_server: ServerProcess) => {},
): Promise<Start> {
  const asked = performance.now()
  await using server = await starter(workspace, name)
  await complete(server)
  const completeMs = performance.now() - asked
  await Bun.sleep(IDLE_MS)
  const start = { answerMs: server.startMs, completeMs, idleMb: server.residentMb }
  await afterwards(server)
  return start
}

async function administer(server: ServerProcess): Promise<Administered> {
  const asked = performance.now()
  await (await fetch(new URL('/openapi.json', server.url))).text()
  const firstMs = performance.now() - asked
  await Bun.sleep(IDLE_MS)
  return { firstMs, idleMb: server.residentMb }
}

async function allLoaded(server: ServerProcess): Promise<void> {
  for (;;) {
    const health = (await (await fetch(new URL('/health', server.url))).json()) as {
      plugins: Record<string, number>
    }
    // In a new house every plugin comes up.
    if (readFileSync(server.logFile, 'utf8').includes('Listening on')) {
      if (Object.entries(health.plugins).some(([state, count]) => state !== 'active' && count > 0))
        throw new Error(`Not every plugin came up: ${JSON.stringify(health.plugins)}`)
      return
    }
  }
}

const coreWith =
  (pluginsFolder: string): Starter =>
  (workspace, name) => {
    const port = freePort()
    return ServerProcess.start({
      command: coreCommand,
      port,
      readyAt: '/health',
      cwd: repository,
      env: coreEnvironment(port, workspace.path(name), pluginsFolder),
      logFile: workspace.path(`${name}.log`),
    })
  }

const startBare: Starter = (workspace, name) => {
  const port = freePort()
  return ServerProcess.start({
    command: [process.execPath, join(import.meta.dir, 'bare-server.ts')],
    port,
    readyAt: '/health',
    cwd: repository,
    env: { PORT: String(port) },
    logFile: workspace.path(`${name}.log`),
  })
}

/** @returns how to start it, or why that cannot be done here */
async function nodeRedStarter(): Promise<{ version: string; starter: Starter } | string> {
  try {
    const { version, program, node } = await installNodeRed()
    return {
      version,
      starter: (workspace, name) => {
        const port = freePort()
        const folder = workspace.path(name)
        mkdirSync(folder)
        return ServerProcess.start({
          command: [node, program, '--port', String(port), '--userDir', folder, '-D', 'uiHost=127.0.0.1'],
          port,
          readyAt: '/',
          cwd: folder,
          logFile: workspace.path(`${name}.log`),
        })
      },
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

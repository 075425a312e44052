// blocked: how soon a plugin that never yields is noticed, and how soon the house is back.
//
// Measured: a request enters a plugin that blocks for ever, in three ways. From the request to the log line that names the
// plugin; and to the first /health of the process that a shell loop, which stands for systemd, has started in its place.
// The third time, the plugin is left out.
// Fair, because: the Core runs with its defaults, as a process of its own; the log is read from the file that it writes.

import { readFileSync } from 'node:fs'
import { atMost, type Benchmark, type Figure } from '../benchmark.ts'
import { coreCommand, coreEnvironment } from '../lib/core.ts'
import { freePort, ServerProcess } from '../lib/process.ts'
import { repository, Workspace } from '../lib/workspace.ts'

const KINDS = {
  'busy loop': 'while (true) {}',
  'sync query':
    "new Database(':memory:').query('with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n').all()",
  'Atomics.wait': 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)',
}
const TIMES = 3
const PATIENCE_MS = 15_000

export const blocked: Benchmark = {
  name: 'blocked',
  title: 'A plugin that never yields',

  async run() {
    const figures: Figure[] = []
    for (const [kind, code] of Object.entries(KINDS)) figures.push(...(await figuresOf(kind, code)))
    return figures
  },
}

async function figuresOf(kind: string, code: string): Promise<Figure[]> {
  using workspace = new Workspace()
  workspace.write('plugins', { 'lamp/index.ts': lamp(code) })
  const port = freePort()
  await using server = await ServerProcess.start({
    // A shell that goes when it is told to, and takes along what it started.
    command: [
      'sh',
      '-c',
      `trap 'kill -9 $core; exit' TERM; while :; do "$@" & core=$!; wait $core; done`,
      'sh',
      ...coreCommand,
    ],
    signal: 'SIGTERM',
    port,
    readyAt: '/health',
    cwd: repository,
    env: coreEnvironment(port, workspace.path('data'), workspace.path('plugins')),
    logFile: workspace.path('core.log'),
  })
  const log = () => readFileSync(server.logFile, 'utf8')
  const lines = (text: string) => log().split(text).length - 1
  const noticed: number[] = []
  const back: number[] = []
  for (let time = 1; time <= TIMES; time++) {
    await until(() => lines('Listening on') === time)
    const begun = performance.now()
    void fetch(new URL('/api/plugins/lamp/go', server.url)).catch(() => {})
    await until(() => lines('blocked for') > (time - 1) * 2 && log().includes('lamp was running request'))
    noticed.push(performance.now() - begun)
    await until(() => lines('The process is ended') === time)
    await until(async () => (await fetch(new URL('/health', server.url))).ok)
    back.push(performance.now() - begun)
  }
  await until(() => lines('Listening on') === TIMES + 1)
  const health = await (await fetch(new URL('/health', server.url))).json()
  const { failed } = (health as { plugins: { failed: number } }).plugins
  return [
    atMost(`${kind} → noticed and named, longest of ${TIMES}`, Math.max(...noticed), 1_000, 'ms'),
    atMost(`${kind} → /health again, longest of ${TIMES}`, Math.max(...back), 5_000, 'ms'),
    {
      what: `${kind}: after ${TIMES} times it starts without the plugin`,
      value: failed === 1 ? 'yes' : 'no',
      holds: failed === 1,
    },
  ]
}

function lamp(code: string): string {
  return `
import { Database } from 'bun:sqlite'
import { definePlugin } from '@home-console/sdk'
void Database
export default definePlugin({
  onLoad(ctx) {
    const router = ctx.router({ security: [] })
    router.get('/go', (c) => {
      ${code}
      return c.text('gone')
    })
    return router
  },
})
`
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!(await Promise.resolve(isSo()).catch(() => false))) {
    if (performance.now() > end) throw new Error('Waited in vain.')
    await Bun.sleep(2)
  }
}

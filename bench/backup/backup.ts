// backup: what a bystander notices of a backup, and whether it is a moment of a house that goes on writing.
//
// Measured: a plugin commits 500 rows a second into a database of 32 MB and notes how long its timer is overdue; a
// bystander asks another route without pause, in stretches without a backup and in as many while one is made. Each backup
// is then unpacked by this process: its rows are 1, 2, … up to some row that was committed by then.
// Blocked by the Core is what its loop stood still for and its process used the CPU meanwhile: the rest is the disk, which the
// rows are put on one by one, and whoever else has the machine.
// Fair, because: stretches with and without take turns and are equally long; the client and the Core share the machine
// with the process that makes the backup, as they would at home.

import { Database } from 'bun:sqlite'
import { writeFileSync } from 'node:fs'
import { atMost, type Benchmark, type Figure } from '../benchmark.ts'
import { entriesOf } from '../../core/backup/archive.ts'
import { ADMIN_TOKEN, CoreProcess } from '../lib/core.ts'
import { percentile } from '../lib/statistics.ts'
import { Workspace } from '../lib/workspace.ts'

const BACKUPS = 8
const ROWS_A_SECOND = 500

const WRITER = `
import { Database } from 'bun:sqlite'
import { definePlugin } from '@home-console/sdk'
export default definePlugin({
  onLoad(ctx) {
    let rows = 0
    let busy = 0
    let longest = 0
    ctx.task('write', async (signal) => {
      // Ballast, so that there is something to copy; outside the rows that are counted.
      const chunk = Buffer.from(crypto.getRandomValues(new Uint8Array(24_576))).toString('hex')
      for (let at = 0; at < 650; at++) {
        ctx.kv.set('ballast-' + at, chunk + at)
        if (at % 5 === 0) await Bun.sleep(0)
      }
      const begun = performance.now()
      while (!signal.aborted) {
        const due = Math.floor(((performance.now() - begun) / 1_000) * ${ROWS_A_SECOND})
        while (rows < due) ctx.kv.set('row-' + ++rows, rows)
        await Bun.sleep(2)
      }
    })
    let last = performance.now()
    let used = process.cpuUsage()
    const beat = setInterval(() => {
      const now = performance.now()
      const { user, system } = process.cpuUsage(used)
      const gap = now - last - 1
      longest = Math.max(longest, gap)
      busy = Math.max(busy, Math.min(gap, (user + system) / 1_000))
      last = now
      used = process.cpuUsage()
    }, 1)
    ctx.defer(() => clearInterval(beat))
    const router = ctx.router({ security: [] })
    router.get('/state', (c) => {
      const answer = c.json({ rows, longest, busy })
      longest = busy = 0
      return answer
    })
    return router
  },
})
`
const BYSTANDER = `
import { definePlugin } from '@home-console/sdk'
export default definePlugin({
  onLoad(ctx) {
    return ctx.router({ security: [] }).get('/', (c) => c.json({ ok: true }))
  },
})
`

export const backup: Benchmark = {
  name: 'backup',
  title: 'A backup while the house goes on',

  async run(): Promise<Figure[]> {
    using workspace = new Workspace()
    workspace.write('plugins', { 'writer/index.ts': WRITER, 'bystander/index.ts': BYSTANDER })
    await using core = await CoreProcess.start({ workspace })
    const state = () => core.get<{ rows: number; longest: number; busy: number }>('/api/plugins/writer/state')
    while ((await state()).rows < ROWS_A_SECOND) await Bun.sleep(50)

    const times = { with: [] as number[], without: [] as number[] }
    const longest = { with: [] as number[], without: [] as number[] }
    const busy = { with: [] as number[], without: [] as number[] }
    const took: number[] = []
    let wrong = 0
    for (let made = 0; made < BACKUPS; made++) {
      const before = (await state()).rows
      const started = performance.now()
      const making = makeBackup(core)
      const name = await asking(core, making, times.with)
      const file = workspace.path(`core-${core.url.port}-data/backups`, name)
      took.push(performance.now() - started)
      const after = await state()
      longest.with.push(after.longest)
      busy.with.push(after.busy)
      if (!(await isPrefix(workspace, file, before, after.rows))) wrong++
      await state()
      await asking(core, Bun.sleep(took.at(-1)!), times.without)
      const quiet = await state()
      longest.without.push(quiet.longest)
      busy.without.push(quiet.busy)
    }
    const p99 = { with: percentile(times.with, 0.99), without: percentile(times.without, 0.99) }
    const ms = (value: number) => `${value.toFixed(2)} ms`
    return [
      {
        what: `backups of ${BACKUPS} that are no moment of the house`,
        value: String(wrong),
        bound: '≤ 0',
        holds: wrong === 0,
      },
      atMost(
        'a bystander’s 99th percentile, in that without a backup',
        p99.with / p99.without,
        2,
        '×',
        `${ms(p99.with)} against ${ms(p99.without)}`,
      ),
      atMost(
        'the event loop blocked at a stretch by work of the Core, longest',
        Math.max(...busy.with),
        50,
        'ms',
        `without a backup ${ms(Math.max(...busy.without))}`,
      ),
      {
        what: 'and by what else wants the machine and its disk, median of the longest',
        value: ms(percentile(longest.with, 0.5)),
        beside: `without a backup ${ms(percentile(longest.without, 0.5))}`,
      },
      { what: 'a backup of 32 MB, median', value: `${Math.round(percentile(took, 0.5))} ms` },
    ]
  },
}

/** Asks until it is settled, and notes how long each answer took, in ms. */
async function asking<T>(core: CoreProcess, until: Promise<T>, times: number[]): Promise<T> {
  const over = new AbortController()
  const finished = until.finally(() => over.abort())
  const connection = await core.connect()
  while (!over.signal.aborted) {
    const asked = performance.now()
    await connection.send('GET', '/api/plugins/bystander/', ADMIN_TOKEN)
    times.push(performance.now() - asked)
  }
  connection.close()
  return finished
}

/** @returns its name */
async function makeBackup(core: CoreProcess): Promise<string> {
  const headers = { Authorization: `Bearer ${ADMIN_TOKEN}`, 'Content-Type': 'application/json' }
  const made = await fetch(new URL('/api/core/backups', core.url), { method: 'POST', body: '{}', headers })
  if (!made.ok) throw new Error(`No backup was made: ${await made.text()}`)
  const { name } = (await made.json()) as { name: string }
  return name
}

async function isPrefix(workspace: Workspace, file: string, least: number, most: number): Promise<boolean> {
  const copy = workspace.path('copy.sqlite')
  for await (const { header, body } of entriesOf(file)) {
    const content = await new Response(body).bytes()
    if (header.name === 'data/plugins/writer.sqlite') writeFileSync(copy, content)
  }
  using sqlite = new Database(copy)
  const [whole] = sqlite.query('PRAGMA integrity_check').values()[0]!
  const [count, last] = sqlite
    .query("SELECT count(*), max(CAST(value AS INTEGER)) FROM home_console_kv WHERE key LIKE 'row-%'")
    .values()[0] as [number, number]
  return whole === 'ok' && count === last && least <= last && last <= most
}

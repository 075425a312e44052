// services: what a call through a service costs, and whether its users notice that its provider is swapped.
//
// Measured: an async function called directly and, taking turns, through a handle by another plugin: how much longer a call
// takes, as the median of 400 pairs of rounds. Then 200 swaps of a provider while five plugins call it 200 times a second
// each, half of the calls taking a few ms: calls that fail, and calls that began after a commit and were answered by the
// version before it.
// Fair, because: both calls are awaited and run the same text; a user knows of a commit from an event that the new version
// emits, and that goes out in the same tick; calls are made at their time whether or not the ones before are answered.

import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { amount, atLeast, atMost, type Benchmark, type Figure } from '../benchmark.ts'
import { ADMIN_TOKEN, CoreProcess } from '../lib/core.ts'
import { SavedVersion } from '../lib/saved-version.ts'
import { median } from '../lib/statistics.ts'
import { Workspace } from '../lib/workspace.ts'
import type { Counts } from './plugins/_user.ts'

const SWAPS = 200
const USERS = ['one', 'two', 'three', 'four', 'five']

export const services: Benchmark = {
  name: 'services',
  title: 'A call of a service, and 200 swaps of its provider under 1,000 calls a second',

  async run() {
    using workspace = new Workspace()
    cpSync(join(import.meta.dir, 'plugins'), workspace.path('plugins'), { recursive: true })
    for (const name of USERS)
      workspace.write('plugins', { [`${name}.ts`]: `export { default } from './_user.ts'\n` })
    await using core = await CoreProcess.start({ workspace })
    return [await costOfACall(core), ...(await swapsUnderCalls(core, workspace))]
  },
}

async function costOfACall(core: CoreProcess): Promise<Figure> {
  const path = '/api/plugins/caller/calls'
  await core.get(path)
  const { direct, service } = await core.get<{ direct: number[]; service: number[] }>(path)
  const more = service.map((ns, round) => (ns - direct[round]!) / 1_000)
  return atMost(
    'a call through a handle takes longer by, median of pairs',
    median(more),
    0.5,
    'µs',
    `called directly ${amount(median(direct) / 1_000, 'µs')}`,
  )
}

async function swapsUnderCalls(core: CoreProcess, workspace: Workspace): Promise<Figure[]> {
  const provider = new SavedVersion({
    connection: await core.connect(),
    path: '/api/plugins/provider/version',
    token: ADMIN_TOKEN,
    file: workspace.path('plugins/provider/version.ts'),
    text: (version) => `export const version = ${version}\n`,
  })
  const started = performance.now()
  for (let swap = 0; swap < SWAPS; swap++) {
    await provider.save()
    await Bun.sleep(20 + Math.random() * 30)
  }
  const seconds = (performance.now() - started) / 1_000
  const counts: Counts[] = []
  for (const name of USERS) counts.push(await core.get<Counts>(`/api/plugins/${name}/counts`))
  const total = (of: (counts: Counts) => number) => counts.reduce((sum, each) => sum + of(each), 0)
  const calls = total(({ answered }) => answered)
  const failures = counts.flatMap(({ failures }) => failures)
  const beside = `${amount(calls, '')} calls over ${SWAPS} swaps, ${amount(
    total(({ acrossSwaps }) => acrossSwaps),
    '',
  )} of them under way in one`
  return [
    atLeast('calls a second meanwhile', calls / seconds, 900, '/s'),
    atMost(
      'failed calls',
      failures.length,
      0,
      '',
      failures.length === 0 ? beside : `${beside}; the first: ${failures[0]}`,
    ),
    atMost(
      'calls begun after a commit and answered by old code',
      total(({ stale }) => stale),
      0,
      '',
    ),
  ]
}

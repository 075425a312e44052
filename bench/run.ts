// Runs the benchmarks, all or those that are named, one after the other; a run of all writes docs/benchmarks.md and the
// README's summary of it.
// Exit code 0 when every bound holds, 1 when one does not or could not be measured, 2 for a name that is none.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Benchmark, Figure } from './benchmark.ts'
import { backup } from './backup/backup.ts'
import { blocked } from './blocked/blocked.ts'
import { config } from './config/config.ts'
import { emit } from './emit/emit.ts'
import { exclusive } from './exclusive/exclusive.ts'
import { house } from './house/house.ts'
import { killed } from './killed/killed.ts'
import { leak } from './leak/leak.ts'
import { hung } from './hung/hung.ts'
import { large } from './large/large.ts'
import { endProcesses } from './lib/process.ts'
import { linesOf, machine, pageOf, withSummary, type Outcome } from './lib/report.ts'
import { repository } from './lib/workspace.ts'
import { load } from './load/load.ts'
import { modes } from './modes/modes.ts'
import { powerCut } from './power-cut/power-cut.ts'
import { proxy } from './proxy/proxy.ts'
import { request } from './request/request.ts'
import { services } from './services/services.ts'
import { start } from './start/start.ts'
import { swap } from './swap/swap.ts'
import { tables } from './tables/tables.ts'
import { together } from './together/together.ts'
import { torn } from './torn/torn.ts'

const ALL: readonly Benchmark[] = [
  swap,
  torn,
  load,
  exclusive,
  leak,
  modes,
  request,
  proxy,
  large,
  hung,
  emit,
  services,
  house,
  together,
  start,
  blocked,
  tables,
  config,
  backup,
  killed,
  powerCut,
]
/** For one benchmark that says nothing of it, in ms. The first `start` also installs its rival. */
const PATIENCE_MS = 180_000

async function figuresOf(benchmark: Benchmark): Promise<Figure[]> {
  // Without its servers a benchmark cannot go on, and says so.
  const patience = setTimeout(endProcesses, benchmark.patienceMs ?? PATIENCE_MS)
  try {
    return await benchmark.run()
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n')
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
    return [{ what: benchmark.title, value: `not measured here: ${reason}`, holds: false }]
  } finally {
    clearTimeout(patience)
    endProcesses()
  }
}

const names = process.argv.slice(2)
const unknown = names.filter((name) => !ALL.some((benchmark) => benchmark.name === name))
if (unknown.length > 0) {
  console.error(
    `No benchmark is called ${unknown.join(', ')}. There are ${ALL.map(({ name }) => name).join(', ')}.`,
  )
  process.exit(2)
}

console.log(machine())
const outcomes: Outcome[] = []
for (const benchmark of ALL.filter(({ name }) => names.length === 0 || names.includes(name))) {
  const started = performance.now()
  console.log(`\n${benchmark.name}: ${benchmark.title}`)
  const figures = await figuresOf(benchmark)
  outcomes.push({ benchmark, figures })
  for (const figure of figures) console.log(linesOf(figure))
  console.log(`    in ${Math.round((performance.now() - started) / 1_000)} s`)
}

if (names.length === 0) {
  const readme = join(repository, 'README.md')
  const page = join(repository, 'docs/benchmarks.md')
  writeFileSync(page, pageOf(outcomes))
  writeFileSync(readme, withSummary(readFileSync(readme, 'utf8'), outcomes))
  await Bun.spawn([process.execPath, 'fmt', readme, page], { stdio: ['ignore', 'ignore', 'inherit'] }).exited
}
process.exit(outcomes.some(({ figures }) => figures.some(({ holds }) => holds === false)) ? 1 : 0)

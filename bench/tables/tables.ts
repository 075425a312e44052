// tables: what `ctx.db` costs over SQLite.
//
// Measured: a plugin inserts rows one by one, each its own commit, and selects rows by their key, in rounds that take turns:
// with prepared statements of `bun:sqlite`, with prepared queries of Drizzle on a connection of its own, and with the same
// through `ctx.db`. What counts is the median of the ratios of a round to the round of SQLite before it.
// Fair, because: all three have a file of their own, of the same table, on the same disk, opened with the same settings
// (`synchronous = NORMAL`: waiting for the disk would hide the rest); each round checks what it read.

import { join } from 'node:path'
import { amount, atLeast, type Benchmark, type Figure } from '../benchmark.ts'
import { CoreProcess } from '../lib/core.ts'
import { median } from '../lib/statistics.ts'
import { Workspace } from '../lib/workspace.ts'

type Kind = 'insert' | 'select'
/** Ns of one, of each round. */
type Times = Record<'raw' | 'drizzle' | 'ctx', Record<Kind, number[]>>

export const tables: Benchmark = {
  name: 'tables',
  title: 'A row into a table, and out of it',

  async run() {
    using workspace = new Workspace()
    await using core = await CoreProcess.start({ workspace, pluginsFolder: join(import.meta.dir, 'plugins') })
    const times = await core.get<Times>('/api/plugins/ledger/times')
    return [
      figure('inserts of one row through `ctx.db`, in those of `bun:sqlite`', times, 'insert', 0.9),
      figure('selects by key through `ctx.db`, in those of `bun:sqlite`', times, 'select', 0.8),
    ]
  },
}

function figure(what: string, times: Times, kind: Kind, bound: number): Figure {
  const ratio = (of: 'drizzle' | 'ctx') =>
    median(times.raw[kind].map((raw, round) => raw / times[of][kind][round]!))
  const rate = (of: keyof Times) => amount(1e9 / median(times[of][kind]), '/s')
  return atLeast(
    what,
    ratio('ctx'),
    bound,
    '×',
    `${rate('ctx')} against ${rate('raw')}; Drizzle alone ${amount(ratio('drizzle'), '×')}`,
  )
}

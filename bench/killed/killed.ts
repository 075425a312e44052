// killed: what kill -9 costs, at any moment of any writing.
//
// Measured: the Core is killed 200 times each (KILLS=20 for a short look) while the owner sets things, a config is changed,
// a plugin writes rows, its tables are migrated, a backup is made, and one is brought back; and started again. Counted is
// what had been answered as kept and is not there, and what is half done or left behind. Timed is how long it takes to open
// again what was left: to go on with a restore that is half done, to look through the databases, to take in their logs and
// to take back a migration that was not proven good.
// Fair, because: what is opened is a copy of each folder as the kill left it, and the longest counts; beside it stands what
// a whole start takes, after a kill and after a stop in good order, in turns.

import { amount, atMost, type Benchmark, type Figure } from '../benchmark.ts'
import { median } from '../lib/statistics.ts'
import { kill, type Kind } from '../../tests/kills/kill.ts'
import { kinds } from '../../tests/kills/kinds.ts'

const KILLS = Number(process.env['KILLS'] ?? 200)

export const killed: Benchmark = {
  name: 'killed',
  title: `kill -9 in the middle of writing, ${KILLS} times of each kind`,
  patienceMs: 60 * 60_000,

  async run() {
    const figures: Figure[] = []
    for (const kind of kinds) figures.push(...(await figuresOf(kind)))
    return figures
  },
}

async function figuresOf(kind: Kind): Promise<Figure[]> {
  const { acknowledged, met, lost, half, reopeningMs, killedMs, stoppedMs } = await kill(kind, KILLS)
  const wrong = (what: string, found: readonly string[], beside: string) =>
    atMost(`${kind.what}: ${what}`, found.length, 0, '', [beside, ...found.slice(0, 3)].join('; '))
  return [
    wrong('acknowledged and lost', lost, `${acknowledged} acknowledged in ${KILLS} kills`),
    wrong('half done or left behind', half, `${met} kills met something under way`),
    atMost(
      `${kind.what}: opened again, longest`,
      Math.max(...reopeningMs),
      250,
      'ms',
      `median ${amount(median(reopeningMs), 'ms')}; a start until all serves ${amount(median(killedMs), 'ms')}, after a stop ${amount(median(stoppedMs), 'ms')}`,
    ),
  ]
}

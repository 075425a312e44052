// power-cut: what is left when the power goes.
//
// Measured: the system calls of a process that writes what the owner wishes, a plugin's config and its rows are recorded, and
// replayed up to 1,000 moments each; whatever was not synced by then is dropped, in part, in any order and within a page.
// What is left is opened as a start would. Counted is what had been acknowledged and is not there, and what is damaged.
// Fair, because: the same replay without syncs shows that it would notice.

import { atLeast, atMost, type Benchmark, type Figure } from '../benchmark.ts'
import { cutPower } from '../../tests/power-cut/cut-power.ts'

const CUTS = 1_000
const CHANGES = 200

export const powerCut: Benchmark = {
  name: 'power-cut',
  title: `The power cut at ${CUTS.toLocaleString('en')} moments`,
  patienceMs: 10 * 60_000,

  async run() {
    const cut = (subject: string, synchronous = '') =>
      cutPower(subject, { cuts: CUTS, changes: CHANGES, synchronous })
    const figures: Figure[] = []
    for (const [subject, what] of FULL) {
      const { lost, damaged, syncs } = await cut(subject)
      figures.push(
        atMost(
          `${what}: acknowledged and lost, or damaged`,
          lost + damaged,
          0,
          '',
          `${syncs} syncs for ${CHANGES} changes`,
        ),
      )
    }
    const { damaged, keptLost, lost, syncs } = await cut('normal rows')
    const without = await cut('wishes', 'OFF')
    return [
      ...figures,
      atMost(
        "a plugin's measurements (NORMAL): damaged, or out of order",
        damaged,
        0,
        '',
        `the last were lost ${lost} times; ${syncs} syncs for ${CHANGES} changes`,
      ),
      atMost("single values beside a plugin's measurements: acknowledged and lost", keptLost, 0, ''),
      atLeast('without syncs: lost or damaged', without.lost + without.damaged, CUTS / 5, ''),
    ]
  },
}

const FULL = [
  ['wishes', 'what the owner wishes'],
  ['config', "a plugin's config"],
  ['full rows', "a plugin's rows (FULL)"],
] as const

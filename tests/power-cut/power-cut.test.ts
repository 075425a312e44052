// The power goes at any moment: what was said to be kept is kept, and whatever is left can be opened.

import { expect, test } from 'bun:test'
import { cutPower } from './cut-power.ts'

/** Of each; `bun bench/run.ts power-cut` has 1,000. */
const CUTS = Number(process.env['POWER_CUTS'] ?? 250)
const CHANGES = 100

test.each(['wishes', 'config', 'full rows'])(
  'of %s nothing that was acknowledged is lost, and nothing is damaged',
  async (name) => {
    const { syncs, ...outcome } = await cutPower(name, { cuts: CUTS, changes: CHANGES })
    expect(outcome).toEqual({ cuts: CUTS, damaged: 0, lost: 0, keptLost: 0, invented: 0 })
    expect(syncs).toBeGreaterThan(CHANGES)
  },
  60_000,
)

test('rows that are no more than measurements may lose the last ones, and nothing else; what ctx.kv has is kept', async () => {
  const { syncs, lost, ...outcome } = await cutPower('normal rows', { cuts: CUTS, changes: CHANGES })
  expect(outcome).toEqual({ cuts: CUTS, damaged: 0, keptLost: 0, invented: 0 })
  // Else it would be as slow as the others.
  expect(syncs).toBeLessThan(CHANGES)
  expect(lost).toBeGreaterThan(0)
}, 60_000)

test('the replay knows a bad database when it sees one: without syncs, much is lost or damaged', async () => {
  const { cuts, damaged, lost } = await cutPower('wishes', {
    cuts: CUTS,
    changes: CHANGES,
    synchronous: 'OFF',
  })
  expect((damaged + lost) / cuts).toBeGreaterThan(0.2)
}, 60_000)

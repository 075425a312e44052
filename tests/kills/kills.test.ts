// kill -9 at any moment of any writing: nothing acknowledged is lost, nothing is half done, and it always starts again.

import { expect, test } from 'bun:test'
import { kill } from './kill.ts'
import { kinds } from './kinds.ts'

/** `bun bench/run.ts killed` has 200 of each. */
const KILLS = Number(process.env['KILLS'] ?? 20)
/** To open again what was left, and how much later than after a stop all of it may serve. */
const MOST_MS = 250

test.each(kinds.map((kind) => [kind.what, kind] as const))(
  `${KILLS} kills in the middle of %s cost nothing`,
  async (_what, kind) => {
    const { acknowledged, met, lost, half, reopeningMs, killedMs, stoppedMs } = await kill(kind, KILLS)
    expect({ lost, half }).toEqual({ lost: [], half: [] })
    // Else it was not in the middle of anything.
    expect([acknowledged > 0, met >= KILLS / 4]).toEqual([true, true])
    expect(median(reopeningMs)).toBeLessThan(MOST_MS)
    expect(median(killedMs) - median(stoppedMs)).toBeLessThan(MOST_MS)
  },
  KILLS * 5_000 + 20_000,
)

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]!
}

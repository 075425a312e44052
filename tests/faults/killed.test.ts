// The Core is killed at any moment while its owner changes things over HTTP: it starts again, and has what it acknowledged.

import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { CoreProcess } from './core-process.ts'

/** KILLS=200 for a longer look. */
const KILLS = Number(process.env['KILLS'] ?? 40)
/** How much later than after a clean stop it may be up again, in ms. */
const LATER_MS = 250

const LAMP = `
import { definePlugin } from '@home-console/sdk'
export default definePlugin({ onLoad() {} })
`

class Refused extends Error {}

interface Kept {
  latitude: number
  rollbackAfter: number
}

async function patch(core: CoreProcess, path: string, body: unknown): Promise<void> {
  const headers = { 'Content-Type': 'application/json' }
  const answer = await core.request(path, { method: 'PATCH', headers, body: JSON.stringify(body) })
  if (answer.status !== 200) throw new Refused(`${path} was answered with ${answer.status}.`)
}

/** Counts up, in the home and in a wish, until nobody answers; gives what was acknowledged last. */
async function changeUntilKilled(core: CoreProcess, before: Kept): Promise<Kept> {
  const kept = { ...before }
  try {
    for (let count = before.latitude + 1; ; count++) {
      // Latitudes end at 90.
      await patch(core, '/api/core/home', { latitude: count / 1_000 })
      kept.latitude = count
      await patch(core, '/api/core/plugins/lamp', { rollbackAfter: count })
      kept.rollbackAfter = count
    }
  } catch (error) {
    // What was answered at all was answered well.
    if (error instanceof Refused) throw error
    return kept
  }
}

async function found(core: CoreProcess): Promise<Kept> {
  const { latitude } = (await (await core.request('/api/core/home')).json()) as { latitude: number | null }
  // No route shows this wish: it is read beside the Core, as it will be at the next start.
  const sqlite = new Database(join(core.folder, 'data/core.sqlite'), { readonly: true })
  const row = sqlite
    .query<{ kept: number | null }, []>('SELECT max(rollback_after) AS kept FROM plugins')
    .get()
  sqlite.close()
  return { latitude: Math.round((latitude ?? 0) * 1_000), rollbackAfter: row?.kept ?? 0 }
}

async function startTimes(core: CoreProcess, count: number): Promise<number[]> {
  const times: number[] = []
  for (let time = 0; time < count; time++) {
    await core.stop()
    times.push(await timed(() => core.start()))
  }
  return times
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await run()
  return performance.now() - started
}

test(
  `${KILLS} kills lose nothing, and each time it is up again at once`,
  async () => {
    await using core = await CoreProcess.start({ 'lamp.ts': LAMP })
    const clean = await startTimes(core, 5)
    const killed: number[] = []
    let lost = 0
    let acknowledged = 0
    for (let kill = 0; kill < KILLS; kill++) {
      const before = await found(core)
      const changing = changeUntilKilled(core, before)
      await Bun.sleep(Math.random() * 60)
      core.kill('SIGKILL')
      const kept = await changing
      await core.exited
      acknowledged += kept.latitude - before.latitude
      killed.push(await timed(() => core.start()))
      const after = await found(core)
      for (const name of ['latitude', 'rollbackAfter'] as const) {
        if (after[name] < kept[name]) lost++
        // The one under way may have been kept, though nobody was told.
        expect(after[name]).toBeLessThanOrEqual(kept.latitude + 1)
      }
    }
    expect(lost).toBe(0)
    expect(acknowledged).toBeGreaterThan(KILLS)
    expect(median(killed) - median(clean)).toBeLessThan(LATER_MS)
  },
  KILLS * 3_000,
)

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]!
}

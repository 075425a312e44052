// The power goes at any moment: what the owner was told is kept is kept, and the database always opens.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCoreDatabase } from '../../core/db/core-database.ts'
import { Wishes } from '../../core/db/wishes.ts'
import { Recording } from './power-cut.ts'

/** Divided between the tests; POWER_CUTS=10000 for a longer look. */
const CUTS = Number(process.env['POWER_CUTS'] ?? 1_000)
const CHANGES = 100

let folder: string
beforeAll(() => (folder = realpathSync(mkdtempSync(join(tmpdir(), 'home-console-power-')))))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Outcome {
  cuts: number
  /** Could not be opened. */
  refused: number
  /** Had been said to be kept, and was not there. */
  lost: number
  /** Was there without anybody having set it. */
  invented: number
}

async function cut(synchronous: string, cuts: number): Promise<Outcome & { syncs: number }> {
  const recording = await Recording.of(
    join(import.meta.dir, 'power-cut-writer.ts'),
    join(folder, synchronous),
    [synchronous, String(CHANGES)],
  )
  const outcome: Outcome = { cuts, refused: 0, lost: 0, invented: 0 }
  const random = seeded(synchronous.length)
  const replay = recording.replay()
  const into = join(folder, 'after')
  for (let index = 0; index < cuts; index++) {
    rmSync(into, { recursive: true, force: true })
    mkdirSync(into)
    replay.playTo(Math.floor(((index + random()) / cuts) * recording.length))
    replay.cut(into, random)
    const said = Number(replay.said)
    try {
      const { db, close } = openCoreDatabase(into)
      const found = new Wishes(db).of('lamp').rollbackAfter ?? 0
      close()
      if (found < said) outcome.lost++
      if (found > said + 1) outcome.invented++
    } catch {
      outcome.refused++
    }
  }
  return { ...outcome, syncs: recording.syncs }
}

test('nothing that was acknowledged is lost, and nothing is damaged', async () => {
  const cuts = Math.ceil(CUTS * 0.7)
  const { syncs, ...outcome } = await cut('as it is', cuts)
  expect(outcome).toEqual({ cuts, refused: 0, lost: 0, invented: 0 })
  expect(syncs).toBeGreaterThan(2 * CHANGES)
}, 60_000)

test('synchronous = NORMAL, which plugins may choose, may lose the last changes and damages nothing', async () => {
  const cuts = Math.ceil(CUTS * 0.2)
  expect(await cut('NORMAL', cuts)).toMatchObject({ cuts, refused: 0, invented: 0 })
}, 60_000)

test('the replay knows a bad database when it sees one: without syncs, much is lost or damaged', async () => {
  const { cuts, refused, lost } = await cut('OFF', Math.ceil(CUTS * 0.1))
  expect((refused + lost) / cuts).toBeGreaterThan(0.2)
}, 60_000)

/** The same cuts in every run. Mulberry32. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

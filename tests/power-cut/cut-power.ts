// Cuts the power at many moments of one writing, and looks each time at what is left.

import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Recording } from './recording.ts'
import { KEPT_EVERY, subjects } from './subjects.ts'

export interface Outcome {
  readonly cuts: number
  /** Could not be opened, or was not whole. */
  readonly damaged: number
  /** Had been said to be kept, and was not there. */
  readonly lost: number
  /** Of the writes that are kept in any case, as `ctx.kv` makes them. */
  readonly keptLost: number
  /** Was there without anybody having set it. */
  readonly invented: number
  /** How often the writing waited for the disk. */
  readonly syncs: number
}

export interface CutOptions {
  readonly cuts: number
  readonly changes: number
  /** Of SQLite, to see what it does; as the Core sets it unless given. */
  readonly synchronous?: string
}

/** @param name of a subject */
export async function cutPower(
  name: string,
  { cuts, changes, synchronous = '' }: CutOptions,
): Promise<Outcome> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'home-console-power-')))
  try {
    const args = [name, synchronous, String(changes)]
    const recording = await Recording.of(join(import.meta.dir, 'writer.ts'), join(folder, 'written'), args)
    const outcome = { cuts, damaged: 0, lost: 0, keptLost: 0, invented: 0 }
    const random = seeded(name.length + synchronous.length)
    const replay = recording.replay()
    const into = join(folder, 'after')
    for (let index = 0; index < cuts; index++) {
      rmSync(into, { recursive: true, force: true })
      mkdirSync(into)
      replay.playTo(Math.floor(((index + random()) / cuts) * recording.length))
      replay.cut(into, random)
      const said = Number(replay.said)
      try {
        const { count, kept } = subjects[name]!.read(into)
        if (count < said) outcome.lost++
        if (kept !== undefined && kept < said - (said % KEPT_EVERY)) outcome.keptLost++
        if (count > said + 1) outcome.invented++
      } catch {
        outcome.damaged++
      }
    }
    return { ...outcome, syncs: recording.syncs }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

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

// Ends the Core by kill -9 again and again while something is being written, and counts what that cost.

import { CoreProcess } from '../faults/core-process.ts'
import { childrenOf, gone } from '../processes.ts'
import { reopening } from './reopening.ts'

/** What is found wrong, in words. */
export interface Damage {
  /** Had been answered as kept, and is not there. */
  readonly lost: readonly string[]
  /** Is there in part, or was left behind. */
  readonly half: readonly string[]
}

export interface Trial {
  /** Begins to write, and settles when nobody answers any more; gives how much was acknowledged. */
  write(): Promise<number>
  /** From when until when it may be killed, in ms since it began to write. */
  readonly between: readonly [fromMs: number, untilMs: number]
  /** Called between the kill and the next start; gives whether something was being written. */
  whileDead(): boolean
  /** What the house has after the next start. */
  damage(): Promise<Damage>
}

/** Something that is written. */
export interface Kind {
  readonly what: string
  /** Below the plugins folder. */
  readonly files: Readonly<Record<string, string>>
  readonly prepare: (core: CoreProcess) => Promise<Trial>
}

export interface Toll {
  readonly acknowledged: number
  /** How many kills met something that was being written. */
  readonly met: number
  readonly lost: readonly string[]
  readonly half: readonly string[]
  /** Of the databases as a kill left them, in ms. */
  readonly reopeningMs: readonly number[]
  /** From the start of the process until all plugins serve, in ms: after a kill, and after a stop in good order. */
  readonly killedMs: readonly number[]
  readonly stoppedMs: readonly number[]
}

/** Starts after a stop, to compare with. */
const STOPS = 10

/** @throws Error when the Core does not start again */
export async function kill({ files, prepare }: Kind, kills: number): Promise<Toll> {
  await using core = await CoreProcess.start(files)
  const trial = await prepare(core)
  const toll = { acknowledged: 0, met: 0, lost: [] as string[], half: [] as string[] }
  const times = { reopeningMs: [] as number[], killedMs: [] as number[], stoppedMs: [] as number[] }
  for (let number = 1; number <= kills; number++) {
    const writing = trial.write()
    const [from, until] = trial.between
    await Bun.sleep(from + Math.random() * (until - from))
    const children = childrenOf(core.pid)
    core.kill('SIGKILL')
    toll.acknowledged += await writing
    await core.exited
    // Nothing of it writes on.
    await gone(children)
    if (trial.whileDead()) toll.met++
    times.reopeningMs.push(reopening(core.folder))
    times.killedMs.push(await timed(() => core.start()))
    const { lost, half } = await trial.damage()
    toll.lost.push(...lost.map((what) => `kill ${number}: ${what}`))
    toll.half.push(...half.map((what) => `kill ${number}: ${what}`))
    // In between, so that the house has as much to open as after a kill.
    if (number % Math.ceil(kills / STOPS) !== 0) continue
    await core.stop()
    times.stoppedMs.push(await timed(() => core.start()))
  }
  return { ...toll, ...times }
}

export async function timed(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await run()
  return performance.now() - started
}

/** Sends JSON. Null when nobody answers. @throws Error when it is refused */
export async function send(core: CoreProcess, method: string, path: string, body: unknown): Promise<any> {
  const answer = await core
    .request(path, { method, body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } })
    .then(async (response) => ({ status: response.status, text: await response.text() }))
    .catch(() => null)
  if (answer === null) return null
  if (answer.status !== 200)
    throw new Error(`${method} ${path} was answered with ${answer.status}: ${answer.text}`)
  return JSON.parse(answer.text)
}

export async function get(core: CoreProcess, path: string): Promise<any> {
  const response = await core.request(path)
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${path} was answered with ${response.status}: ${text}`)
  return JSON.parse(text)
}

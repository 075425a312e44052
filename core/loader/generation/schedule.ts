// Runs that a clock sets off: every so many ms, as a cron expression says, or once.

import type { ScheduleOptions } from '@home-console/sdk'
import { Cron } from 'croner'
import type { Clock } from '../../clock.ts'
import { coreProblem } from '../../http/answers/problems.ts'
import type { Held } from '../../scope/scope.ts'

/** The longest that a timer sleeps: after a jump of the clock or a suspended machine, a run is at most this late. */
const LONGEST_SLEEP_MS = 60_000
/** A clock that went back by less is one that somebody sets right, and not one that was wrong. */
const TURNED_BACK_MS = 1_000
/** A cron run that comes later than this after its time was missed. */
const LATE_MS = 60_000

export interface ScheduleOwner {
  readonly clock: Clock
  /** The home's, read at each run: the owner may move. */
  timeZone(): string
  /** Runs it in the plugin, and charges what goes wrong; gives a promise when it takes time. */
  run(label: string, run: () => unknown): Promise<void> | undefined
}

/** @throws Problem `invalid_schedule` */
export function every(
  schedule: number | string,
  run: () => unknown,
  options: ScheduleOptions,
  owner: ScheduleOwner,
): Held {
  return new Repeating(timesOf(schedule, options, owner), run, options, owner, `every ${schedule}`)
}

/** For the Core itself, from now on, until the undo is called. @throws Problem `invalid_schedule` */
export function atTimes(
  cron: string,
  run: () => unknown,
  times: Pick<ScheduleOwner, 'clock' | 'timeZone'>,
): () => void {
  const owner = { ...times, run: async (_label: string, run: () => unknown) => void (await run()) }
  const schedule = new Repeating(timesOf(cron, {}, owner), run, {}, owner, cron)
  schedule.goLive()
  return () => schedule.release()
}

/** @throws Problem `invalid_schedule` */
export function after(
  ms: number,
  run: () => unknown,
  owner: ScheduleOwner,
  onFired: (held: Held) => void,
): Held {
  assertMs(ms, 0)
  const label = `after ${ms}`
  let cancel: (() => void) | undefined
  const held: Held = {
    kind: 'timer',
    label,
    goLive: () => arm(owner.clock.now() + ms),
    release: () => cancel?.(),
  }
  const arm = (due: number) =>
    sleepUntil(due, owner.clock, {
      onSleep: (stop) => (cancel = stop),
      onTurnedBack: (by) => arm(due - by),
      wake() {
        onFired(held)
        void owner.run(label, run)
      },
    })
  return held
}

/** When the next run is, and whether one that comes late was missed. */
interface Times {
  next(previous: number, now: number): number | null
  missed(due: number, now: number): boolean
}

function timesOf(schedule: number | string, options: ScheduleOptions, owner: ScheduleOwner): Times {
  if (typeof schedule === 'number') {
    assertMs(schedule, 1)
    return {
      // In step with the first run, however late a single one comes.
      next: (previous, now) => previous + schedule * Math.max(1, Math.ceil((now - previous) / schedule)),
      missed: () => false,
    }
  }
  cronOf(schedule, options.timeZone ?? owner.timeZone())
  return {
    next: (_previous, now) =>
      cronOf(schedule, options.timeZone ?? owner.timeZone())
        .nextRun(new Date(now))
        ?.getTime() ?? null,
    missed: (due, now) => now - due > LATE_MS,
  }
}

class Repeating implements Held {
  readonly kind = 'schedule'
  readonly label: string
  readonly #times: Times
  readonly #run: () => unknown
  readonly #options: ScheduleOptions
  readonly #owner: ScheduleOwner
  #cancel: (() => void) | undefined
  #running = false
  #missed = false
  #silent = false

  constructor(
    times: Times,
    run: () => unknown,
    options: ScheduleOptions,
    owner: ScheduleOwner,
    label: string,
  ) {
    this.#times = times
    this.#run = run
    this.#options = options
    this.#owner = owner
    this.label = label
  }

  goLive(): void {
    this.#arm(this.#owner.clock.now())
  }

  fallSilent(): void {
    this.#silent = true
    this.#cancel?.()
  }

  release(): void {
    this.fallSilent()
  }

  #arm(previous: number): void {
    if (this.#silent) return
    const { clock } = this.#owner
    const due = this.#times.next(previous, Math.max(previous, clock.now()))
    if (due === null) return
    const jitter = (this.#options.jitter ?? 0) * Math.random()
    sleepUntil(due + jitter, clock, {
      onSleep: (stop) => (this.#cancel = stop),
      // The last run is as long ago as it was; the next is as the clock has it now.
      onTurnedBack: (ms) => this.#arm(previous - ms),
      wake: () => {
        const missed = this.#running || this.#times.missed(due + jitter, clock.now())
        this.#arm(due)
        if (!missed) this.#fire()
        else if (this.#options.missed === 'once') {
          if (this.#running) this.#missed = true
          else this.#fire()
        }
      },
    })
  }

  #fire(): void {
    const finished = this.#owner.run(this.label, this.#run)
    if (finished === undefined) return
    this.#running = true
    void finished.then(() => {
      this.#running = false
      if (!this.#missed || this.#silent) return
      this.#missed = false
      this.#fire()
    })
  }
}

interface Sleep {
  /** Gets what cancels the stretch that begins. */
  onSleep(cancel: () => void): void
  /** The clock went back by so many ms meanwhile: to wait for what it showed then would be to sleep for as long. */
  onTurnedBack(ms: number): void
  wake(): void
}

/** Sleeps in stretches, and looks at the clock after each: one that goes forward wakes whoever is due by then. */
function sleepUntil(due: number, clock: Clock, sleep: Sleep): void {
  const before = clock.now()
  const stretch = Math.min(due - before, LONGEST_SLEEP_MS)
  const look = () => {
    const now = clock.now()
    const back = before + Math.max(0, stretch) - now
    if (now >= due) sleep.wake()
    else if (back > TURNED_BACK_MS) sleep.onTurnedBack(back)
    else sleepUntil(due, clock, sleep)
  }
  sleep.onSleep(clock.after(stretch, look))
}

/** When it was due for the last time, in ms since the epoch; null for never. */
export function lastDue(expression: string, timeZone: string, now: number): number | null {
  return cronOf(expression, timeZone).previousRuns(1, new Date(now))[0]?.getTime() ?? null
}

function cronOf(expression: string, timezone: string): Cron {
  try {
    // UTC needs none of the tables of zones, which weigh 5 MB.
    const zone = timezone === 'UTC' ? { utcOffset: 0 } : { timezone }
    const cron = new Cron(expression, { paused: true, ...zone })
    // Only now does it look at the zone.
    cron.nextRun()
    return cron
  } catch (error) {
    throw coreProblem(
      'invalid_schedule',
      `"${expression}" in ${timezone} is no schedule: ${(error as Error).message}`,
    )
  }
}

function assertMs(ms: unknown, least: number): void {
  if (typeof ms === 'number' && Number.isFinite(ms) && ms >= least) return
  throw coreProblem(
    'invalid_schedule',
    `${String(ms)} is no time to wait: a number of ms, ${least} or more, or a cron expression.`,
  )
}

// A clock that stands still until a test turns it.

import type { Clock } from '../../clock.ts'

interface Alarm {
  due: number
  readonly run: () => void
}

export class TestClock implements Clock {
  #now: number
  readonly #alarms = new Set<Alarm>()

  constructor(now: number) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  after(ms: number, run: () => void): () => void {
    const alarm = { due: this.#now + Math.max(0, ms), run }
    this.#alarms.add(alarm)
    return () => this.#alarms.delete(alarm)
  }

  /** Sets the clock on or back by so many ms, as an owner or a time server would: no time goes by. */
  set(ms: number): void {
    this.#now += ms
    for (const alarm of this.#alarms) alarm.due += ms
  }

  /** Turns the clock on by so many ms. What is due meanwhile runs in order, each at its time. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#alarms.delete(next)
      this.#now = Math.max(this.#now, next.due)
      next.run()
      // What was set off may take a few turns of the loop, and set the next alarm.
      await Bun.sleep(0)
    }
    this.#now = end
    await Bun.sleep(0)
  }

  #next(end: number): Alarm | undefined {
    let next: Alarm | undefined
    for (const alarm of this.#alarms)
      if (alarm.due <= end && (next === undefined || alarm.due < next.due)) next = alarm
    return next
  }
}

/** The platform's `Date`, but that its present is the clock's. What it makes are dates like any other. */
export function dateOf(clock: Clock): DateConstructor {
  const now = () => clock.now()
  return new Proxy(Date, {
    get: (date, name) => (name === 'now' ? now : Reflect.get(date, name)),
    construct: (date, args, as) => Reflect.construct(date, args.length === 0 ? [now()] : args, as),
    apply: (date) => new date(now()).toString(),
  })
}

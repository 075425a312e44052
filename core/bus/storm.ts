// A budget for what one event may set off, so that events that emit events end, and the culprit is known.

import { AsyncLocalStorage } from 'node:async_hooks'

/** How many events one root event may set off within a second. */
export const STORM_BUDGET = 1_000
const WINDOW_MS = 1_000

/** What is being handled, as seen by whatever is emitted meanwhile. */
export interface Cause {
  /** The event that is being handled. */
  readonly id: string
  readonly root: Root
}

interface Root {
  readonly type: string
  windowStart: number
  spent: number
  told: boolean
}

const handling = new AsyncLocalStorage<Cause>()

/** The event during whose handling the calling code runs, however many promises and timers lie between. */
export const currentCause = (): Cause | undefined => handling.getStore()

export function whileHandling<T>(cause: Cause, run: () => T): T {
  return handling.run(cause, run)
}

/** Calls in the context in which it was made. */
export type Context = <T>(run: () => T) => T

/** A way into another context that takes along which event is being handled: what comes of it is known as its work. */
export class Passage {
  readonly #context: Context
  /** Most often the next call is of the same event, such as that to the next listener. */
  #cause: Cause | undefined
  #handling: Context

  constructor(context: Context) {
    this.#context = context
    this.#handling = context
  }

  run<T>(run: () => T): T {
    const cause = handling.getStore()
    if (cause === undefined) return this.#context(run)
    if (cause !== this.#cause) {
      this.#handling = this.#context(() => handling.run(cause, () => AsyncLocalStorage.snapshot()))
      this.#cause = cause
    }
    return this.#handling(run)
  }
}

export function rootOf(type: string, now: number): Root {
  return { type, windowStart: now, spent: 0, told: false }
}

/**
 * Takes one event out of the root's budget. A depth limit would not do: it lets a fan of events through.
 *
 * @returns `ok`; or `exceeded`, the first time in this window, and `still_exceeded` after that
 */
export function spend(root: Root, now: number): 'ok' | 'exceeded' | 'still_exceeded' {
  // A clock that was set back begins a window, too.
  if (Math.abs(now - root.windowStart) >= WINDOW_MS) {
    root.windowStart = now
    root.spent = 0
    root.told = false
  }
  if (++root.spent <= STORM_BUDGET) return 'ok'
  if (root.told) return 'still_exceeded'
  root.told = true
  return 'exceeded'
}

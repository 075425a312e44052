// The scope: owns everything that one generation registers or opens, from staged over live to closed.

import type { Hold, Undo } from '@home-console/sdk'
import { Problem } from '@home-console/sdk'
import { settlesWithin } from '../clock.ts'

/**
 * One thing that a scope owns. Which of the four it has says what it is: a subscription goes live and falls silent, a
 * deferred function is only released, a task also takes time to end.
 */
export interface Held extends Hold {
  /** Called once, at the commit, or at once when the scope is live already. */
  goLive?(): void
  /** Called once, when the next generation takes over: from now on it must start nothing new. Must not throw. */
  fallSilent?(): void
  /** Called once, at the close or when it is taken back. */
  release?(): unknown
}

export type ScopeState = 'staged' | 'live' | 'silent' | 'closed'

export interface CloseReport {
  /** What threw while it was released. The others were released all the same. */
  readonly errors: { hold: Hold; error: unknown }[]
  /** What did not come to its end in time. */
  readonly overdue: Hold[]
}

export class Scope {
  #state: ScopeState = 'staged'
  readonly #held = new Set<Held>()

  get state(): ScopeState {
    return this.#state
  }

  /** What is held now, in the order in which it was registered. */
  list(): Hold[] {
    return Array.from(this.#held, ({ kind, label }) => ({ kind, label }))
  }

  /**
   * Takes something into ownership.
   *
   * @returns its undo: silences and releases it; what its release throws goes to whoever calls it
   * @throws Problem `generation_closed` when the scope was closed
   */
  add(held: Held): Undo {
    if (this.#state === 'closed') {
      throw new Problem(
        410,
        'generation_closed',
        `Too late to register ${held.kind} "${held.label}": this version of the plugin was closed.`,
      )
    }
    this.#held.add(held)
    // What falls silent at a swap has nothing to do in a scope that already did; all else goes on working in a drain.
    if (this.#state === 'live' || (this.#state === 'silent' && held.fallSilent === undefined)) held.goLive?.()
    return () => {
      if (!this.#held.delete(held)) return
      if (this.#state === 'live') held.fallSilent?.()
      held.release?.()
    }
  }

  /** Forgets what came to its end by itself. */
  forget(held: Held): void {
    this.#held.delete(held)
  }

  /** Staged becomes live, in one tick, in the order of registration. */
  commit(): void {
    this.#state = 'live'
    for (const held of this.#held) held.goLive?.()
  }

  /** Live becomes silent, in one tick: nothing new begins here, what is under way goes on. */
  silence(): void {
    if (this.#state === 'live') for (const held of this.#held) held.fallSilent?.()
    this.#state = 'silent'
  }

  /**
   * Releases everything, last in first out, each within so many ms. Errors and delays stop nothing.
   */
  async close(deadlineMs: number): Promise<CloseReport> {
    if (this.#state === 'live') this.silence()
    this.#state = 'closed'
    const report: CloseReport = { errors: [], overdue: [] }
    for (const held of Array.from(this.#held).reverse()) {
      if (!this.#held.delete(held)) continue
      const { kind, label } = held
      try {
        const released = held.release?.()
        if (released instanceof Promise && !(await settlesWithin(released, deadlineMs)))
          report.overdue.push({ kind, label })
      } catch (error) {
        report.errors.push({ hold: { kind, label }, error })
      }
    }
    return report
  }
}

// Turns findings into conditions: one when it has lasted, one end when that has lasted, and nothing in between.

import type { PluginContext } from '@home-console/sdk'
import type { NotifyService } from '../notify/contract.ts'
import type { Condition } from './contract.ts'
import type { Finding } from './faults.ts'

/** What the owner is to be told. */
export type Notice = Parameters<NotifyService['send']>[0]

interface State {
  readonly raised: readonly Condition[]
  readonly untold: readonly Notice[]
}

const KEY = 'state'
const MOST_UNTOLD = 20

/** What it knows outlives swaps and restarts: nothing is told twice, and what could not be told yet is not lost. */
export class Watch {
  readonly #ctx: Pick<PluginContext, 'kv' | 'log' | 'draining'>
  /** Since when something is other than it was, in ms since the epoch. */
  readonly #turning = new Map<string, number>()
  #state: State | undefined

  constructor(ctx: Pick<PluginContext, 'kv' | 'log' | 'draining'>) {
    this.#ctx = ctx
  }

  get raised(): readonly Condition[] {
    return this.#known.raised
  }

  get untold(): readonly Notice[] {
    return this.#known.untold
  }

  isRaised(name: string): boolean {
    return this.raised.some((condition) => condition.name === name)
  }

  /**
   * Notes that it is so, or that it is not.
   * @param holdMs for how long that must last before it counts
   * @returns the condition that has begun or ended by it, or null
   */
  note(finding: Finding, isSo: boolean, holdMs: number, now: number): Condition | null {
    const { name } = finding
    if (isSo === this.isRaised(name)) {
      this.#turning.delete(name)
      return null
    }
    // After a clock that was set back, it lasts since now.
    const since = Math.min(this.#turning.get(name) ?? now, now)
    this.#turning.set(name, since)
    if (now - since < holdMs) return null
    return isSo ? this.#raise({ ...finding, since: new Date(since).toISOString() }) : this.end(name)
  }

  /** Ends it at once. */
  end(name: string): Condition | null {
    this.#turning.delete(name)
    const condition = this.raised.find((one) => one.name === name)
    if (condition === undefined) return null
    const message = `It began at ${condition.since}: ${condition.message}`
    const notice: Notice = {
      title: `Over: ${condition.title}`,
      message,
      priority: 'low',
      tags: ['white_check_mark'],
    }
    this.#keep({ raised: this.raised.filter((one) => one !== condition), untold: this.#with(notice) })
    return condition
  }

  /** Forgets, and says nothing. */
  forget(prefix: string): void {
    const raised = this.raised.filter(({ name }) => !name.startsWith(prefix))
    if (raised.length < this.raised.length) this.#keep({ raised, untold: this.untold })
  }

  /** The owner was told this. */
  told(notice: Notice): void {
    this.#keep({ raised: this.raised, untold: this.untold.filter((one) => one !== notice) })
  }

  #raise(condition: Condition): Condition {
    this.#turning.delete(condition.name)
    const { title, message, priority } = condition
    const untold = this.#with({ title, message, priority, tags: ['warning'] })
    this.#keep({ raised: [...this.raised, condition], untold })
    return condition
  }

  #with(notice: Notice): Notice[] {
    return [...this.untold, notice].slice(-MOST_UNTOLD)
  }

  /** Read when it is first asked for, and so after the commit: until then, the version before may still change it. */
  get #known(): State {
    return (this.#state ??= this.#ctx.kv.get<State>(KEY) ?? { raised: [], untold: [] })
  }

  #keep(state: State): void {
    this.#state = state
    // What the next version knows by now is newer.
    if (this.#ctx.draining.aborted) return
    try {
      this.#ctx.kv.set(KEY, state)
    } catch (error) {
      // That the disk is full may be just what was found.
      this.#ctx.log.warn(`Something may be told again after a restart: ${(error as Error).message}`)
    }
  }
}

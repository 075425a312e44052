// What is under way in a generation: requests, listeners and runs of timers, which a drain waits for.

import type { Hold } from '@home-console/sdk'
import { settlesWithin } from '../../clock.ts'
import type { Waiter } from '../../http/request-info.ts'
import { Roster } from '../../roster.ts'

export class UnderWay {
  readonly #work = new Roster<Hold | Waiter>()
  #onIdle: (() => void) | undefined

  begin(work: Hold | Waiter): void {
    this.#work.add(work)
  }

  end(work: Hold): void {
    if (this.#work.delete(work) && this.#work.size === 0) this.#onIdle?.()
  }

  /** Settles when nothing is left, or the time is up. Gives what is left then. */
  async idle(withinMs: number): Promise<Hold[]> {
    if (this.#work.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#onIdle = resolve
      await settlesWithin(promise, Math.max(0, withinMs))
      this.#onIdle = undefined
    }
    return Array.from(this.#work, ({ kind, label }) => ({ kind, label }))
  }

  /** Nobody waits any longer for what is left. */
  abandon(reason: unknown): void {
    for (const work of this.#work) if ('abandon' in work) work.abandon?.(reason)
  }
}

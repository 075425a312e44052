// The time in which an exclusive plugin has no version alive: requests, calls and events wait for the next one.

import { HeldEvents } from '../../bus/held-events.ts'
import type { Face } from '../generation/changes.ts'
import type { Generation } from '../generation/generation.ts'
import type { Organs } from '../organs.ts'

export class Interlude {
  /** What happens meanwhile. */
  readonly events: HeldEvents
  /** What others saw of the version before. */
  readonly face: Face
  #handover: { given: unknown } | { error: unknown } = { given: undefined }
  readonly #release: (() => void)[]
  readonly #over = new AbortController()
  readonly #organs: Organs
  readonly #plugin: string

  /** Begins in the tick in which the version before falls silent. */
  constructor(before: Generation, organs: Organs) {
    this.#organs = organs
    this.#plugin = before.id
    this.#release = [before.holdRequests(), organs.services.hold(before.needs.provides)]
    this.events = new HeldEvents(organs.bus)
    this.face = before.face
    before.fallSilent()
  }

  /** Asks the version before, once it is drained. */
  takeOver(before: Generation): void {
    try {
      this.#handover = { given: before.handOver() }
    } catch (error) {
      this.#handover = { error }
    }
  }

  /** What it gave for the version after it. @throws what it threw */
  get handedOver(): unknown {
    if ('error' in this.#handover) throw this.#handover.error
    return this.#handover.given
  }

  /** The same for itself, should it come back. */
  get handover(): unknown {
    return 'given' in this.#handover ? this.#handover.given : undefined
  }

  /** Aborts when it ends. */
  get signal(): AbortSignal {
    return this.#over.signal
  }

  /** Whoever waits goes on: to the version that is live by now, or away. */
  end(): void {
    this.#over.abort()
    this.events.tell([])
    for (const release of this.#release) release()
    if (this.events.lost > 0)
      this.#organs.log
        .of(this.#plugin)
        .warn(`${this.events.lost} events came while no version was alive, and were too many to be kept.`)
  }
}

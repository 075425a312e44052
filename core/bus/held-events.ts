// Events that happen while those who would hear them are away: kept in order, and told when somebody is back.

import type { CloudEvent } from '@home-console/sdk'
import type { EventBus } from './event-bus.ts'
import { matches } from './pattern.ts'
import { rootOf, whileHandling } from './storm.ts'

/** More than these are not kept: the oldest go first. */
const MOST_HELD = 1_000

export interface Listener {
  readonly pattern: string
  readonly hear: (event: CloudEvent) => void
}

export class HeldEvents {
  readonly #events: CloudEvent[] = []
  readonly #stop: () => void
  /** How many were too many. */
  lost = 0

  /** From now on every event is kept. */
  constructor(bus: EventBus) {
    this.#stop = bus.subscribe('**', (event) => {
      if (this.#events.push(event) <= MOST_HELD) return
      this.#events.shift()
      this.lost++
    })
  }

  /** Keeps no more, and tells these of what was kept, event by event. Must be called in the tick in which they go live. */
  tell(listeners: Iterable<Listener>): void {
    this.#stop()
    for (const event of this.#events.splice(0)) {
      const cause = { id: event.id, root: rootOf(event.type, Date.parse(event.time)) }
      whileHandling(cause, () => {
        for (const { pattern, hear } of listeners) if (matches(pattern, event.type)) hear(event)
      })
    }
  }
}

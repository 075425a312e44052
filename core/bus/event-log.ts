// The last events, bounded in number and in bytes, with a position that a client can come back to.

import { matches } from './pattern.ts'

export interface LoggedEvent {
  /** Grows by one with each event of this process. */
  readonly position: number
  readonly id: string
  readonly type: string
  /** The whole CloudEvent as JSON: one text is kept for long where many small objects would riddle the heap. */
  readonly text: string
}

const MAX_EVENTS = 2_000
const MAX_BYTES = 4 * 1024 * 1024

export class EventLog {
  /** A ring: the slot of a position is its remainder. */
  readonly #slots: (LoggedEvent | undefined)[] = new Array(MAX_EVENTS)
  #first = 1
  #next = 1
  #bytes = 0

  /** The position that the next event will get. */
  get next(): number {
    return this.#next
  }

  add(id: string, type: string, text: string): LoggedEvent {
    const logged = { position: this.#next++, id, type, text }
    this.#bytes += text.length
    if (this.#next - this.#first > MAX_EVENTS) this.#dropOldest()
    this.#slots[logged.position % MAX_EVENTS] = logged
    while (this.#bytes > MAX_BYTES && this.#first < logged.position) this.#dropOldest()
    return logged
  }

  /** What came after a position, oldest first; or null where something between is no longer known. */
  since(position: number): LoggedEvent[] | null {
    if (position < this.#first - 1 || position >= this.#next) return null
    const events: LoggedEvent[] = []
    for (let at = position + 1; at < this.#next; at++) events.push(this.#at(at))
    return events
  }

  /** The last ones that match any of the patterns (all, where there is none), newest first, before a position. */
  latest(patterns: readonly string[], limit: number, before = this.#next): LoggedEvent[] {
    const events: LoggedEvent[] = []
    for (let at = Math.min(before, this.#next) - 1; at >= this.#first && events.length < limit; at--) {
      const logged = this.#at(at)
      if (patterns.length === 0 || patterns.some((pattern) => matches(pattern, logged.type)))
        events.push(logged)
    }
    return events
  }

  /** The position of the event with this id, newest first. */
  find(id: string): number | undefined {
    for (let at = this.#next - 1; at >= this.#first; at--) if (this.#at(at).id === id) return at
    return undefined
  }

  #at(position: number): LoggedEvent {
    return this.#slots[position % MAX_EVENTS]!
  }

  #dropOldest(): void {
    const slot = this.#first++ % MAX_EVENTS
    this.#bytes -= this.#slots[slot]!.text.length
    this.#slots[slot] = undefined
  }
}

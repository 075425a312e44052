// The last events, bounded in number and in bytes, with a position that a client can come back to.

import type { CloudEvent } from '@home-console/sdk'
import { matches } from './pattern.ts'

export interface LoggedEvent {
  /** Grows by one with each event of this process. */
  readonly position: number
  readonly type: string
  /** The whole CloudEvent as JSON. */
  readonly text: string
}

const MAX_EVENTS = 1_000
/** In characters. */
const MAX_TEXT = 2 * 1024 * 1024

export class EventLog {
  /**
   * A ring: the slot of a position is its remainder. It keeps one text for each event and nothing else, as small objects
   * that live for long would riddle the heap with holes.
   */
  readonly #slots: string[] = new Array<string>(MAX_EVENTS).fill('')
  /** Positions mean something within one process only. */
  readonly epoch = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 6)}`
  #first = 1
  #next = 1
  #size = 0

  /** The position that the next event will get. */
  get next(): number {
    return this.#next
  }

  /** @param text the whole CloudEvent as JSON */
  add(type: string, text: string): LoggedEvent {
    const position = this.#next++
    this.#size += text.length
    if (this.#next - this.#first > MAX_EVENTS) this.#dropOldest()
    this.#slots[position % MAX_EVENTS] = text
    while (this.#size > MAX_TEXT && this.#first < position) this.#dropOldest()
    return { position, type, text }
  }

  /** What came after a position, oldest first; or null where something between is no longer known. */
  since(position: number): LoggedEvent[] | null {
    if (position < this.#first - 1 || position >= this.#next) return null
    const events: LoggedEvent[] = []
    for (let at = position + 1; at < this.#next; at++) {
      const text = this.#slots[at % MAX_EVENTS]!
      events.push({ position: at, type: eventOf(text).type, text })
    }
    return events
  }

  /** The last ones that match any of the patterns (all, where there is none), newest first, before the event of an id. */
  latest(patterns: readonly string[], limit: number, before?: string): CloudEvent[] {
    const events: CloudEvent[] = []
    let past = before === undefined
    for (let at = this.#next - 1; at >= this.#first && events.length < limit; at--) {
      const event = eventOf(this.#slots[at % MAX_EVENTS]!)
      if (past && (patterns.length === 0 || patterns.some((pattern) => matches(pattern, event.type))))
        events.push(event)
      past ||= event.id === before
    }
    return events
  }

  #dropOldest(): void {
    const slot = this.#first++ % MAX_EVENTS
    this.#size -= this.#slots[slot]!.length
    this.#slots[slot] = ''
  }
}

function eventOf(text: string): CloudEvent {
  return JSON.parse(text) as CloudEvent
}

// The EventBus: whoever emits never waits and never fails; each subscriber gets every event in order, apart from the others.

import type { CloudEvent, Undo } from '@home-console/sdk'
import { createNanoEvents } from 'nanoevents'
import { DeclaredEvents } from './declared-events.ts'
import { EventLog, type LoggedEvent } from './event-log.ts'
import { assertPattern, isEventType, matches } from './pattern.ts'
import { currentCause, rootOf, spend, STORM_BUDGET, whileHandling, type Cause } from './storm.ts'

export interface EventBusOptions {
  readonly now: () => number
  /** Told of each event that was dropped: who emitted it, and why. */
  readonly onDropped: (source: string, type: string, reason: string) => void
  /** Told of each failure of a subscriber that did not see to it itself. */
  readonly onSubscriberFailed: (error: unknown, event: CloudEvent) => void
}

export interface Emission {
  readonly type: string
  readonly source: string
  readonly data?: unknown
  readonly subject?: string | undefined
  /** Of an event that was made elsewhere; the bus makes one up unless given. */
  readonly id?: string | undefined
  readonly time?: string | undefined
}

/** The most that an event's data may weigh as JSON, in characters. */
export const MAX_EVENT_DATA = 1024 * 1024

/** How many types the bus remembers the subscribers of. More are forgotten, and matched anew when they come again. */
const MAX_KNOWN_TYPES = 4_096

interface Subscription {
  readonly pattern: string
  readonly deliver: (event: CloudEvent) => void
  /** False once it was taken back, be it in the middle of a delivery. */
  active: boolean
  /** How to leave the type lists that it stands in. */
  readonly exits: Map<string, () => void>
}

/** For whoever makes it. */
type Writable<T> = { -readonly [Member in keyof T]: T[Member] }

interface Queued {
  readonly event: CloudEvent
  readonly cause: Cause
}

export class EventBus {
  readonly log = new EventLog()
  /** What the plugins that serve say of their events. */
  readonly declared = new DeclaredEvents()
  readonly #options: EventBusOptions
  readonly #subscriptions = new Set<Subscription>()
  /** Under each known type stand the subscriptions that match it: a pattern is compared once a type, not once an event. */
  readonly #listeners = createNanoEvents<Record<string, (event: CloudEvent) => void>>()
  readonly #knownTypes = new Set<string>()
  readonly #followers = new Set<(logged: LoggedEvent) => void>()
  readonly #queue: Queued[] = []
  #delivering = false
  #lastMs = Number.NaN
  #lastTime = ''
  #nextId = 0
  /** Ids stay unique over restarts, as the first half is new with each process. */
  readonly #idPrefix = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 6)}-`

  emitted = 0
  dropped = 0
  delivered = 0

  constructor(options: EventBusOptions) {
    this.#options = options
    // A type may be called `constructor`: the table of lists has no prototype.
    this.#listeners.events = Object.create(null)
  }

  get subscriptionCount(): number {
    return this.#subscriptions.size
  }

  /**
   * Calls `handler` for each event whose type matches. It is never called from within `subscribe`.
   *
   * @throws Problem `invalid_pattern`
   */
  subscribe(pattern: string, handler: (event: CloudEvent) => unknown): Undo {
    assertPattern(pattern)
    const subscription: Subscription = {
      pattern,
      active: true,
      // A closure of its own for each subscription: the same handler may subscribe twice.
      deliver: (event) => {
        if (!subscription.active) return
        this.delivered++
        try {
          const result = handler(event)
          if (result instanceof Promise)
            result.catch((error: unknown) => this.#options.onSubscriberFailed(error, event))
        } catch (error) {
          this.#options.onSubscriberFailed(error, event)
        }
      },
      exits: new Map(),
    }
    this.#subscriptions.add(subscription)
    for (const type of this.#knownTypes) this.#enlist(subscription, type)
    return () => {
      subscription.active = false
      this.#subscriptions.delete(subscription)
      for (const leave of subscription.exits.values()) leave()
      subscription.exits.clear()
    }
  }

  /** Calls back, in order, with each event once it stands in the log; for streams that resume. */
  follow(callback: (logged: LoggedEvent) => void): Undo {
    this.#followers.add(callback)
    return () => this.#followers.delete(callback)
  }

  /**
   * Says that something happened. Never throws. An event emitted while another is delivered comes after it.
   *
   * @returns its id, or null when it was dropped
   */
  emit(emission: Emission): string | null {
    const { type, source } = emission
    if (!isEventType(type)) {
      return this.#drop(
        source,
        typeof type === 'string' ? type : `a ${typeof type}`,
        'its type is no event type',
      )
    }
    let data: string
    try {
      data = JSON.stringify(emission.data) ?? 'null'
    } catch (error) {
      return this.#drop(
        source,
        type,
        `its data is no JSON: ${error instanceof Error ? String(error.message) : `it throws a ${typeof error}`}`,
      )
    }
    if (data.length > MAX_EVENT_DATA) {
      return this.#drop(source, type, `its data has ${data.length} characters; ${MAX_EVENT_DATA} are allowed`)
    }
    const now = this.#options.now()
    const cause = currentCause()
    const root = cause?.root ?? rootOf(type, now)
    if (cause !== undefined) {
      const verdict = spend(root, now)
      if (verdict === 'still_exceeded') return this.#count()
      if (verdict === 'exceeded') {
        return this.#drop(
          source,
          type,
          `an event storm: "${root.type}" set off more than ${STORM_BUDGET} events within a second`,
        )
      }
    }
    const event: Writable<CloudEvent> = {
      specversion: '1.0',
      id: emission.id ?? this.#idPrefix + (this.#nextId++).toString(36),
      source,
      type,
      time: emission.time ?? this.#timeOf(now),
      data: undefined,
    }
    // To spread what may be missing would take as long as to deliver it.
    if (emission.subject !== undefined) event.subject = emission.subject
    if (cause !== undefined) event.causationid = cause.id
    const head = JSON.stringify(event).slice(0, -1)
    // A copy, frozen: no subscriber can change what another sees, and nothing of the emitter is kept alive.
    event.data = deepFreeze(JSON.parse(data))
    Object.freeze(event)
    this.emitted++
    const logged = this.log.add(type, `${head},"data":${data}}`)
    for (const follower of this.#followers) follower(logged)
    this.#queue.push({ event, cause: { id: event.id, root } })
    if (!this.#delivering) this.#deliverQueued()
    return event.id
  }

  #deliverQueued(): void {
    this.#delivering = true
    try {
      for (let next = 0; next < this.#queue.length; next++) {
        const { event, cause } = this.#queue[next]!
        if (!this.#knownTypes.has(event.type)) this.#learn(event.type)
        if (this.#listeners.events[event.type] !== undefined) {
          whileHandling(cause, () => this.#listeners.emit(event.type, event))
        }
      }
    } finally {
      this.#queue.length = 0
      this.#delivering = false
    }
  }

  #learn(type: string): void {
    if (this.#knownTypes.size >= MAX_KNOWN_TYPES) {
      for (const known of this.#knownTypes) delete this.#listeners.events[known]
      for (const { exits } of this.#subscriptions) exits.clear()
      this.#knownTypes.clear()
    }
    this.#knownTypes.add(type)
    for (const subscription of this.#subscriptions) this.#enlist(subscription, type)
  }

  #enlist(subscription: Subscription, type: string): void {
    if (matches(subscription.pattern, type)) {
      subscription.exits.set(type, this.#listeners.on(type, subscription.deliver))
    }
  }

  #drop(source: string, type: string, reason: string): null {
    this.#options.onDropped(source, type, reason)
    return this.#count()
  }

  #count(): null {
    this.dropped++
    return null
  }

  #timeOf(now: number): string {
    if (now !== this.#lastMs) {
      this.#lastMs = now
      this.#lastTime = new Date(now).toISOString()
    }
    return this.#lastTime
  }
}

/** Of JSON. */
function deepFreeze(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) {
    for (const key of Object.keys(value)) deepFreeze((value as Record<string, unknown>)[key])
    Object.freeze(value)
  }
  return value
}

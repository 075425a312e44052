// Sends events to one service as signed webhooks: in order, one at a time, from a bounded queue, for as long as it takes.

import type { Clock } from '../../clock.ts'
import type { OwnedLog } from '../../log/log.ts'
import { retryAfter } from './retry-after.ts'
import { signed } from './signature.ts'

export interface WebhookOptions {
  /** Where the service takes them. */
  readonly path: string
  readonly clock: Clock
  readonly log: () => OwnedLog
  /** What proves who sends; null while the service takes no calls, and then nothing is sent. */
  readonly credential: () => string | null
  /** Calls the service. */
  readonly fetch: (path: string, init: RequestInit) => Promise<Response>
}

/** An event that waits to be sent. */
export interface Outgoing {
  /** Unique within this house. */
  readonly id: string
  /** The whole CloudEvent as JSON. */
  readonly text: string
}

/** What may wait; beyond it the oldest is dropped. The texts are in characters. */
const MAX_WAITING = 1_000
const MAX_TEXT = 2 * 1024 * 1024
/** For the service to take one. */
const ATTEMPT_MS = 10_000
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 60_000
/** Where the service itself says when (Retry-After). */
const LONGEST_WISH_MS = 3_600_000
/** So many attempts while it is said to be up: four minutes, unless the service wants longer pauses. One event that it cannot take must not hold up all others. */
const MAX_ATTEMPTS = 10
/** What came of an attempt. */
interface Outcome {
  /** Null where the event was taken. */
  readonly trouble: string | null
  /** Whether it never will be. */
  readonly final: boolean
  /** The pause that the service wishes for, in ms; 0 where it does not say. */
  readonly wish: number
}

/** Statuses of 4xx that say nothing against the event itself. */
const LATER: ReadonlySet<number> = new Set([401, 403, 404, 408, 425, 429])

export class Webhook {
  readonly #options: WebhookOptions
  readonly #waiting: Outgoing[] = []
  #stopped = false
  #characters = 0
  /** How many were dropped since the service was last told so, and the id of the last event that it took before them. */
  #missed = 0
  #missedAfter: string | null = null
  /** The id of the last event that it took. */
  #lastEventId: string | null = null
  #gaps = 0
  #wake = () => {}
  #cutPause = () => {}
  /** Calls off the attempt that is under way. */
  #callOff = () => {}
  /** What was told last of a series of failures. */
  #complaint: 'tried again' | 'dropped' | null = null

  constructor(options: WebhookOptions) {
    this.#options = options
    void this.#run()
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Takes an event along. Whoever says that something happened waits for nothing here. */
  offer(event: Outgoing): void {
    if (this.#stopped) return
    this.#waiting.push(event)
    this.#characters += event.text.length
    while (this.#waiting.length > MAX_WAITING || (this.#characters > MAX_TEXT && this.#waiting.length > 1)) {
      this.#take()
      this.#miss()
    }
    this.#wake()
  }

  /** The service takes calls again, or may: whatever is waited for is tried now. */
  resume(): void {
    this.#cutPause()
    this.#wake()
  }

  /** What waits is dropped, and what is under way is called off. */
  stop(): void {
    this.#stopped = true
    this.#waiting.length = 0
    this.#callOff()
    this.resume()
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      if (this.#waiting.length === 0 || this.#options.credential() === null) {
        await this.#awakened()
        continue
      }
      // Before what follows a gap, the gap. One that is not taken either is told of before what follows that.
      if (this.#missed > 0 && (await this.#deliverGap())) continue
      const event = this.#take()
      if (event === undefined) continue
      if (await this.#deliver(event)) this.#lastEventId = event.id
      else this.#miss()
    }
  }

  async #deliverGap(): Promise<boolean> {
    const missed = this.#missed
    const lastEventId = this.#missedAfter
    this.#missed = 0
    const now = this.#options.clock.now()
    const id = `gap-${now.toString(36)}-${this.#gaps++}`
    const message = `${missed} events after this one were dropped. Read the present state anew.`
    const text = JSON.stringify({
      specversion: '1.0',
      id,
      source: '/core',
      type: 'core.gap',
      time: new Date(now).toISOString(),
      data: { lastEventId, missed, message },
    })
    const taken = await this.#deliver({ id, text })
    if (!taken) {
      this.#missed += missed
      this.#missedAfter = lastEventId
    }
    return taken
  }

  #miss(): void {
    if (this.#missed === 0) this.#missedAfter = this.#lastEventId
    this.#missed++
  }

  #take(): Outgoing | undefined {
    const event = this.#waiting.shift()
    this.#characters -= event?.text.length ?? 0
    return event
  }

  /** Tries until the service has taken it, will not, or is no longer wanted. @returns whether it has */
  async #deliver(event: Outgoing): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      // While it is down nothing is sent, and no attempt counts against the event.
      for (; this.#options.credential() === null; attempt = 1) {
        if (this.#stopped) return false
        await this.#awakened()
      }
      const { trouble, final, wish } = await this.#attempt(event)
      if (this.#stopped) return false
      if (trouble === null) {
        if (this.#complaint !== null) this.#options.log().info('Its webhook takes events again.')
        this.#complaint = null
        return true
      }
      if (final || attempt === MAX_ATTEMPTS) {
        this.#complain('dropped', trouble)
        return false
      }
      this.#complain('tried again', trouble)
      await this.#pause(attempt, wish)
    }
  }

  /** A service that takes none is told of once, and not for every event of the house. */
  #complain(what: 'tried again' | 'dropped', trouble: string): void {
    if (this.#complaint === what || this.#complaint === 'dropped') return
    this.#complaint = what
    this.#options.log().warn(`Its webhook did not take an event, which is ${what}: ${trouble}`)
  }

  async #attempt({ id, text }: Outgoing): Promise<Outcome> {
    const { path, clock } = this.#options
    const attempt = new AbortController()
    this.#callOff = () => attempt.abort()
    const deadline = setTimeout(
      () => attempt.abort(new Error(`it said nothing for ${ATTEMPT_MS} ms.`)),
      ATTEMPT_MS,
    )
    try {
      const response = await this.#options.fetch(path, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/cloudevents+json',
          ...signed(id, clock.now(), text, this.#options.credential()!),
        },
        body: text,
        redirect: 'manual',
        signal: attempt.signal,
      })
      await response.body?.cancel()
      const { ok, status, headers } = response
      return {
        trouble: ok ? null : `it answered with ${status}.`,
        final: status >= 400 && status < 500 && !LATER.has(status),
        wish: retryAfter(headers.get('Retry-After'), clock.now()),
      }
    } catch (error) {
      return { trouble: error instanceof Error ? error.message : String(error), final: false, wish: 0 }
    } finally {
      clearTimeout(deadline)
    }
  }

  /** Half of a pause is chance, so that services which came back together are not all called at once. */
  async #pause(attempt: number, wish: number): Promise<void> {
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS)
    const ms = Math.max(pause * (0.5 + Math.random() / 2), Math.min(wish, LONGEST_WISH_MS))
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = this.#options.clock.after(ms, resolve)
    this.#cutPause = resolve
    await promise
    cancel()
  }

  /** Until something has changed. */
  #awakened(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    return promise
  }
}

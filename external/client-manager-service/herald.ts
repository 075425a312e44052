// Tells the Core what happened, in order, and keeps it for a while when the Core is not there.

export interface News {
  'client.connected': { client: string; hostname: string }
  'client.disconnected': { client: string; hostname: string; reason: string }
  'command.finished': {
    command: string
    client: string
    name: string | null
    by: string
    status: string
    exitCode: number | null
  }
}

interface Event {
  readonly specversion: '1.0'
  readonly id: string
  readonly source: string
  readonly type: string
  readonly subject: string
  readonly time: string
  readonly data: unknown
}

export interface HeraldOptions {
  /** Null: nobody is told. */
  readonly coreUrl: string | null
  readonly credential: string
  readonly source: string
  readonly log: (message: string) => void
}

/** What waits to be told: beyond that, the oldest is forgotten. */
const MOST_WAITING = 1_000
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 15_000
const PATIENCE_MS = 10_000

export class Herald {
  readonly #options: HeraldOptions
  readonly #waiting: Event[] = []
  readonly #stopped = new AbortController()
  #telling = false

  constructor(options: HeraldOptions) {
    this.#options = options
  }

  tell<const Type extends keyof News>(type: Type, subject: string, data: News[Type]): void {
    const { coreUrl, source, log } = this.#options
    if (coreUrl === null || this.#stopped.signal.aborted) return
    const id = crypto.randomUUID()
    this.#waiting.push({
      specversion: '1.0',
      id,
      source,
      type,
      subject,
      time: new Date().toISOString(),
      data,
    })
    if (this.#waiting.length > MOST_WAITING) {
      const { type, time } = this.#waiting.shift()!
      log(`The Core has not been there for long: "${type}" of ${time} is forgotten.`)
    }
    if (!this.#telling) void this.#tellAll(`${coreUrl}/api/core/events`)
  }

  stop(): void {
    this.#stopped.abort()
  }

  async #tellAll(url: string): Promise<void> {
    this.#telling = true
    const { signal } = this.#stopped
    for (let pause = FIRST_PAUSE_MS; this.#waiting.length > 0 && !signal.aborted;) {
      const event = this.#waiting[0]!
      if (await this.#post(url, event)) {
        if (this.#waiting[0] === event) this.#waiting.shift()
        pause = FIRST_PAUSE_MS
      } else {
        await Promise.race([Bun.sleep(pause * (0.5 + Math.random())), aborted(signal)])
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS)
      }
    }
    this.#telling = false
  }

  /** The same event twice counts once, so that it may be said again whenever that is in doubt. @returns whether it is done with */
  async #post(url: string, event: Event): Promise<boolean> {
    const { credential, log } = this.#options
    try {
      const { status } = await fetch(url, {
        method: 'POST',
        body: JSON.stringify(event),
        headers: {
          Authorization: `Bearer ${credential}`,
          'Content-Type': 'application/cloudevents+json',
        },
        redirect: 'error',
        signal: AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(PATIENCE_MS)]),
      })
      if (status === 202) return true
      // It will not like it better the next time.
      const final = status >= 400 && status < 500 && ![401, 408, 425, 429].includes(status)
      if (final) log(`The Core does not take "${event.type}": it answers ${status}.`)
      return final
    } catch {
      // Not there: whoever restarts it knows, and so does its own log.
      return false
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

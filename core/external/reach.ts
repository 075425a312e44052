// One place where a service answers, and how many calls are under way to it: whoever takes it away waits for their end.

import { settlesWithin } from '../clock.ts'

export interface Place {
  /** `http://127.0.0.1:41234`, without a slash at the end. */
  readonly origin: string
  /** The address that the name of the origin was pinned to; null where it is an address. */
  readonly address: string | null
  readonly credential: string
}

/** What the proxy calls, structurally: it knows nothing of this room. */
export class LiveReach implements Place {
  readonly origin: string
  readonly address: string | null
  readonly credential: string
  readonly #leaving = new AbortController()
  #underWay = 0
  #onIdle: (() => void) | undefined

  constructor({ origin, address, credential }: Place) {
    this.origin = origin
    this.address = address
    this.credential = credential
  }

  /** Aborts when it is about to go. */
  get leaving(): AbortSignal {
    return this.#leaving.signal
  }

  /** Calls under way. */
  get inFlight(): number {
    return this.#underWay
  }

  begin(): void {
    this.#underWay++
  }

  end(): void {
    if (--this.#underWay === 0) this.#onIdle?.()
  }

  /** Whoever stays for good is told to go, and all else is waited for. @returns whether all calls ended in time */
  async drained(ms: number): Promise<boolean> {
    this.#leaving.abort()
    if (this.#underWay === 0) return true
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onIdle = resolve
    return settlesWithin(promise, ms)
  }
}

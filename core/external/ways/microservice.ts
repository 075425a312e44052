// A service that someone else runs: reached by its URL, at the address that its name was pinned to.

import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { LiveReach } from '../reach.ts'
import { probe } from './probe.ts'
import { DRAIN_MS, STOPPED, type Way, type WayOptions, type WayState } from './way.ts'

/** How often it is asked until it is well, in ms. */
const EAGER_MS = 250
const RELUCTANT_MS = 5_000
/** Unless service.json says how long it may take to come up. */
const READY_MS = 15_000

/** Of one name, so many are tried. */
const MOST_ADDRESSES = 4

export interface MicroserviceOptions extends WayOptions {
  readonly credential: string
  readonly url: string
}

export class Microservice implements Way {
  readonly mode = 'microservice'
  readonly pid = null
  readonly restarts = 0
  readonly credential: string
  readonly cameUp: Promise<void>
  readonly #options: MicroserviceOptions
  readonly #up = Promise.withResolvers<void>()
  #state: WayState = 'starting'
  #reach: LiveReach | null = null
  #error: string | null = null
  #timer: Timer | undefined
  #stopped = false

  constructor(options: MicroserviceOptions) {
    this.#options = options
    this.credential = options.credential
    this.cameUp = this.#up.promise
    this.cameUp.catch(() => {})
    void this.#watch()
  }

  get state(): WayState {
    return this.#state
  }

  get reach(): LiveReach | null {
    return this.#reach
  }

  get error(): string | null {
    return this.#error
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#up.reject(new Error(STOPPED))
    await this.#reach?.drained(DRAIN_MS)
  }

  async #watch(): Promise<void> {
    const { manifest, onChange } = this.#options
    const began = performance.now()
    const patience = manifest.start?.readyMs ?? READY_MS
    let pause = EAGER_MS
    for (;;) {
      const { state, reach, error } = this
      const trouble = await this.#look()
      if (this.#stopped) return
      this.#error = trouble
      if (trouble === null) {
        this.#state = 'up'
        this.#up.resolve()
        pause = EAGER_MS
      } else if (this.#state !== 'starting' || performance.now() - began > patience) {
        this.#state = 'down'
        this.#up.reject(new Error(trouble))
      }
      if (state !== this.#state || reach !== this.#reach || error !== this.#error) onChange()
      const ms = trouble === null ? manifest.health.everyMs : Math.min(pause, manifest.health.everyMs)
      if (trouble !== null) pause = Math.min(pause * 2, RELUCTANT_MS)
      await this.#rest(ms)
      if (this.#stopped) return
    }
  }

  /** Where it answers no more at its address, its name may mean another one by now. */
  async #look(): Promise<string | null> {
    const { path, timeoutMs } = this.#options.manifest.health
    const known = this.#reach && (await probe(this.#reach, path, timeoutMs))
    if (this.#reach !== null && known === null) return null
    const { origin, hostname } = new URL(this.#options.url)
    let addresses: (string | null)[]
    try {
      addresses = await addressesOf(hostname)
    } catch (error) {
      return `The name ${hostname} means no address: ${(error as Error).message}`
    }
    let trouble = known
    for (const address of addresses) {
      if (this.#reach?.address === address) continue
      const reach = new LiveReach({ origin, address, credential: this.credential })
      trouble = await probe(reach, path, timeoutMs)
      // The first one is kept whatever it says, while there is no other.
      if (trouble === null || this.#reach === null) this.#reach = reach
      if (trouble === null) break
    }
    return trouble
  }

  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#timer = setTimeout(resolve, ms)
      this.#timer.unref()
    })
  }
}

/** What a name means; null for what is an address itself. */
async function addressesOf(hostname: string): Promise<(string | null)[]> {
  if (isIP(hostname.replace(/^\[|\]$/g, '')) !== 0) return [null]
  const found = await lookup(hostname, { all: true })
  return [...new Set(found.map(({ address }) => address))].slice(0, MOST_ADDRESSES)
}

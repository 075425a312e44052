// A service that the Core runs as a child process: started, waited for, watched, started again, ended.

import type { LiveReach } from '../reach.ts'
import type { Child } from './child.ts'
import { Deaths } from './deaths.ts'
import { launch, type Launched, type LaunchOptions } from './launch.ts'
import { probe } from './probe.ts'
import { DRAIN_MS, STOPPED, type Way, type WayOptions, type WayState } from './way.ts'

/** How long until it is asked again whether it is ready, in ms: at first, and at most. */
const SOON_MS = 10
const LATER_MS = 250
/** So many looks in a row that it does not pass: it hangs, and is started again. */
const MOST_MISSES = 3
/** Failed starts of another way beside one that serves: the first may have met somebody at its port. */
const MOST_STARTS = 2

export class Embedded implements Way {
  readonly mode = 'embedded'
  readonly credential: string
  readonly cameUp: Promise<void>
  readonly #options: LaunchOptions
  readonly #start: NonNullable<WayOptions['manifest']['start']>
  readonly #up = Promise.withResolvers<void>()
  readonly #deaths = new Deaths()
  readonly #over: Promise<void>
  #state: WayState = 'starting'
  #reach: LiveReach | null = null
  #error: string | null = null
  #child: Child | null = null
  #restarts = 0
  #stopped = false
  #wake = () => {}

  constructor(options: LaunchOptions) {
    this.#options = options
    this.#start = options.manifest.start!
    this.credential = options.credential
    this.cameUp = this.#up.promise
    this.cameUp.catch(() => {})
    this.#over = this.#run()
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

  get pid(): number | null {
    return this.#child?.pid ?? null
  }

  get restarts(): number {
    return this.#restarts
  }

  async stop(): Promise<void> {
    if (!this.#stopped) {
      this.#stopped = true
      this.#up.reject(new Error(STOPPED))
      await this.#reach?.drained(DRAIN_MS)
      this.#wake()
      await this.#child?.end(this.#start.stopMs)
    }
    await this.#over
  }

  /** One child after the other. Settles when there is none any more. */
  async #run(): Promise<void> {
    while (!this.#stopped) {
      const { cameUp, why } = await this.#live()
      if (this.#stopped) return
      const pause = this.#deaths.another(cameUp)
      this.#reach = null
      this.#error = pause === null ? this.#verdict(why) : why
      if (pause === null) this.#state = 'given_up'
      else if (this.#state !== 'starting') this.#state = 'down'
      if (pause === null || this.#restarts + 1 >= MOST_STARTS) this.#up.reject(new Error(this.#error))
      this.#options.onChange()
      if (pause === null) return
      await this.#rest(pause)
      this.#restarts++
    }
  }

  /** Of one that is given up: why, and what to do. */
  #verdict(why: string): string {
    const sentence = /[.!?]$/.test(why) ? why : `${why}.`
    return `${sentence} ${this.#deaths.verdict} When that is mended: hc external restart ${this.#options.name}`
  }

  /** From the start of a child to its death. */
  async #live(): Promise<{ cameUp: boolean; why: string }> {
    let launched: Launched
    try {
      launched = launch(this.#options)
    } catch (error) {
      return { cameUp: false, why: `It cannot be started: ${(error as Error).message}` }
    }
    const { child, reach } = launched
    this.#child = child
    void child.ended.then(() => this.#wake())
    const trouble = await this.#untilReady(child, reach)
    if (trouble === null) await this.#watch(child, reach)
    // One that died may have met somebody at its port.
    else if (!child.isOver) this.#up.reject(new Error(trouble))
    // Told to stop, it has its time; else it hangs.
    if (!this.#stopped) child.kill()
    const end = await child.ended
    this.#child = null
    // It may have told its last line all that it knows.
    const why = (trouble ?? this.#error ?? end).replaceAll(this.credential, '***')
    return { cameUp: trouble === null, why }
  }

  /** @returns null when it is ready; else why it is not */
  async #untilReady(child: Child, reach: LiveReach): Promise<string | null> {
    const { health } = this.#options.manifest
    const path = this.#start.ready ?? health.path
    const deadline = performance.now() + this.#start.readyMs
    let pause = SOON_MS
    for (;;) {
      const trouble = await probe(reach, path, Math.max(health.timeoutMs, LATER_MS))
      if (child.isOver) return child.ended
      if (this.#stopped) return STOPPED
      if (trouble === null) return null
      if (performance.now() > deadline) {
        const why = `It was not ready within ${this.#start.readyMs} ms: ${trouble}`
        return trouble.includes(reach.origin) ? `${why} HOST and PORT tell it where to listen.` : why
      }
      await this.#rest(pause)
      pause = Math.min(pause * 1.5, LATER_MS)
    }
  }

  /** Settles when it died, hangs, or is told to stop. */
  async #watch(child: Child, reach: LiveReach): Promise<void> {
    const { path, everyMs, timeoutMs } = this.#options.manifest.health
    this.#reach = reach
    this.#tell('up', null)
    this.#up.resolve()
    for (let misses = 0; misses < MOST_MISSES;) {
      await this.#rest(everyMs)
      if (child.isOver || this.#stopped) return
      const trouble = await probe(reach, path, timeoutMs)
      if (child.isOver || this.#stopped) return
      misses = trouble === null ? 0 : misses + 1
      if (misses < MOST_MISSES) this.#tell(trouble === null ? 'up' : 'down', trouble)
      else this.#tell('down', `It hangs, and is started again: ${trouble}`)
    }
  }

  #tell(state: WayState, error: string | null): void {
    if (state === this.#state && error === this.#error) return
    this.#state = state
    this.#error = error
    this.#options.onChange()
  }

  /** Not longer than the child lives, and than it is wanted. */
  async #rest(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    const timer = setTimeout(resolve, ms)
    await promise
    clearTimeout(timer)
  }
}

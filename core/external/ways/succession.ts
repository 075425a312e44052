// The ways in which one service runs, one after the other: which one counts now, which one is on its way, and which ones are
// not quite gone.

import type { OwnedLog } from '../../log/log.ts'
import type { ServiceManifest } from '../manifest.ts'
import type { Way, WayMode, WayOptions } from './way.ts'

export interface SuccessionOptions {
  readonly name: string
  /** Brings up another way. @throws Error when there is no such way */
  readonly open: (mode: WayMode, options: WayOptions) => Promise<Way>
  readonly log: () => OwnedLog
  /** The way that counts has changed: its state, its reach or its error. */
  readonly onChange: () => void
}

export class Succession {
  readonly #options: SuccessionOptions
  #now: Way | null = null
  #coming: { readonly way: Way; readonly manifest: ServiceManifest } | null = null
  /** All that are not quite gone, and one that is to take over. */
  readonly #alive = new Set<Way>()

  constructor(options: SuccessionOptions) {
    this.#options = options
  }

  /** The one that counts. */
  get now(): Way | null {
    return this.#now
  }

  /** Whether this is what one of them was given to prove itself with. One that is being stopped may still say its last. */
  proves(credential: string): boolean {
    const given = Buffer.from(credential)
    return [...this.#alive].some((way) => {
      const known = Buffer.from(way.credential)
      return known.length === given.length && crypto.timingSafeEqual(known, given)
    })
  }

  /** Begins one, which may take as long as it takes. @throws Error when there is no such way */
  async open(mode: WayMode, manifest: ServiceManifest): Promise<Way> {
    const { name, log, onChange } = this.#options
    let way: Way | undefined
    way = await this.#options.open(mode, {
      name,
      manifest,
      log,
      onChange: () => {
        if (way !== undefined && way === this.#now) onChange()
      },
    })
    this.#alive.add(way)
    return way
  }

  /** Begins one, and waits until it answers. @throws Error why it does not */
  async bringUp(mode: WayMode, manifest: ServiceManifest): Promise<Way> {
    const way = await this.open(mode, manifest)
    this.#coming = { way, manifest }
    try {
      await way.cameUp
      return way
    } catch (error) {
      void this.drop(way)
      throw error
    } finally {
      this.#coming = null
    }
  }

  /** One that is coming up is not waited for, unless it is what this manifest describes. */
  callOff(unless: ServiceManifest): void {
    if (this.#coming !== null && this.#coming.manifest !== unless) void this.drop(this.#coming.way)
  }

  /** From now on this one counts. @returns the one before, which is to be dropped */
  take(way: Way | null): Way | null {
    const before = this.#now
    this.#now = way
    return before
  }

  /** Settles when nothing of it is left. */
  async drop(way: Way | null): Promise<void> {
    if (way === null) return
    await way.stop()
    this.#alive.delete(way)
  }

  /** All but the one that counts. Settles when nothing of them is left. */
  async dropOthers(): Promise<void> {
    await Promise.all([...this.#alive].map((way) => (way === this.#now ? undefined : this.drop(way))))
  }
}

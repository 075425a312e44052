// Which version of one plugin is to serve: that of its files, or a kept one that it is pinned to.

import type { PluginPlace, PluginSource } from '../files/discovery.ts'
import type { Organs } from '../organs.ts'
import type { RestoredVersion } from '../versions/versions.ts'
import { BurstWatch } from './burst.ts'
import type { Reading } from './plugin-files.ts'

/** A kept version is taken as long as the files on the disk are these. */
interface Pin {
  readonly restored: RestoredVersion
  /** Of a reading of the files. */
  readonly over: string
}

export interface ServingVersionOptions {
  readonly place: PluginPlace
  readonly organs: Organs
  /** What serves made many mistakes right after it took over. */
  readonly onBurst: (count: number) => void
}

export class ServingVersion {
  readonly #options: ServingVersionOptions
  /** What serves was read from; null while nothing does. */
  #reading: Reading | null = null
  #pin: Pin | null = null
  readonly #watch: BurstWatch
  /** Kept versions that stand in folders of their own now, with how many generations were loaded from there and are not gone. */
  readonly #laidOut = new Map<RestoredVersion, number>()
  /** The Core went back from it by itself, and does so once. */
  #wentBackFrom: string | null = null

  constructor(options: ServingVersionOptions) {
    this.#options = options
    this.#watch = new BurstWatch(options.organs.clock)
  }

  /** Of its sources; null while nothing serves. */
  get digest(): string | null {
    return this.#reading?.sources?.digest ?? null
  }

  /** From now on a kept version is taken for these files; for others, the files. */
  pin(restored: RestoredVersion, over: string): void {
    this.#laidOut.set(restored, 0)
    this.#setPin({ restored, over })
  }

  release(): void {
    this.#setPin(null)
  }

  /** What to load where the files are these. */
  choose(files: Reading): Reading {
    if (this.#pin?.over !== files.digest) return files
    const { restored } = this.#pin
    const { source, sources } = restored
    const reading: Reading = { ...files, source, sources, error: null, restored, again: () => reading }
    return reading
  }

  /** What this was read from serves now: it is kept, and an eye is on it where it is another version than before. */
  committed(id: string, reading: Reading): void {
    const { organs, place, onBurst } = this.#options
    const before = this.digest
    const { digest } = reading.sources!
    this.#reading = reading
    this.#watch.end()
    this.#settlePin(id, reading)
    if (reading.restored !== null) return
    organs.versions.keep(id, place, reading.sources!)
    if (before === null || before === digest || digest === this.#wentBackFrom) return
    this.#watch.begin((count) => {
      this.#wentBackFrom = digest
      onBurst(count)
    })
  }

  /** What this was read from was refused. */
  refused(id: string, reading: Reading): void {
    if (this.#reading !== null) this.#settlePin(id, reading)
  }

  /** What served until now, to be loaded once more. @throws Error when it is not kept */
  bringBack(id: string): Promise<RestoredVersion> {
    return this.#options.organs.versions.restore(id, this.digest ?? '')
  }

  /** Nothing serves any more. */
  gone(): void {
    this.#reading = null
    this.#watch.end()
  }

  /** A generation is loaded from a kept version. */
  taken(restored: RestoredVersion): void {
    this.#laidOut.set(restored, (this.#laidOut.get(restored) ?? 0) + 1)
  }

  /** Nothing is left of a generation that was loaded from this source. */
  left(source: PluginSource): void {
    for (const [restored, generations] of this.#laidOut)
      if (restored.source === source) this.#laidOut.set(restored, generations - 1)
    this.#sweep()
  }

  #setPin(pin: Pin | null): void {
    this.#pin = pin
    this.#sweep()
  }

  #sweep(): void {
    for (const [restored, generations] of this.#laidOut) {
      if (generations > 0 || restored === this.#pin?.restored) continue
      this.#laidOut.delete(restored)
      void restored.remove()
    }
  }

  /** A mistake was charged to what serves. */
  countMistake(id: string): void {
    const { wishes, rollbackAfter } = this.#options.organs
    this.#watch.count(wishes.of(id).rollbackAfter ?? rollbackAfter)
  }

  /** A pin holds as long as a kept version serves. Files that are refused do not end it: they lie under it from now on. */
  #settlePin(id: string, tried: Reading): void {
    const { wishes, clock, log } = this.#options.organs
    const restored = this.#reading!.restored
    this.#setPin(restored && { restored, over: tried.digest })
    const known = wishes.of(id).pinned
    const pinned = restored && {
      digest: restored.digest,
      over: tried.digest,
      since: known?.digest === restored.digest ? known.since : new Date(clock.now()).toISOString(),
    }
    if (Bun.deepEquals(pinned, known)) return
    const trouble = wishes.tryChange(id, { pinned })
    if (trouble !== null)
      log.of(id).error(`Which version serves is not kept over a restart: ${trouble.message}`)
  }
}

// One try to load a plugin, or to swap it: the version on the disk, from its import to the commit or the refusal.

import type { Reload } from '@home-console/sdk'
import { Generation } from './generation.ts'
import { faultOf } from './fault.ts'
import { importFault } from './import-fault.ts'
import type { Begin } from './lifecycle.ts'
import { NeedsNotMet, type Needs } from './needs.ts'
import type { PluginUnit, Reading } from './plugin-unit.ts'
import { QUIET_MS } from './quiet.ts'
import { announce } from './reload-news.ts'
import { newReload, timed } from './reloads.ts'
import { HeldBack, type Attempt, type Change } from './transaction.ts'

class Overtaken extends Error {}

export class LoadAttempt implements Attempt<PluginUnit> {
  readonly part: PluginUnit
  readonly record: Reload
  readonly #controller = new AbortController()
  readonly #previous: Generation | null
  #reading: Reading
  #generation: Generation | null = null

  constructor(part: PluginUnit, reading: Reading, { cause, settle = 0 }: Begin) {
    this.part = part
    this.#reading = reading
    this.#previous = part.serving
    this.record = newReload(part.serving?.id ?? reading.source?.id ?? part.id, part.lastNumber + 1, cause)
    this.record.phases.settle = Math.round(settle * 1_000) / 1_000
  }

  /** Of the files that it is a try at. */
  get digest(): string {
    return this.#reading.digest
  }

  get files(): readonly string[] {
    return this.record.cause.files
  }

  get needs(): Needs | null {
    return this.#generation?.needs ?? null
  }

  get isOvertaken(): boolean {
    return this.#controller.signal.aborted
  }

  overtake(): void {
    this.#controller.abort(new Overtaken())
  }

  async prepare(): Promise<void> {
    const { signal } = this.#controller
    for (;;) {
      signal.throwIfAborted()
      const { source, sources, error, digest } = this.#reading
      if (source === null) throw error
      this.part.remember(sources!)
      this.part.assertNoCrasher(source, sources!, this.record.cause)
      this.#previous?.locateBelongings()
      const generation = this.part.newGeneration(this.record.generation, source, sources!)
      this.#generation = generation
      const failed = await timed(this.record, 'import', () => generation.import(signal)).then(
        () => null,
        (error: unknown) => ({ error }),
      )
      if (this.part.read().digest === digest) {
        if (failed !== null) throw failed.error
        return
      }
      // Changed while it was loaded: what was loaded is no version that ever was.
      this.part.discard(generation)
      this.#generation = null
      await timed(this.record, 'settle', () => Bun.sleep(QUIET_MS))
      this.#reading = this.part.read()
    }
  }

  async stage(): Promise<void> {
    const { signal } = this.#controller
    signal.throwIfAborted()
    await timed(this.record, 'stage', () => this.#generation!.stage(signal))
    signal.throwIfAborted()
  }

  check({ leaving }: Change<PluginUnit>): void {
    if (this.#reading.source !== null) this.part.assertFree(this.#reading.source, leaving)
  }

  silence(): void {
    this.#previous?.fallSilent()
  }

  commit(): void {
    const generation = this.#generation!
    timed(this.record, 'commit', () => this.part.accept(generation, this.#previous))
    this.record.plugin = generation.id
    this.record.outcome = 'committed'
  }

  finish(): void {
    this.#decide()
    if (this.#previous !== null) this.part.retire(this.#previous, this.record)
  }

  async refuse(error: unknown): Promise<void> {
    if (this.#generation !== null) this.part.discard(this.#generation)
    if (this.isOvertaken) this.record.outcome = 'superseded'
    else {
      this.record.outcome = this.#previous === null ? 'failed' : 'kept_old'
      this.record.error = this.#faultOf(error)
      this.part.reject(this.record, error instanceof NeedsNotMet ? error.needs : null)
    }
    this.#decide()
  }

  #decide(): void {
    this.part.decided(this)
    announce(this.record, this.part.organs, this.#previous)
  }

  #faultOf(error: unknown) {
    const { source, sources } = this.#reading
    const told = sources === null ? error : importFault(error, sources)
    const code =
      error instanceof NeedsNotMet ? 'needs_not_met' : error instanceof HeldBack ? 'held_back' : 'load_failed'
    const fault = faultOf(told, sources?.files ?? new Set(), code)
    // What was thrown as no Error says not where, but the plugin has an entry.
    return fault.file === undefined && source !== null ? { ...fault, file: source.entry } : fault
  }
}

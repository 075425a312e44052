// One try to load a plugin, or to swap it: the version on the disk, from its import to the commit or the refusal.

import type { Reload } from '@home-console/sdk'
import { coreProblem } from '../../http/answers/problems.ts'
import { SettingsMissing } from '../../settings/check.ts'
import type { Stored } from '../../settings/plugin-settings.ts'
import { faultOf } from '../fault.ts'
import { importFault } from '../files/import-fault.ts'
import { QUIET_MS } from '../files/quiet.ts'
import { assertParses } from '../files/syntax.ts'
import { changesBetween, type Face } from '../generation/changes.ts'
import { Generation } from '../generation/generation.ts'
import type { Role } from '../generation/mode.ts'
import { missing, NeedsNotMet, type Needs } from '../generation/needs.ts'
import type { Begin } from './lifecycle.ts'
import { assertNoOtherAdapter, assertNotMissed, assertNotTaken } from './offers.ts'
import type { Reading } from './plugin-files.ts'
import type { PluginUnit } from './plugin-unit.ts'
import { announce } from './reload-news.ts'
import { newReload, timed } from './reloads.ts'
import { HeldBack, type Attempt, type Change } from './transaction.ts'

class Overtaken extends Error {}

export class LoadAttempt implements Attempt<PluginUnit> {
  readonly part: PluginUnit
  readonly record: Reload
  /** A config that is tried with it, in place of what the file says. */
  readonly config: Stored | undefined
  readonly #controller = new AbortController()
  readonly #previous: Generation | null
  /** What others see of the version before. */
  readonly #before: Face
  readonly #regardless: boolean
  #reading: Reading
  #generation: Generation | null = null
  #presumed: Needs | null = null

  constructor(part: PluginUnit, reading: Reading, { cause, regardless = false, config, settle = 0 }: Begin) {
    this.part = part
    this.config = config
    this.#before = part.face
    this.#regardless = regardless
    this.#reading = reading
    this.#previous = part.serving
    this.record = newReload(part.serving?.id ?? reading.source?.id ?? part.id, part.lastNumber + 1, cause)
    this.record.restored = reading.restored?.digest ?? null
    this.record.phases.settle = Math.round(settle * 1_000) / 1_000
  }

  /** Of the files that it is a try at. */
  get digest(): string {
    return this.#reading.digest
  }

  get reading(): Reading {
    return this.#reading
  }

  get files(): readonly string[] {
    return this.record.cause.files
  }

  /** Of an exclusive plugin those of the version before, until that has made room for the import of the next. */
  get needs(): Needs | null {
    return this.#generation?.needs ?? this.#presumed
  }

  /** Null until it is imported. */
  get role(): Role | null {
    return this.#generation?.definition === undefined ? null : this.#generation.role
  }

  get isOvertaken(): boolean {
    return this.#controller.signal.aborted
  }

  overtake(): void {
    this.#controller.abort(new Overtaken())
  }

  async prepare(): Promise<void> {
    if (!this.part.isExclusive) return this.#import()
    // Not imported beside the version that serves; but for what cannot be imported at all, that one need not go.
    const { source, sources, error } = this.#reading
    if (source === null) throw error
    assertParses(sources!)
    this.#presumed = this.part.serving?.needs ?? null
  }

  async #import(): Promise<void> {
    const { signal } = this.#controller
    for (;;) {
      signal.throwIfAborted()
      const { source, sources, error, digest } = this.#reading
      if (source === null) throw error
      await this.part.exclusiveGone(source.id)
      signal.throwIfAborted()
      if (this.record.cause.kind === 'api' && !this.record.dryRun) this.part.forgive(source)
      this.part.assertNoCrasher(source, sources!)
      this.#previous?.locateBelongings()
      const { restored } = this.#reading
      const generation = this.part.newGeneration(this.record.generation, source, sources!, restored)
      this.#generation = generation
      const failed = await timed(this.record, 'import', () =>
        generation.import(signal, { stored: this.config, isTrial: this.record.dryRun === true }),
      ).then(
        () => null,
        (error: unknown) => ({ error }),
      )
      if (this.#reading.again().digest === digest) {
        if (failed !== null) throw failed.error
        return
      }
      // Changed while it was loaded: what was loaded is no version that ever was.
      void this.part.discard(generation)
      this.#generation = null
      await timed(this.record, 'settle', () => Bun.sleep(QUIET_MS))
      this.#reading = this.#reading.again()
    }
  }

  async makeRoom(): Promise<void> {
    const { signal } = this.#controller
    const isAlone = this.#generation === null || this.part.isExclusive || this.#generation.exclusive
    if (!isAlone) return
    if (this.record.dryRun) throw coreProblem('not_beside')
    signal.throwIfAborted()
    await this.part.makeRoom(this.record)
    signal.throwIfAborted()
    if (this.#generation === null) await this.#import()
  }

  async stage(mayGo: ReadonlySet<string> = new Set()): Promise<void> {
    const { signal } = this.#controller
    signal.throwIfAborted()
    const generation = this.#generation!
    const handedOver = this.part.handOver()
    await timed(this.record, 'stage', () => generation.stage(signal, handedOver, mayGo))
    this.record.changes = changesBetween(this.#before, generation.face)
    signal.throwIfAborted()
  }

  check(change: Change<PluginUnit>): void {
    if (this.#reading.source !== null) this.part.assertFree(this.#reading.source, change.leaving)
    if (this.#generation === null) return
    const { services, external } = this.part.organs
    assertNoOtherAdapter(external, this.#generation, change)
    assertNotTaken(services, this.#generation, change)
    if (!this.#regardless) assertNotMissed(services, this.#before.services, this.#generation, change)
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

  tell(): void {
    this.part.resume()
    this.#decide()
  }

  letGo(): void {
    if (this.#previous !== null) this.part.retire(this.#previous, this.record)
  }

  async refuse(error: unknown): Promise<void> {
    const gone = this.#generation === null ? undefined : this.part.discard(this.#generation)
    if (this.isOvertaken) this.record.outcome = 'superseded'
    else {
      this.record.error = this.#faultOf(error)
      if (this.part.isBetween) {
        await gone
        await this.part.bringBack(this.record)
      }
      this.record.outcome = this.part.offer === null ? 'failed' : 'kept_old'
      this.part.reject(this, error)
    }
    this.#decide()
  }

  /**
   * Goes as far as the check, and throws the version away: the house does not notice.
   *
   * @param house what the others offer
   */
  async tryOnly(house: readonly Needs[]): Promise<Reload> {
    this.record.dryRun = true
    // What was stays, be it good or bad.
    this.record.outcome = 'kept_old'
    try {
      await this.prepare()
      await this.makeRoom()
      const lacking = missing(this.needs!, house)
      if (lacking.length > 0) throw new NeedsNotMet(this.needs!, lacking, null)
      await this.stage()
      const after = [...house, this.needs!]
      const bereft = house.filter((needs) => missing(needs, after).length > 0)
      this.check({ house: after, bereft, swapping: new Set(), leaving: [] })
    } catch (error) {
      if (this.#previous === null) this.record.outcome = 'failed'
      this.record.error = this.#faultOf(error)
    }
    if (this.#generation !== null) void this.part.discard(this.#generation)
    return this.record
  }

  #decide(): void {
    this.part.decided(this)
    announce(this.record, this.part.organs, this.#previous)
  }

  #faultOf(error: unknown) {
    const { source, sources } = this.#reading
    const told = sources === null ? error : importFault(error, sources)
    const fault = faultOf(told, sources?.files ?? new Set(), codeOf(error))
    fault.message = this.part.organs.log.masked(fault.message)
    // What was thrown as no Error says not where, but the plugin has an entry.
    return fault.file === undefined && source !== null ? { ...fault, file: source.entry } : fault
  }
}

function codeOf(error: unknown): string {
  if (error instanceof NeedsNotMet) return 'needs_not_met'
  if (error instanceof SettingsMissing) return 'config_missing'
  return error instanceof HeldBack ? 'held_back' : 'load_failed'
}

// One plugin: what its files are, what serves, what is being tried, and the record of how it came to that.

import type { PluginFault, Reload } from '@home-console/sdk'
import { SettingsMissing, type Lack } from '../../settings/check.ts'
import type { Stored } from '../../settings/plugin-settings.ts'
import { messageOf, PluginError, positionOfText } from '../fault.ts'
import { isPlace, type PluginPlace, type PluginSource } from '../files/discovery.ts'
import type { Sources } from '../files/sources.ts'
import { NO_FACE, type Face } from '../generation/changes.ts'
import { Generation, type Charged } from '../generation/generation.ts'
import type { Role } from '../generation/mode.ts'
import { NeedsNotMet, type Needs } from '../generation/needs.ts'
import { ConfigRefused } from '../generation/plugin-config.ts'
import type { Organs } from '../organs.ts'
import type { RestoredVersion } from '../versions/versions.ts'
import { LoadAttempt } from './attempt.ts'
import { Departures } from './departures.ts'
import { Interlude } from './interlude.ts'
import type { Begin, Cause, LivingPart, Next } from './lifecycle.ts'
import { PluginFiles } from './plugin-files.ts'
import { Post } from './post.ts'
import { announce, announceLeaks } from './reload-news.ts'
import { newReload, Reloads } from './reloads.ts'
import { ServingVersion } from './serving-version.ts'

export type PluginState = 'loading' | 'active' | 'waiting' | 'failed' | 'disabled' | 'stopping'

export interface UnitOptions {
  readonly place: PluginPlace
  readonly organs: Organs
  /** Where the routes of a plugin stand. */
  readonly prefixOf: (id: string) => string
  /** Whose the id is: that of the unit that serves it, or of the first that asked for it. */
  readonly ownerOf: (id: string) => PluginUnit | undefined
  /** The generations of an id that are being drained and closed now, wherever their files were. */
  readonly departuresOf: (id: string) => Departures['all']
  /** An id may be free by now. */
  readonly onReleased: () => void
  /** Its files vanished, and nothing of it is left. */
  readonly onGone: () => void
  readonly onCharged: (charged: Charged) => void
  /** What serves made many mistakes right after it took over. */
  readonly onBurst: (count: number) => void
  /** Told of files outside the plugin's folder, so that they are watched. */
  readonly onOutside: (paths: string[]) => void
}

export class PluginUnit implements LivingPart {
  readonly place: PluginPlace
  readonly files: PluginFiles
  readonly reloads = new Reloads()
  readonly #options: UnitOptions
  #state: PluginState = 'loading'
  #source: PluginSource | null = null
  #serving: Generation | null = null
  /** What serves was told to go: nobody new may lean on it. */
  #withdrawn = false
  #lastNumber = 0
  #role: Role = {}
  readonly #post: Post
  #error: PluginFault | null = null
  #awaiting: Needs | null = null
  #known: Needs | null = null
  #lacking: readonly Lack[] | null = null
  #misfit: ConfigRefused | null = null
  /** While nothing serves: how it was before the attempt that is under way. */
  #before: PluginState = 'loading'
  /** Why what somebody wrote into its config by hand is not in force. */
  configFault: PluginFault | null = null
  /** The last that was begun, until it is decided. */
  #attempt: LoadAttempt | null = null
  /** Of the last attempt that was decided, good or bad: the same files need no second try. */
  #lastDigest: string | null = null
  /** That it was tried with, where that was not what stood in the file. */
  #lastConfig: Stored | undefined
  readonly #version: ServingVersion
  /** While an exclusive plugin swaps, and no version of it is alive. */
  #interlude: Interlude | null = null
  readonly #departures: Departures

  constructor(options: UnitOptions) {
    this.place = options.place
    this.files = new PluginFiles(options.place, options.onOutside)
    this.#options = options
    this.#version = new ServingVersion(options)
    this.#departures = new Departures({
      onLeft: ({ source }) => {
        this.#version.left(source)
        if (this.#departures.all.size === 0) this.#post.alone()
      },
      onLeaked: (generation, record) => announceLeaks(record, this.organs, generation),
    })
    this.#post = new Post(options.organs)
  }

  get id(): string {
    return this.#serving?.id ?? this.#source?.id ?? this.place.name
  }

  get organs(): Organs {
    return this.#options.organs
  }

  get state(): PluginState {
    return this.#state
  }

  /** The version that serves. */
  get serving(): Generation | null {
    return this.#serving
  }

  get offer(): Needs | null {
    return this.#withdrawn ? null : (this.#serving?.needs ?? null)
  }

  get awaiting(): Needs | null {
    return this.#awaiting
  }

  /** What of its config nobody gave, and a version waits for; null where none does. */
  get lacking(): readonly Lack[] | null {
    return this.#lacking
  }

  /** What of its config did not fit, where the last version was refused for that. */
  get misfit(): ConfigRefused | null {
    return this.#misfit
  }

  /** Of the version that serves, or of the one that was seen last. */
  get role(): Role {
    return this.#serving?.role ?? this.#role
  }

  get known(): Needs | null {
    return this.#awaiting ?? this.offer ?? this.#known
  }

  get source(): PluginSource | null {
    return this.#serving?.source ?? this.#source
  }

  /** What others see of what serves. */
  get face(): Face {
    return this.#interlude?.face ?? this.#serving?.face ?? NO_FACE
  }

  /** Whether no other version may be alive beside the one that serves. */
  get isExclusive(): boolean {
    return this.#interlude !== null || this.#serving?.exclusive === true
  }

  /** Whether the version before is gone, and none took over yet. */
  get isBetween(): boolean {
    return this.#interlude !== null
  }

  /** Of the last version that was committed. */
  get lastNumber(): number {
    return this.#lastNumber
  }

  get error(): PluginFault | null {
    return this.#error
  }

  /** Whether its files vanished, or the house stops. */
  get isGoing(): boolean {
    return this.#state === 'stopping'
  }

  /** The config that the attempt that was decided last was a try of; undefined where it went by the file. */
  get triedConfig(): Stored | undefined {
    return this.#lastConfig
  }

  /** Whether a version is on its way. */
  get isTrying(): boolean {
    return this.#attempt !== null
  }

  /** Of the version that serves, or else of what is on the disk. */
  get digest(): string | undefined {
    return this.#version.digest ?? this.files.peek().sources?.digest
  }

  get leaving(): Generation[] {
    return [...this.departures.keys()]
  }

  /** The generations that are being drained and closed, with the end of each. */
  get departures(): Departures['all'] {
    return this.#departures.all
  }

  // --- Noticed.

  /** Whether a change at this path may be a change of this plugin. */
  concerns(path: string): boolean {
    if (this.#state === 'stopping') return false
    if (this.files.has(path)) return true
    if (!this.files.holds(path)) return false
    // A file that nothing imports says nothing, unless it is what the last attempt lacked.
    return this.#error !== null || this.#state === 'loading' || path.endsWith('/package.json')
  }

  /** The files that are not what they were when they were read. */
  changed(): string[] {
    return this.#state === 'stopping' ? [] : this.files.changed()
  }

  // --- Tried.

  /** Reads the files. Null when they are those of the last try, or the owner disabled the plugin. */
  begin(how: Begin): LoadAttempt | null {
    // A plugin that is gone is no bad version of it; to take it away is the loader's.
    if ((how.cause.kind === 'file' || this.#state === 'stopping') && !isPlace(this.place)) return null
    const disk = this.files.read()
    if (disk.source !== null) this.#source = disk.source
    if (!this.organs.wishes.of(disk.source?.id ?? this.id).enabled) {
      if (this.#serving === null) this.#state = 'disabled'
      return null
    }
    if (how.force !== true && disk.digest === (this.#attempt?.digest ?? this.#lastDigest)) return null
    const attempt = new LoadAttempt(this, this.#version.choose(disk), how)
    this.#attempt = attempt
    if (this.offer === null) {
      if (this.#state !== 'loading') this.#before = this.#state
      this.#state = 'loading'
    }
    return attempt
  }

  /** From now on a kept version is loaded, until other files than these are saved, or `release`. */
  pin(restored: RestoredVersion, over = this.#lastDigest ?? this.files.peek().digest): void {
    this.#version.pin(restored, over)
  }

  release(): void {
    this.#version.release()
  }

  /** @param restored the kept version that it is loaded from, if it is not from the files */
  newGeneration(
    number: number,
    source: PluginSource,
    { files, digest }: Sources,
    restored: RestoredVersion | null,
  ): Generation {
    const { organs, prefixOf, onCharged } = this.#options
    if (restored !== null) this.#version.taken(restored)
    return new Generation({ number, source, files, digest, prefix: prefixOf(source.id), organs, onCharged })
  }

  /** @throws PluginError `id_taken` when another has the id, and is not leaving */
  assertFree({ id, entry, manifest }: PluginSource, leaving: readonly PluginUnit[]): void {
    const owner = this.#options.ownerOf(id)
    if (owner === undefined || owner === this || leaving.includes(owner)) return
    throw new PluginError(
      'id_taken',
      `The id "${id}" belongs to ${owner.place.path} already. Rename one of the two.`,
      manifest?.id === undefined ? { file: entry } : positionOfText(manifest.file, '"id"'),
    )
  }

  /** By the owner's word, a version that ended the process again and again gets its next chance. */
  forgive({ id }: PluginSource): void {
    this.organs.crashes.forgive(id)
  }

  /** @throws PluginError `crashed_the_core` for a version that ended the process again and again */
  assertNoCrasher({ id, entry }: PluginSource, { digest }: Sources): void {
    const verdict = this.organs.crashes.verdictOn(id, digest)
    if (verdict !== null) throw new PluginError('crashed_the_core', verdict, { file: entry })
  }

  // --- Decided.

  /** Synchronous: a staged version goes live. */
  accept(generation: Generation, previous: Generation | null): void {
    const leaving = [...this.#options.departuresOf(generation.id).keys()]
    generation.commit(previous, leaving, this.#interlude?.events)
    this.#serving = generation
    this.#withdrawn = false
    this.#lastNumber = generation.number
    this.#state = 'active'
    this.#error = null
    this.#awaiting = null
    this.#lacking = null
    this.#post.take(generation)
    if (previous !== null && previous.id !== generation.id) this.#options.onReleased()
  }

  /** Its external service may run in other modes by now. */
  takePost(): void {
    if (this.#serving !== null && !this.#withdrawn) this.#post.take(this.#serving)
  }

  /** A version was refused; for want of what it needs, or for good. */
  reject(attempt: LoadAttempt, refusal: unknown): void {
    // It may have been withdrawn, or begun again, while the version before came back.
    if (attempt !== this.#attempt) return
    const awaiting = refusal instanceof NeedsNotMet ? refusal.needs : null
    const lacking = refusal instanceof SettingsMissing ? refusal.lacks : null
    const waits = awaiting !== null || lacking !== null
    const serves = this.offer !== null
    this.#misfit = refusal instanceof ConfigRefused ? refusal : null
    if (!waits && attempt.config !== undefined) {
      // A config that was only tried, and not taken: all is as it was.
      if (!serves) this.#state = this.#before
      return
    }
    this.#awaiting = awaiting
    this.#lacking = lacking
    if (!serves) this.#state = waits ? 'waiting' : 'failed'
    this.#error = waits && !serves ? null : attempt.record.error
  }

  decided(attempt: LoadAttempt): void {
    this.#known = attempt.needs ?? this.#known
    this.#role = attempt.role ?? this.#role
    this.reloads.add(attempt.record)
    if (attempt !== this.#attempt) return
    this.#attempt = null
    this.#lastConfig = attempt.config
    this.#lastDigest = attempt.isOvertaken ? null : attempt.digest
    if (attempt.isOvertaken) return
    if (attempt.record.outcome === 'committed') {
      this.organs.crashes.replaced(this.id, attempt.reading.sources!.digest)
      this.#version.committed(this.id, attempt.reading)
    } else this.#version.refused(this.id, attempt.reading)
  }

  /** A mistake was charged to it. */
  blame({ generation }: Charged): void {
    if (generation === undefined || generation === this.#serving?.number) this.#version.countMistake(this.id)
  }

  // --- Exclusive: one goes before the next one comes.

  /** Drains and closes what serves, before another version comes. Who would meet it waits. Settles when none is left. */
  async makeRoom(record: Reload): Promise<void> {
    const generation = this.#serving
    if (generation !== null && this.#withdrawn) this.retire(generation, record)
    else if (generation !== null && this.#interlude === null) {
      generation.locateBelongings()
      const interlude = (this.#interlude = new Interlude(generation, this.organs))
      this.#departures.retire(generation, record, () => interlude.takeOver(generation))
    }
    await Promise.all(this.#departuresOf(this.id).values())
  }

  /** Settles when no exclusive version is left of those that were told to go, or were refused. */
  async exclusiveGone(id: string): Promise<void> {
    await Promise.all(
      Array.from(this.#departuresOf(id), ([generation, gone]) => (generation.exclusive ? gone : undefined)),
    )
  }

  /** Of this plugin, and of the id wherever its files were. */
  #departuresOf(id: string): Departures['all'] {
    return new Map([...this.departures, ...this.#options.departuresOf(id)])
  }

  /** What the version that serves, or served until now, gives to the next. @throws PluginError `handover_failed` */
  handOver(): unknown {
    if (this.#interlude !== null) return this.#interlude.handedOver
    return this.#serving?.ended === false ? this.#serving.handOver() : undefined
  }

  /** After the tick of the commit: who waited goes on. */
  resume(): void {
    this.#interlude?.end()
    this.#interlude = null
  }

  /** The version that made room comes back, as the one after it was refused. */
  async bringBack(record: Reload): Promise<void> {
    const before = this.#serving
    const interlude = this.#interlude
    if (before === null || interlude === null) return this.resume()
    const { signal } = interlude
    let generation: Generation | undefined
    try {
      const restored = await this.#version.bringBack(before.id)
      generation = this.newGeneration(before.number, restored.source, restored.sources, restored)
      await generation.import(signal, { stored: before.config.given.stored })
      await generation.stage(signal, interlude.handover)
      this.accept(generation, before)
    } catch (error) {
      if (generation !== undefined) await this.discard(generation)
      // The plugin may have been withdrawn meanwhile.
      if (signal.aborted) return
      record.error!.message += ` The version before did not come back: ${messageOf(error)}`
      this.#state = 'loading'
      this.#serving = null
      this.#version.gone()
      this.#post.leave()
      before.unmount()
    }
    this.resume()
  }

  // --- Drained, closed and judged.

  /** A version that never served is gone. @returns when nothing of it is left */
  discard(generation: Generation): Promise<void> {
    return this.#departures.discard(generation)
  }

  /** Lets go of a version that served, unless that is under way. */
  retire(generation: Generation, record: Reload): void {
    this.#departures.retire(generation, record)
  }

  // --- Taken away.

  /** From now on it takes no requests. */
  withdraw(next: Next): void {
    this.#known = this.known
    this.#awaiting = next === 'waiting' ? (this.#awaiting ?? this.offer) : null
    this.#lacking = null
    this.#withdrawn = true
    // What is on its way may do without what was lost.
    if (next !== 'waiting') this.#attempt = null
    this.#lastDigest = null
    this.#error = null
    this.#state = next
    this.#serving?.unmount()
    this.resume()
  }

  silence(): void {
    this.withdraw('stopping')
    this.#serving?.fallSilent()
  }

  async leave(cause: Cause): Promise<void> {
    const generation = this.#serving
    // One that was begun again meanwhile stays.
    if (generation !== null && this.#withdrawn) {
      this.#serving = null
      this.#version.gone()
      const record = newReload(generation.id, generation.number, cause)
      record.outcome = 'unloaded'
      generation.fallSilent()
      this.reloads.add(record)
      announce(record, this.organs, generation)
      this.retire(generation, record)
    }
    this.#withdrawn = false
    this.#options.onReleased()
    await Promise.all(this.departures.values())
    if (this.#serving === null) this.#post.leave()
    // It may have come back meanwhile.
    if (this.#state !== 'stopping') return
    this.release()
    this.#options.onGone()
  }
}

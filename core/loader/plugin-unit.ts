// One plugin and its queue: what is being staged, what serves, and the record of how it came to that.

import { realpathSync } from 'node:fs'
import type { PluginFault, Reload, ReloadCause } from '@home-console/sdk'
import { collectSoon } from './collection.ts'
import { isPlace, readPlace, type PluginPlace, type PluginSource } from './discovery.ts'
import { faultOf, PluginError, positionOfText } from './fault.ts'
import { Generation, type Charged } from './generation.ts'
import { importFault } from './import-fault.ts'
import type { Organs } from './organs.ts'
import { Quiet, QUIET_MS } from './quiet.ts'
import { announce, announceLeaks } from './reload-news.ts'
import { newReload, Reloads, timed } from './reloads.ts'
import { SourceReader, type Sources } from './sources.ts'

export type PluginState = 'loading' | 'active' | 'waiting' | 'failed' | 'disabled' | 'stopping'

export interface Cause {
  readonly kind: ReloadCause
  readonly files: string[]
}

export interface UnitOptions {
  readonly place: PluginPlace
  readonly organs: Organs
  /** Where the routes of a plugin stand. */
  readonly prefixOf: (id: string) => string
  /** Whose the id is: that of the unit that serves it, or of the first that asked for it. */
  readonly ownerOf: (id: string) => PluginUnit | undefined
  /** The generations of an id that are being drained and closed now, wherever their files were. */
  readonly leavingOf: (id: string) => Generation[]
  /** An id may be free by now. */
  readonly onReleased: () => void
  readonly onCharged: (charged: Charged) => void
  /** Told of files outside the plugin's folder, so that they are watched. */
  readonly onOutside: (paths: string[]) => void
}

interface Attempt {
  readonly controller: AbortController
  digest: string
}

/** The files of a plugin as they are now, or why they cannot be read. */
interface Reading {
  readonly source: PluginSource | null
  readonly sources: Sources | null
  /** The same files give the same digest, the same trouble too. */
  readonly digest: string
  readonly error: unknown
}

class Superseded extends Error {}

export class PluginUnit {
  readonly place: PluginPlace
  readonly reloads = new Reloads()
  readonly #options: UnitOptions
  readonly #reader = new SourceReader()
  readonly #quiet = new Quiet((files, waitedMs) => this.#onQuiet(files, waitedMs))
  #state: PluginState = 'loading'
  #source: PluginSource | null = null
  #serving: Generation | null = null
  #lastNumber = 0
  #error: PluginFault | null = null
  /** The last that was asked for, until it is decided. */
  #attempt: Attempt | null = null
  /** Of the last attempt that was decided, good or bad: the same files need no second try. */
  #lastDigest: string | null = null
  /** The decision of the last attempt that was asked for; each waits for the one before. */
  #decided: Promise<Reload | null> = Promise.resolve(null)
  /** Generations that are being drained and closed, with the end of it. */
  readonly #leaving = new Map<Generation, Promise<void>>()
  #files: ReadonlySet<string> = new Set()
  /** Where the files really are, for those that an import names by another path. */
  #realFiles: ReadonlySet<string> = new Set()

  constructor(options: UnitOptions) {
    this.place = options.place
    this.#options = options
  }

  get id(): string {
    return this.#serving?.id ?? this.#source?.id ?? this.place.name
  }

  get state(): PluginState {
    return this.#state
  }

  get serving(): Generation | null {
    return this.#serving
  }

  get source(): PluginSource | null {
    return this.#serving?.source ?? this.#source
  }

  get error(): PluginFault | null {
    return this.#error
  }

  get leaving(): Generation[] {
    return [...this.#leaving.keys()]
  }

  // --- Noticed.

  /** Whether a change at this path may be a change of this plugin. */
  concerns(path: string): boolean {
    if (this.#state === 'stopping') return false
    if (this.#files.has(path) || this.#realFiles.has(path) || path === this.place.path) return true
    if (this.place.single || !path.startsWith(`${this.place.path}/`)) return false
    // A file that nothing imports says nothing, unless it is what the last attempt lacked.
    return this.#error !== null || this.#state === 'loading' || path.endsWith('/package.json')
  }

  wasReplaced(path: string): boolean {
    return this.#reader.wasReplaced(path)
  }

  /** Something changed. A whole file is read at once; one that is being written, when it has been quiet. */
  notice(path: string, whole: boolean): void {
    this.#quiet.note(path, whole)
  }

  /** Looks for a change that nobody told of. */
  lookAgain(): void {
    if (this.#state === 'stopping') return
    for (const path of this.#reader.changed()) this.#quiet.note(path, false)
  }

  #onQuiet(files: string[], waitedMs: number): void {
    // A plugin that is gone is no bad version of it; to take it away is the loader's.
    if (isPlace(this.place)) void this.load({ kind: 'file', files }, { settle: waitedMs })
  }

  // --- Loaded.

  /**
   * Loads the plugin as its files are now, or swaps it. A newer call overtakes one that is still being staged.
   *
   * @returns the record once it is decided; null when nothing changed, or the owner disabled it
   */
  load(
    cause: Cause,
    { force = false, settle = 0 }: { force?: boolean; settle?: number } = {},
  ): Promise<Reload | null> {
    const read = this.#read()
    if (read.source !== null) this.#source = read.source
    if (!this.#options.organs.wishes.of(read.source?.id ?? this.id).enabled)
      return this.unload(cause, 'disabled')
    if (!force && read.digest === (this.#attempt?.digest ?? this.#lastDigest)) return Promise.resolve(null)
    this.#attempt?.controller.abort(new Superseded())
    const attempt: Attempt = { controller: new AbortController(), digest: read.digest }
    this.#attempt = attempt
    if (this.#serving === null) this.#state = 'loading'
    const next = () => this.#try(attempt, read, cause, settle)
    return (this.#decided = this.#decided.then(next, next))
  }

  /** Like `load`, by the owner's word. The record is that of the attempt that was decided last. */
  async reload(): Promise<Reload | null> {
    let record = await this.load({ kind: 'api', files: [] }, { force: true })
    while (record?.outcome === 'superseded' && this.#attempt !== null) record = await this.#decided
    return record
  }

  #read(): Reading {
    try {
      const source = readPlace(this.place)
      const sources = this.#reader.read(source)
      return { source, sources, digest: `${source.id} ${sources.digest}`, error: null }
    } catch (error) {
      return { source: null, sources: null, digest: `unreadable: ${String(error)}`, error }
    }
  }

  async #try(attempt: Attempt, read: Reading, cause: Cause, settle: number): Promise<Reload> {
    const record = newReload(this.#serving?.id ?? read.source?.id ?? this.id, this.#lastNumber + 1, cause)
    record.phases.settle = Math.round(settle * 1_000) / 1_000
    const { signal } = attempt.controller
    const previous = this.#serving
    let generation: Generation | null = null
    try {
      for (;;) {
        signal.throwIfAborted()
        if (read.source === null) throw read.error
        this.#assertFree(read.source)
        this.#remember(read.sources!)
        previous?.locateBelongings()
        const candidate = (generation = this.#newGeneration(record, read.source, read.sources!))
        const failed = await timed(record, 'import', () => candidate.import(signal)).then(
          () => null,
          (error: unknown) => ({ error }),
        )
        if (this.#read().digest === read.digest) {
          if (failed !== null) throw failed.error
          break
        }
        // Changed while it was loaded: what was loaded is no version that ever was.
        this.#leave(candidate, candidate.discard())
        generation = null
        await timed(record, 'settle', () => Bun.sleep(QUIET_MS))
        read = this.#read()
        attempt.digest = read.digest
      }
      const staged = generation
      await timed(record, 'stage', () => staged.stage(signal))
      // From here to the end of the commit in one tick: an unload, or a newer save, comes before or after.
      signal.throwIfAborted()
      this.#assertFree(read.source)
      timed(record, 'commit', () => this.#commit(staged, previous))
      record.plugin = staged.id
      record.outcome = 'committed'
    } catch (error) {
      if (generation !== null) this.#leave(generation, generation.discard())
      if (signal.aborted) record.outcome = 'superseded'
      else this.#refuse(record, error, read)
    }
    if (record.outcome !== 'superseded') {
      this.#attempt = null
      this.#lastDigest = attempt.digest
    }
    this.reloads.add(record)
    announce(record, this.#options.organs, previous)
    if (record.outcome === 'committed' && previous !== null) this.#retire(previous, record)
    return record
  }

  #newGeneration(record: Reload, source: PluginSource, sources: Sources): Generation {
    const { organs, prefixOf, onCharged } = this.#options
    return new Generation({
      number: record.generation,
      source,
      files: sources.files,
      prefix: prefixOf(source.id),
      organs,
      onCharged,
    })
  }

  #commit(generation: Generation, previous: Generation | null): void {
    generation.commit(previous, this.#options.leavingOf(generation.id))
    this.#serving = generation
    this.#lastNumber = generation.number
    this.#state = 'active'
    this.#error = null
    if (previous !== null && previous.id !== generation.id) this.#options.onReleased()
  }

  #refuse(record: Reload, error: unknown, { source, sources }: Reading): void {
    record.outcome = this.#serving === null ? 'failed' : 'kept_old'
    const told = sources === null ? error : importFault(error, sources)
    const fault = faultOf(told, sources?.files ?? new Set(), 'load_failed')
    // What was thrown as no Error says not where, but the plugin has an entry.
    record.error = fault.file === undefined && source !== null ? { ...fault, file: source.entry } : fault
    this.#error = record.error
    if (this.#serving === null) this.#state = 'failed'
  }

  #assertFree({ id, entry, manifest }: PluginSource): void {
    const owner = this.#options.ownerOf(id)
    if (owner === undefined || owner === this) return
    throw new PluginError(
      'id_taken',
      `The id "${id}" belongs to ${owner.place.path} already. Rename one of the two.`,
      manifest?.id === undefined ? { file: entry } : positionOfText(manifest.file, '"id"'),
    )
  }

  /** Keeps which files the plugin has, and has those watched that stand outside its folder. */
  #remember({ files }: Sources): void {
    if (files.size === this.#files.size && [...files].every((file) => this.#files.has(file))) return
    const real = new Map(Array.from(files, (file) => [file, realPathOf(file)]))
    this.#files = files
    this.#realFiles = new Set(real.values())
    const inside = (path: string) =>
      path.startsWith(`${this.place.path}/`) && !path.includes('/node_modules/')
    this.#options.onOutside([...this.#realFiles].filter((path) => !inside(path)))
  }

  // --- Drained, closed and judged.

  #retire(generation: Generation, record: Reload): void {
    this.#leave(generation, this.#bury(generation, record))
  }

  #leave(generation: Generation, gone: Promise<unknown>): void {
    this.#leaving.set(
      generation,
      gone.then(() => void this.#leaving.delete(generation)),
    )
  }

  async #bury(generation: Generation, record: Reload): Promise<void> {
    const late = await timed(record, 'drain', () => generation.drain())
    const ended = await timed(record, 'close', () => generation.close())
    record.leaks = [...late, ...ended]
    collectSoon()
    if (record.leaks.length > 0) announceLeaks(record, this.#options.organs, generation)
  }

  // --- Unloaded.

  /**
   * Takes the plugin away: its routes at once, the rest when it is drained. Settles when nothing of it is left.
   *
   * @returns the record; null where nothing served
   */
  async unload(cause: Cause, next: 'disabled' | 'stopping'): Promise<Reload | null> {
    this.#quiet.forget()
    this.#attempt?.controller.abort(new Superseded())
    this.#attempt = null
    this.#lastDigest = null
    this.#error = null
    this.#state = next
    const generation = this.#serving
    const record = generation === null ? null : this.#takeAway(generation, cause)
    this.#options.onReleased()
    await this.#decided
    await Promise.all(this.#leaving.values())
    return record
  }

  #takeAway(generation: Generation, cause: Cause): Reload {
    const record = newReload(generation.id, generation.number, cause)
    record.outcome = 'unloaded'
    generation.fallSilent()
    generation.unmount()
    this.#serving = null
    this.reloads.add(record)
    announce(record, this.#options.organs, generation)
    this.#retire(generation, record)
    return record
  }
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

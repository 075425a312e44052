// One plugin and its queue: what is being staged, what serves, and the record of how it came to that.

import { readFileSync, realpathSync, statSync } from 'node:fs'
import type { Hold, PluginFault, Reload, ReloadCause } from '@home-console/sdk'
import { readPlace, type PluginPlace, type PluginSource } from './discovery.ts'
import { faultOf, PluginError, positionOfText } from './fault.ts'
import { Generation, type Charged } from './generation.ts'
import type { Organs } from './organs.ts'
import { newReload, Reloads, timed } from './reloads.ts'
import { SourceReader, type Sources } from './sources.ts'

/** A file that is written in place is read when it has been quiet for this long, in ms. */
export const QUIET_MS = 50

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
  /** Whether another unit has the id. */
  readonly ownerOf: (id: string) => PluginUnit | undefined
  readonly onCharged: (charged: Charged) => void
  /** Told of files outside the plugins folders, so that they are watched. */
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
  #state: PluginState = 'loading'
  #source: PluginSource | null = null
  #serving: Generation | null = null
  #lastNumber = 0
  #error: PluginFault | null = null
  #attempt: Attempt | null = null
  /** Of the last attempt that was decided, good or bad: the same files need no second try. */
  #lastDigest: string | null = null
  #lastWasGood = false
  /** The decision of the last attempt that was asked for. */
  #decided: Promise<Reload | null> = Promise.resolve(null)
  /** Goodbyes of earlier generations that are still being said. */
  readonly #retiring = new Set<Promise<void>>()
  #files: ReadonlySet<string> = new Set()
  /** The real path of each file that stands elsewhere than its import says, by that path. */
  #realFiles = new Set<string>()
  #noticed = new Set<string>()
  #noticedAt = 0
  #quiet: Timer | undefined

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

  // --- Noticed.

  /** Whether a change at this path may be a change of this plugin. */
  concerns(path: string): boolean {
    if (this.#files.has(path) || this.#realFiles.has(path) || path === this.place.path) return true
    if (this.place.single || !path.startsWith(`${this.place.path}/`)) return false
    // A file that nothing imports says nothing, unless it is what the last attempt lacked.
    return !this.#lastWasGood || path.endsWith('/package.json')
  }

  wasReplaced(path: string): boolean {
    return this.#reader.wasReplaced(path)
  }

  /** Something changed. A whole file is read at once; one that is being written, when it has been quiet. */
  notice(path: string, whole: boolean): void {
    if (this.#noticed.size === 0) this.#noticedAt = performance.now()
    this.#noticed.add(path)
    if (whole && this.#quiet === undefined) this.#settled()
    else this.#waitForQuiet()
  }

  #waitForQuiet(ms = QUIET_MS): void {
    clearTimeout(this.#quiet)
    this.#quiet = setTimeout(() => {
      this.#quiet = undefined
      // The loop may have been blocked, and events be on their way that this timer overtook.
      const age = Math.min(...Array.from(this.#noticed, ageOf))
      if (age >= 0 && age < QUIET_MS) this.#waitForQuiet(QUIET_MS - age + 1)
      else this.#settled()
    }, ms)
  }

  #settled(): void {
    const files = [...this.#noticed]
    this.#noticed.clear()
    void this.load({ kind: 'file', files }, { settle: performance.now() - this.#noticedAt })
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
    const before = this.#attempt?.digest ?? this.#lastDigest
    if (!this.#options.organs.wishes.of(read.source?.id ?? this.id).enabled) {
      this.#source = read.source
      if (this.#serving === null) this.#state = 'disabled'
      return Promise.resolve(null)
    }
    if (!force && read.digest === before) return Promise.resolve(null)
    this.#attempt?.controller.abort(new Superseded())
    const attempt: Attempt = { controller: new AbortController(), digest: read.digest }
    this.#attempt = attempt
    const decided = this.#decided.then(() => this.#try(attempt, read, cause, settle))
    this.#decided = decided
    return decided
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
    const record = newReload(read.source?.id ?? this.id, this.#lastNumber + 1, {
      kind: cause.kind,
      files: cause.files,
    })
    record.phases.settle = Math.round(settle * 1_000) / 1_000
    let generation: Generation | null = null
    let previous: Generation | null = null
    try {
      for (;;) {
        attempt.controller.signal.throwIfAborted()
        if (read.source === null) throw read.error
        this.#assertFree(read.source)
        this.#source = read.source
        this.#remember(read.sources!)
        generation = this.#newGeneration(record, read.source, read.sources!)
        try {
          await timed(record, 'import', () => generation!.import(attempt.controller.signal))
        } catch (error) {
          if (this.#read().digest === read.digest) throw error
        }
        const after = this.#read()
        if (after.digest === read.digest) break
        // Changed while it was loaded: what was loaded is no version that ever was.
        void generation.discard()
        await timed(record, 'settle', () => Bun.sleep(QUIET_MS))
        read = this.#read()
        attempt.digest = read.digest
      }
      await timed(record, 'stage', () => generation!.stage(attempt.controller.signal))
      attempt.controller.signal.throwIfAborted()
      this.#assertFree(read.source)
      previous = this.#serving
      await timed(record, 'commit', () => this.#commit(generation!, previous))
      record.outcome = 'committed'
    } catch (error) {
      if (generation !== null) void generation.discard()
      this.#refuse(record, error, read.sources)
    }
    if (this.#attempt === attempt) this.#attempt = null
    if (record.outcome !== 'superseded') {
      this.#lastDigest = attempt.digest
      this.#lastWasGood = record.outcome === 'committed'
    }
    this.reloads.add(record)
    this.#announce(record, previous !== null)
    if (previous !== null) this.#retire(previous, record)
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

  /** One synchronous tick. */
  #commit(generation: Generation, previous: Generation | null): void {
    generation.commit(previous)
    this.#serving = generation
    this.#lastNumber = generation.number
    this.#state = 'active'
    this.#error = null
  }

  #refuse(record: Reload, error: unknown, sources: Sources | null): void {
    if (error instanceof Superseded) {
      record.outcome = 'superseded'
      return
    }
    record.outcome = this.#serving === null ? 'failed' : 'kept_old'
    record.error = faultOf(located(error, sources), sources?.files ?? new Set(), 'load_failed')
    this.#error = record.error
    if (this.#serving === null) this.#state = 'failed'
  }

  #assertFree({ id, entry, manifest }: PluginSource): void {
    const owner = this.#options.ownerOf(id)
    if (owner === undefined || owner === this) return
    throw new PluginError(
      'id_taken',
      `The id "${id}" belongs to ${owner.place.path} already. Rename one of the two.`,
      {
        file: manifest?.id === undefined ? entry : manifest.file,
      },
    )
  }

  /** Keeps which files the plugin has, and has those watched that stand outside its folder. */
  #remember({ files }: Sources): void {
    if (files.size === this.#files.size && [...files].every((file) => this.#files.has(file))) return
    this.#files = files
    const outside: string[] = []
    this.#realFiles = new Set()
    for (const file of files) {
      const real = realPathOf(file)
      if (real !== file) this.#realFiles.add(real)
      if (real !== file || !file.startsWith(`${this.place.path}/`)) outside.push(real)
    }
    this.#options.onOutside(outside)
  }

  // --- Announced, drained, closed and judged.

  #announce(record: Reload, swapped: boolean): void {
    const log = this.#options.organs.log.of(record.plugin)
    const { outcome, generation, error, phases, cause } = record
    if (outcome === 'superseded') {
      log.debug('A newer save overtook this version.', { reload: record.id })
      return
    }
    if (outcome === 'committed') {
      const ms = Math.round((phases.settle + phases.import + phases.stage + phases.commit) * 10) / 10
      log.info(`${swapped ? 'Swapped' : 'Loaded'} in ${ms} ms: generation ${generation}.`, {
        reload: record.id,
        cause: cause.kind,
      })
      this.#emit(swapped ? 'plugin.reloaded' : 'plugin.loaded', record)
      return
    }
    const where =
      error?.file === undefined ? '' : ` at ${error.file}${error.line === undefined ? '' : `:${error.line}`}`
    const frame = error?.frame === undefined ? '' : `\n${error.frame}`
    const kept = outcome === 'kept_old' ? ` Generation ${this.#serving?.number} goes on serving.` : ''
    log.error(`Refused${where}: ${error?.message}${kept}${frame}`, { reload: record.id, code: error?.code })
    this.#emit(outcome === 'kept_old' ? 'plugin.kept_old' : 'plugin.failed', record)
  }

  #retire(generation: Generation, record: Reload): void {
    const retired: Promise<void> = this.#bury(generation, record).finally(() =>
      this.#retiring.delete(retired),
    )
    this.#retiring.add(retired)
  }

  async #bury(generation: Generation, record: Reload): Promise<void> {
    const late = await timed(record, 'drain', () => generation.drain())
    const ended = await timed(record, 'close', () => generation.close())
    record.leaks = [...late, ...ended]
    if (record.leaks.length === 0) return
    this.#options.organs.log
      .of(generation.id)
      .warn(
        `Generation ${generation.number} left behind what had to be ended by force: ${listOf(record.leaks)}.`,
        { reload: record.id },
      )
    this.#emit('plugin.leaked', record, generation.number)
  }

  #emit(type: string, record: Reload, generation = record.generation): void {
    this.#options.organs.bus.emit({
      type,
      source: '/core',
      subject: record.plugin,
      data: { plugin: record.plugin, generation, reload: record },
    })
  }

  // --- Unloaded.

  /** Takes the plugin away: its routes at once, the rest when it is drained. Settles when nothing of it is left. */
  async unload(cause: Cause, next: 'disabled' | 'stopping'): Promise<Reload | null> {
    clearTimeout(this.#quiet)
    this.#quiet = undefined
    this.#noticed.clear()
    this.#attempt?.controller.abort(new Superseded())
    await this.#decided
    const generation = this.#serving
    this.#lastDigest = null
    this.#error = null
    this.#state = next
    if (generation === null) {
      await Promise.all(this.#retiring)
      return null
    }
    const record = newReload(generation.id, generation.number, cause)
    record.outcome = 'unloaded'
    generation.fallSilent()
    generation.unmount()
    this.#serving = null
    this.reloads.add(record)
    this.#options.organs.log
      .of(record.plugin)
      .info(`Unloaded: generation ${generation.number}.`, { reload: record.id, cause: cause.kind })
    this.#emit('plugin.unloaded', record)
    this.#retire(generation, record)
    await Promise.all(this.#retiring)
    return record
  }
}

/** What Bun says of an import that fails names the import but not its line; the plugin's files have it. */
function located(error: unknown, sources: Sources | null): unknown {
  if (sources === null || error instanceof PluginError) return error
  const message = (error as { message?: unknown } | null)?.message
  if (typeof message !== 'string') return error
  const missing = sources.missing.find(({ specifier }) => message.includes(specifier))
  if (missing !== undefined && !(error instanceof Error && error.stack?.includes(':'))) {
    return new PluginError('import_missing', message, positionOfText(missing.from, missing.specifier))
  }
  const notExported = /^Export named '(.+?)' not found in module '(.+?)'/.exec(message)
  if (notExported !== null) {
    const [, name, module] = notExported
    const importer = [...sources.files].find((file) => file !== module && importsName(file, name!))
    return new PluginError(
      'import_missing',
      message,
      importer === undefined ? { file: module! } : positionOfText(importer, name!),
    )
  }
  return isSyntaxError(error) ? new PluginError('syntax_error', message, error.position) : error
}

function isSyntaxError(error: unknown): error is { position: { file: string; line: number } } {
  return typeof error === 'object' && error !== null && 'position' in error && error.position !== null
}

function importsName(file: string, name: string): boolean {
  try {
    return new RegExp(`\\bimport\\b[^;]*\\{[^}]*\\b${RegExp.escape(name)}\\b`).test(
      readFileSync(file, 'utf8'),
    )
  } catch {
    return false
  }
}

/** How long ago a file was written, in ms; Infinity for one that is gone. */
function ageOf(path: string): number {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats === undefined ? Number.POSITIVE_INFINITY : Date.now() - Math.max(stats.mtimeMs, stats.ctimeMs)
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

function listOf(holds: readonly Hold[]): string {
  return holds.map(({ kind, label }) => `${kind} (${label})`).join(', ')
}

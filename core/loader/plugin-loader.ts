// The PluginLoader: knows which plugins there are and what runs, follows the folders, and does what the owner says.

import type { Hold, Mode, PluginFault, Reload } from '@home-console/sdk'
import type { DatabaseUsage } from '../db/plugin-databases.ts'
import type { Wish } from '../db/wishes.ts'
import type { ExternalService } from '../external/external-service.ts'
import { ConfigChanges } from './config-changes.ts'
import { faultOf, loggable, messageOf } from './fault.ts'
import { findPlaces, isPlace, readPlace } from './files/discovery.ts'
import { FileHints, type FileHint } from './files/file-hints.ts'
import { Quiet } from './files/quiet.ts'
import type { Charged } from './generation/generation.ts'
import { offerOfExternal } from './generation/needs.ts'
import type { Status } from './generation/statuses.ts'
import { LoadAttempt } from './life/attempt.ts'
import { Lifecycle, type Begin, type Cause, type WaitingFor } from './life/lifecycle.ts'
import { PluginUnit, type PluginState } from './life/plugin-unit.ts'
import { Rollback } from './life/rollback.ts'
import { ModeManager } from './mode-manager.ts'
import type { Organs } from './organs.ts'
import { SYSTEM_PLUGINS } from './system-plugins.ts'

export interface PluginLoaderOptions {
  /** Absolute. An earlier one wins where two hold a plugin of one id. */
  readonly folders: readonly string[]
  readonly organs: Organs
}

const BY_API: Cause = { kind: 'api', files: [] }
const NOTHING = { found: [], vanished: [] }

/** What the house knows of a plugin now, as the control plane shows it. */
export interface PluginView {
  id: string
  name: string
  version: string | null
  kind: 'plugin' | 'system' | 'adapter'
  state: PluginState
  mode: Mode
  modes: Mode[]
  enabled: boolean
  generation: number
  routes: { method: string; path: string }[]
  requires: string[]
  provides: string[]
  waitingFor: WaitingFor[]
  status: Status[]
  holds: Hold[]
  error: PluginFault | null
  lastReload: Reload | null
  database: DatabaseUsage | null
  pinned: { digest: string; since: string } | null
  rollbackAfter: number | null
}

export class PluginLoader {
  readonly #options: PluginLoaderOptions
  /** By path: an id can change, the place cannot. */
  readonly #units = new Map<string, PluginUnit>()
  readonly #faults = new Map<string, number>()
  readonly #lifecycle: Lifecycle<PluginUnit>
  readonly #quiet: Quiet
  readonly #rollback: Rollback
  readonly configs: ConfigChanges
  readonly modes: ModeManager
  #hints: FileHints | undefined
  #stopped = false

  constructor(options: PluginLoaderOptions) {
    this.#options = options
    const { external } = options.organs
    this.#lifecycle = new Lifecycle(() => this.units, {
      offers: () => external.names.map(offerOfExternal),
      whyNot: (name) => external.whyNot(name) ?? 'It has just come.',
    })
    this.#rollback = new Rollback({
      organs: options.organs,
      load: (unit, cause) => this.#change([unit], { cause, force: true }),
      decided: (unit) => this.#lifecycle.decided(unit),
    })
    this.configs = new ConfigChanges({
      organs: options.organs,
      find: (id) => this.find(id),
      reload: (unit, cause, config) => this.#loadAgain(unit, { cause, config }),
    })
    this.modes = new ModeManager({
      organs: options.organs,
      reload: (unit) => this.#loadAgain(unit),
    })
    this.#quiet = new Quiet({
      folders: options.folders,
      isTied: (path, written) => {
        const units = this.#concernedBy([path])
        // What belongs to nobody yet comes with whatever is written beside it: a checkout brings both.
        return units.length === 0 || units.some((unit) => written.some((other) => unit.concerns(other)))
      },
      isLoading: (path) => this.#concernedBy([path]).some((unit) => unit.isTrying),
      onQuiet: (files, waitedMs) => void this.#onQuiet(files, waitedMs),
    })
  }

  /** Begins to watch, and loads what is there. Settles when every plugin is loaded or refused. */
  async start(): Promise<void> {
    const { organs, folders } = this.#options
    this.#hints = new FileHints({
      folders,
      onHints: (hints) => this.#onHints(hints),
      wasReplaced: (path) => this.units.some((unit) => unit.files.wasReplaced(path)),
      onLookAgain: () => this.#lookAgain(),
      onError: (error) =>
        organs.log
          .of(null)
          .error(
            `Files cannot be watched: ${messageOf(error)} Changes are looked for every two seconds. Raise fs.inotify.max_user_watches if it is that.`,
          ),
    })
    this.#hints.add([organs.settings.folder])
    organs.external.start()
    organs.external.listen(() => {
      this.#lifecycle.reconsider()
      for (const unit of this.units) unit.takePost()
    })
    await organs.versions.start()
    const cause: Cause = { kind: 'boot', files: [] }
    // Each by itself: whoever is ready is up, and only who needs others waits for them.
    await Promise.all(
      this.#scan().found.map(async (unit) => {
        await this.#rollback.pinAgain(unit, idOf(unit.place))
        await this.#change([unit], { cause })
      }),
    )
    // Who waited in vain at first may have been woken by who came after it.
    await this.#lifecycle.idle()
  }

  /** Settles when changes of files are being noticed. */
  async watching(): Promise<void> {
    await this.#hints?.ready
  }

  get units(): PluginUnit[] {
    return [...this.#units.values()]
  }

  /** How many mistakes were charged to each plugin since the start. */
  get faults(): ReadonlyMap<string, number> {
    return this.#faults
  }

  list(): PluginView[] {
    const views = new Map<string, PluginView>()
    // Of two with one id, the one that serves is the plugin.
    for (const unit of this.units)
      if (!views.has(unit.id) || unit.serving !== null) views.set(unit.id, this.#view(unit))
    return [...views.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  find(id: string): PluginUnit | undefined {
    return this.#ownerOf(id) ?? this.units.find((unit) => unit.id === id)
  }

  view(id: string): PluginView | undefined {
    const unit = this.find(id)
    return unit === undefined ? undefined : this.#view(unit)
  }

  count(): Record<'active' | 'waiting' | 'failed' | 'disabled', number> {
    const count = { active: 0, waiting: 0, failed: 0, disabled: 0 }
    for (const { state } of this.list()) if (state in count) count[state as keyof typeof count]++
    return count
  }

  /** Carries out wishes of the owner's, once they are on the disk: all of them, or none. @throws StorageTrouble */
  async wish(unit: PluginUnit, wish: Partial<Omit<Wish, 'pinned' | 'mode'>>): Promise<void> {
    const { wishes, log } = this.#options.organs
    const { enabled, logLevel } = wish
    wishes.change(unit.id, wish)
    if (logLevel !== undefined) log.setLevel(unit.id, logLevel)
    if (enabled === undefined) return
    if (!enabled) await this.#lifecycle.leave([unit], BY_API, 'disabled')
    else if (unit.offer === null) await this.#loadAgain(unit)
  }

  /**
   * Loads a plugin again from its files, whether they changed or not. That ends its pin.
   *
   * @param regardless even where it no longer offers what a loaded plugin uses
   * @returns the record once it is decided, of the attempt that was decided last; null when the owner disabled it
   */
  async reload(unit: PluginUnit, { regardless = false } = {}): Promise<Reload | null> {
    if (unit.state !== 'disabled') unit.release()
    return this.#loadAgain(unit, { regardless })
  }

  async #loadAgain(unit: PluginUnit, how: Partial<Begin> = {}): Promise<Reload | null> {
    await this.#change([unit], { cause: BY_API, force: true, ...how })
    await this.#lifecycle.decided(unit)
    return unit.state === 'disabled' ? null : unit.reloads.last
  }

  /**
   * Loads and checks what the files are now beside what serves, and throws it away.
   *
   * @returns the record, which stands on no list; null when the owner disabled the plugin
   */
  async tryOnly(unit: PluginUnit): Promise<Reload | null> {
    await this.#lifecycle.decided(unit)
    if (unit.state === 'disabled') return null
    const others = this.units.flatMap((other) => (other === unit ? [] : (other.offer ?? [])))
    const house = [...this.#lifecycle.standing, ...others]
    return new LoadAttempt(unit, unit.files.peek(), { cause: BY_API }).tryOnly(house)
  }

  /**
   * Goes back to the last version that served before this one, until a save or a reload.
   *
   * @returns the record once it is decided; null where there is nothing to go back to
   */
  rollback(unit: PluginUnit): Promise<Reload | null> {
    return this.#rollback.run(unit, BY_API)
  }

  /** Its data is thrown away: a version that was kept, or that it is pinned to, would bring its own tables back. */
  async forgetVersions(id: string): Promise<void> {
    const { versions, wishes } = this.#options.organs
    this.find(id)?.release()
    wishes.tryChange(id, { pinned: null })
    const kept = await versions.list(id)
    await versions.forget(
      id,
      kept.map(({ digest }) => digest),
    )
  }

  /** Counts a mistake of a plugin's code, and tells of it. */
  charge(charged: Charged): void {
    const { plugin, error, where, files } = charged
    this.find(plugin)?.blame(charged)
    this.#faults.set(plugin, (this.#faults.get(plugin) ?? 0) + 1)
    const { message, file, line, frame } = faultOf(error, files, 'mistake')
    const at = file === undefined ? '' : ` at ${file}${line === undefined ? '' : `:${line}`}`
    this.#options.organs.log
      .of(plugin)
      .error(`A mistake in ${where}${at}: ${message}${frame === undefined ? '' : `\n${frame}`}`, {
        where,
        error: loggable(error, files),
      })
  }

  /** Unloads everything. Nothing loads after this. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#quiet.close()
    await this.#hints?.close()
    await this.#lifecycle.stop()
    await this.#options.organs.versions.flush()
  }

  /** Ends what is still being drained or closed, however far it came. */
  endByForce(): void {
    for (const unit of this.units) for (const generation of unit.leaving) generation.endByForce()
  }

  // --- Files.

  #onHints(hints: readonly FileHint[]): void {
    if (!this.#stopped) this.#quiet.note(hints.filter(({ path }) => this.#mayMatter(path)))
  }

  #lookAgain(): void {
    const { found, vanished } = this.#scan()
    const paths = [...found, ...vanished].map(({ place }) => place.path)
    for (const unit of this.units) paths.push(...unit.changed())
    paths.push(...this.#options.organs.settings.changed())
    this.#onHints(paths.map((path) => ({ path, whole: false })))
  }

  /** A file of a plugin; or one that is in no plugin's folder, and so may be a new place. */
  #mayMatter(path: string): boolean {
    return (
      this.#concernedBy([path]).length > 0 ||
      !this.units.some(({ place, state }) => state !== 'stopping' && path.startsWith(`${place.path}/`))
    )
  }

  #concernedBy(paths: readonly string[]): PluginUnit[] {
    return this.units.filter((unit) => paths.some((path) => unit.concerns(path)))
  }

  /** Everything that these files touch is one change. */
  async #onQuiet(files: readonly string[], settle: number): Promise<void> {
    if (this.#stopped) return
    const { settings } = this.#options.organs
    void this.configs.noticed(files)
    if (files.every((file) => settings.idOf(file) !== null)) return
    const wanted = new Map<PluginUnit, Begin>()
    for (const unit of this.#concernedBy(files)) {
      const own = files.filter((file) => unit.concerns(file))
      wanted.set(unit, { cause: { kind: 'file', files: own }, settle })
    }
    const { found, vanished } = this.#isInside(files, wanted) ? NOTHING : this.#scan()
    for (const unit of found) wanted.set(unit, { cause: { kind: 'file', files: [unit.place.path] }, settle })
    // Who may have moved elsewhere must be gone before it comes there.
    const first = vanished.filter(({ isExclusive }) => isExclusive)
    if (first.length > 0) await this.#lifecycle.leave(first, { kind: 'file', files: [] }, 'stopping')
    const rest = vanished.filter((unit) => !first.includes(unit))
    await this.#lifecycle.change(wanted, rest)
  }

  /** Whether all that changed lies in plugins that are still there. */
  #isInside(files: readonly string[], concerned: ReadonlyMap<PluginUnit, Begin>): boolean {
    return (
      [...concerned.keys()].every(({ place }) => isPlace(place)) &&
      files.every((file) => [...concerned.values()].some(({ cause }) => cause.files.includes(file)))
    )
  }

  /** Holds what is in the folders against what is known. */
  #scan(): { found: readonly PluginUnit[]; vanished: readonly PluginUnit[] } {
    const places = new Map(this.#options.folders.flatMap(findPlaces).map((place) => [place.path, place]))
    const vanished = this.units.filter((unit) => !places.has(unit.place.path) && unit.state !== 'stopping')
    const found: PluginUnit[] = []
    for (const [path, place] of places) {
      // One that comes back before it is quite gone is still itself: its old tasks end before its new ones start.
      const known = this.#units.get(path)
      if (known !== undefined && known.state !== 'stopping') continue
      const unit = known ?? this.#newUnit(place)
      this.#units.set(path, unit)
      found.push(unit)
    }
    return { found, vanished }
  }

  #change(units: readonly PluginUnit[], how: Begin): Promise<void> {
    return this.#lifecycle.change(new Map(units.map((unit) => [unit, how])))
  }

  /** Where an id became free, whoever asked for it in vain may have it. */
  #retryRefusedIds(): void {
    const cause: Cause = { kind: 'dependency', files: [] }
    for (const unit of this.units)
      if (unit.error?.code === 'id_taken') void this.#change([unit], { cause, force: true })
  }

  /** Whoever serves it has it; else whoever came first, be it that its version was refused. */
  #ownerOf(id: string): PluginUnit | undefined {
    return (
      this.units.find((unit) => unit.serving?.id === id) ??
      this.units.find((unit) => unit.id === id && unit.state !== 'stopping')
    )
  }

  #newUnit(place: PluginUnit['place']): PluginUnit {
    const { organs } = this.#options
    const { logLevel } = organs.wishes.of(idOf(place))
    if (logLevel !== null) organs.log.setLevel(idOf(place), logLevel)
    const unit: PluginUnit = new PluginUnit({
      place,
      organs,
      prefixOf: (id) => (SYSTEM_PLUGINS.has(id) ? `/api/${id}` : `/api/plugins/${id}`),
      ownerOf: (id) => this.#ownerOf(id),
      departuresOf: (id) =>
        new Map(this.units.flatMap(({ departures }) => [...departures]).filter(([left]) => left.id === id)),
      onReleased: () => this.#retryRefusedIds(),
      onGone: () => {
        if (!this.#stopped) this.#units.delete(place.path)
      },
      onCharged: (charged) => this.charge(charged),
      onBurst: (count) => void this.#rollback.onBurst(unit, count),
      onOutside: (paths) => this.#hints?.add(paths),
    })
    return unit
  }

  #view(unit: PluginUnit): PluginView {
    const { serving: generation, source } = unit
    const { enabled, pinned, rollbackAfter } = this.#options.organs.wishes.of(unit.id)
    const definition = generation?.definition
    const needs = unit.offer ?? unit.known
    const { role } = unit
    const service = this.modes.serviceOf(unit)
    return {
      id: unit.id,
      name: definition?.name ?? unit.id,
      version: generation?.version ?? source?.manifest?.version ?? null,
      kind: SYSTEM_PLUGINS.has(unit.id) ? 'system' : role.external === undefined ? 'plugin' : 'adapter',
      state: unit.state,
      mode: this.modes.modeOf(unit),
      modes: [...this.modes.modesOf(unit)],
      enabled,
      generation: generation?.number ?? 0,
      routes: generation?.routes ?? [],
      requires: [...(needs?.requires ?? [])],
      provides: [...(needs?.provides ?? [])],
      waitingFor: [
        ...this.#lifecycle.waitingFor(unit),
        ...(unit.lacking ?? []).map(({ name, message }) => ({ kind: 'config', name, message })),
      ],
      status: [
        ...(generation?.statuses.list() ?? []),
        ...(service === null || service.mode === 'in_process' ? [] : [statusOf(service)]),
      ],
      holds: generation?.holds ?? [],
      error: unit.error ?? unit.configFault,
      lastReload: unit.reloads.last,
      database: this.#options.organs.databases.usageOf(unit.id),
      pinned: pinned && { digest: pinned.digest, since: pinned.since },
      rollbackAfter,
    }
  }
}

function idOf(place: PluginUnit['place']): string {
  try {
    return readPlace(place).id
  } catch {
    return place.name
  }
}

/** How the external service is, as a status of its adapter. */
function statusOf({ state, error, since }: ExternalService): Status {
  const health =
    state === 'up' ? 'ok' : state === 'starting' || state === 'incompatible' ? 'degraded' : 'down'
  return { label: 'external', state: health, message: error ?? (state === 'up' ? null : state), since }
}

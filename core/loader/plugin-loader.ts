// The PluginLoader: knows which plugins there are and what runs, follows the folders, and does what the owner says.

import type { Hold, PluginFault, Reload } from '@home-console/sdk'
import type { LogLevel } from '../log/log.ts'
import { findPlaces, readPlace } from './discovery.ts'
import { FileHints, type FileHint } from './file-hints.ts'
import { faultOf, loggable, messageOf } from './fault.ts'
import type { Charged, Status } from './generation.ts'
import type { Organs } from './organs.ts'
import { PluginUnit, type Cause, type PluginState } from './plugin-unit.ts'
import { QUIET_MS } from './quiet.ts'
import { SYSTEM_PLUGINS } from './system-plugins.ts'

export interface PluginLoaderOptions {
  /** Absolute. An earlier one wins where two hold a plugin of one id. */
  readonly folders: readonly string[]
  readonly organs: Organs
}

/** What the house knows of a plugin now, as the control plane shows it. */
export interface PluginView {
  id: string
  name: string
  version: string | null
  kind: 'plugin' | 'system' | 'adapter'
  state: PluginState
  mode: 'in_process'
  enabled: boolean
  generation: number
  routes: { method: string; path: string }[]
  requires: string[]
  provides: string[]
  waitingFor: { kind: string; name: string; message: string }[]
  status: Status[]
  holds: Hold[]
  error: PluginFault | null
  lastReload: Reload | null
}

export class PluginLoader {
  readonly #options: PluginLoaderOptions
  /** By path: an id can change, the place cannot. */
  readonly #units = new Map<string, PluginUnit>()
  readonly #faults = new Map<string, number>()
  #hints: FileHints | undefined
  #rescanning: Timer | undefined
  #stopped = false

  constructor(options: PluginLoaderOptions) {
    this.#options = options
  }

  /** Begins to watch, and loads what is there. Settles when every plugin is loaded or refused. */
  async start(): Promise<void> {
    const { organs, folders } = this.#options
    this.#hints = new FileHints({
      folders,
      onHints: (hints) => this.#onHints(hints),
      wasReplaced: (path) => this.units.some((unit) => unit.wasReplaced(path)),
      onLookAgain: () => void this.#lookAgain(),
      onError: (error) =>
        organs.log
          .of(null)
          .error(
            `Files cannot be watched: ${messageOf(error)} Changes are looked for every two seconds. Raise fs.inotify.max_user_watches if it is that.`,
          ),
    })
    await this.#rescan({ kind: 'boot', files: [] })
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

  /** Carries out a wish of the owner's, once it is on the disk. */
  async setEnabled(unit: PluginUnit, enabled: boolean): Promise<void> {
    this.#options.organs.wishes.change(unit.id, { enabled })
    if (!enabled) await unit.unload({ kind: 'api', files: [] }, 'disabled')
    else if (unit.serving === null) await unit.reload()
  }

  /** Counts a mistake of a plugin's code, and tells of it. */
  charge({ plugin, error, where, files }: Charged): void {
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

  setLogLevel(unit: PluginUnit, level: LogLevel | null): void {
    this.#options.organs.wishes.change(unit.id, { logLevel: level })
    this.#options.organs.log.setLevel(unit.id, level)
  }

  /** Unloads everything. Nothing loads after this. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#rescanning)
    await this.#hints?.close()
    await Promise.all(this.units.map((unit) => unit.unload({ kind: 'api', files: [] }, 'stopping')))
  }

  /** Ends what is still being drained or closed, however far it came. */
  endByForce(): void {
    for (const unit of this.units) for (const generation of unit.leaving) generation.endByForce()
  }

  #onHints(hints: readonly FileHint[]): void {
    if (this.#stopped) return
    let unknown = false
    for (const { path, whole } of hints) {
      const concerned = this.units.filter((unit) => unit.concerns(path))
      for (const unit of concerned) unit.notice(path, whole)
      // A new place, or one that vanished, is in no plugin's list.
      unknown ||=
        concerned.length === 0 ||
        concerned.some((unit) => unit.place.path === path || unit.source?.entry === path)
    }
    if (unknown) this.#rescanSoon()
  }

  #rescanSoon(): void {
    clearTimeout(this.#rescanning)
    this.#rescanning = setTimeout(() => void this.#rescan({ kind: 'file', files: [] }), QUIET_MS)
  }

  async #lookAgain(): Promise<void> {
    await this.#rescan({ kind: 'file', files: [] })
    for (const unit of this.units) unit.lookAgain()
  }

  /** Holds what is in the folders against what is known. */
  async #rescan(cause: Cause): Promise<void> {
    if (this.#stopped) return
    const places = new Map(this.#options.folders.flatMap(findPlaces).map((place) => [place.path, place]))
    const vanished = [...this.#units].filter(([path, unit]) => !places.has(path) && unit.state !== 'stopping')
    const loaded = [...places].flatMap(([path, place]) => {
      // One that comes back before it is quite gone is still itself: its old tasks end before its new ones start.
      const unit = this.#units.get(path) ?? this.#newUnit(place)
      const isNew = !this.#units.has(path) || unit.state === 'stopping'
      this.#units.set(path, unit)
      return isNew ? [unit.load(cause.kind === 'file' ? { kind: 'file', files: [path] } : cause)] : []
    })
    await Promise.all([...loaded, ...vanished.map(([path, unit]) => this.#forget(path, unit))])
  }

  async #forget(path: string, unit: PluginUnit): Promise<void> {
    await unit.unload({ kind: 'file', files: [path] }, 'stopping')
    if (unit.state === 'stopping') this.#units.delete(path)
  }

  /** Where an id became free, whoever asked for it in vain may have it. */
  #retryRefusedIds(): void {
    if (this.#stopped) return
    for (const unit of this.units)
      if (unit.error?.code === 'id_taken') void unit.load({ kind: 'dependency', files: [] }, { force: true })
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
    return new PluginUnit({
      place,
      organs,
      prefixOf: (id) => (SYSTEM_PLUGINS.has(id) ? `/api/${id}` : `/api/plugins/${id}`),
      ownerOf: (id) => this.#ownerOf(id),
      leavingOf: (id) =>
        this.units.flatMap(({ leaving }) => leaving).filter((generation) => generation.id === id),
      onReleased: () => this.#retryRefusedIds(),
      onCharged: (charged) => this.charge(charged),
      onOutside: (paths) => this.#hints?.add(paths),
    })
  }

  #view(unit: PluginUnit): PluginView {
    const { serving, source } = unit
    const definition = serving?.definition
    return {
      id: unit.id,
      name: definition?.name ?? unit.id,
      version: serving?.version ?? source?.manifest?.version ?? null,
      kind: SYSTEM_PLUGINS.has(unit.id) ? 'system' : 'plugin',
      state: unit.state,
      mode: 'in_process',
      enabled: this.#options.organs.wishes.of(unit.id).enabled,
      generation: serving?.number ?? 0,
      routes: serving?.routes ?? [],
      requires: [...(definition?.requires ?? [])],
      provides: [...(definition?.provides ?? [])],
      waitingFor: [],
      status: serving?.statuses ?? [],
      holds: serving?.holds ?? [],
      error: unit.error,
      lastReload: unit.reloads.last,
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

// One external service: what its service.json says, the way in which it runs now, and the adapter that wants it to.

import type { ExternalState, Mode, Undo } from '@home-console/sdk'
import type { OwnedLog } from '../log/log.ts'
import type { ServiceManifest } from './manifest.ts'
import type { LiveReach } from './reach.ts'
import { Succession, type SuccessionOptions } from './ways/succession.ts'
import type { Way, WayMode } from './ways/way.ts'

/** An adapter's word that it stands for a service, and in which mode that is to run. */
export interface Claim {
  readonly plugin: string
  readonly mode: Mode
  /** The operations of the service that it cannot do without: `GET /api/clients/{id}`. */
  readonly uses?: readonly string[]
}

/** What changed: its state, where it is reached, what its service.json says, or the adapter that stands for it. */
export type Change = 'state' | 'reach' | 'manifest' | 'claim'

/** What came of the OpenAPI document that it gives of itself. */
export interface DocumentNews {
  /** Of the document that was taken last; null where none was. */
  readonly version: string | null
  /** Why what it gives now is not taken; null where it is. */
  readonly fault: string | null
}

export interface ServiceNews {
  readonly name: string
  readonly adapter: string | null
  readonly mode: Mode
  readonly state: ExternalState
  readonly before: ExternalState
  readonly error: string | null
}

export interface ExternalServiceOptions {
  readonly name: string
  readonly manifest: ServiceManifest
  readonly open: SuccessionOptions['open']
  readonly logOf: (plugin: string | null) => OwnedLog
  /** It is another one's turn to know how it is. */
  readonly tell: (news: ServiceNews) => void
}

/** What the control plane shows of it. */
export interface ExternalView {
  name: string
  version: string
  description: string | null
  mode: Mode
  state: ExternalState
  /** Where it is reached. */
  url: string | null
  pid: number | null
  restarts: number
  /** RFC 3339 in UTC: since when its state is this. */
  since: string
  adapter: string | null
  error: string | null
  /** Why the service.json on the disk is not the one in force; null where it is. */
  fault: string | null
  inFlight: number
  incompatible: string | null
  /** Null where its service.json names no OpenAPI document, or nobody has asked for it yet. */
  document: DocumentNews | null
}

export class ExternalService {
  readonly name: string
  readonly #options: ExternalServiceOptions
  readonly #listeners = new Set<(change: Change) => void>()
  #manifest: ServiceManifest
  #fault: string | null = null
  #missing: readonly string[] = []
  #claim: Claim | null = null
  /** What it says last stands in the log of the adapter that it had. */
  #lastAdapter: string | null = null
  readonly #ways: Succession
  /** Why there is no way at all where one is wanted. */
  #error: string | null = null
  /** A service.json that is not in force yet, or was refused for what it describes. */
  #next: ServiceManifest | null = null
  #told: ExternalState = 'stopped'
  #reached: LiveReach | null = null
  #since = new Date().toISOString()
  /** One change after the other. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: ExternalServiceOptions) {
    this.#options = options
    this.name = options.name
    this.#manifest = options.manifest
    this.#ways = new Succession({
      name: options.name,
      open: options.open,
      log: () => this.#log,
      onChange: () => this.#noticed(),
    })
  }

  // --- What the proxy asks: a Target, structurally.

  get reach(): LiveReach | null {
    return this.#way?.reach ?? null
  }

  get limits(): ServiceManifest['limits'] {
    return this.#manifest.limits
  }

  get trouble(): string | null {
    if (this.reach !== null) return null
    if (this.#claim === null) return `"${this.name}" is stopped: no adapter stands for it now.`
    if (this.#claim.mode === 'in_process') return `"${this.name}" is stopped: its work is done in the Core.`
    return `"${this.name}" is ${this.state.replace('_', ' ')}${this.error === null ? '.' : `: ${this.error}`}`
  }

  // --- What it is.

  /** In which it runs now. */
  get #way(): Way | null {
    return this.#ways.now
  }

  get manifest(): ServiceManifest {
    return this.#manifest
  }

  get mode(): Mode {
    const wanted = this.#claim?.mode ?? 'in_process'
    return wanted === 'in_process' ? wanted : (this.#way?.mode ?? wanted)
  }

  get state(): ExternalState {
    if (this.#way === null) {
      if (this.#claim === null || this.#claim.mode === 'in_process') return 'stopped'
      return this.#error === null ? 'starting' : 'down'
    }
    return this.#way.state === 'up' && this.#missing.length > 0 ? 'incompatible' : this.#way.state
  }

  get error(): string | null {
    return this.#way?.error ?? this.#error ?? this.incompatible
  }

  /** The plugin that stands for it. */
  get adapter(): string | null {
    return this.#claim?.plugin ?? null
  }

  get since(): string {
    return this.#since
  }

  /** What came of its OpenAPI document. Said by whoever reads it. */
  document: DocumentNews | null = null

  /** The operations of it that its adapter cannot do without. */
  get uses(): readonly string[] {
    return this.#claim?.uses ?? []
  }

  /** Those of them that it does not have. Said by whoever reads its document. */
  get missing(): readonly string[] {
    return this.#missing
  }

  set missing(operations: readonly string[]) {
    if (Bun.deepEquals(operations, this.#missing)) return
    this.#missing = operations
    this.#noticed()
  }

  /** Why it no longer has what its adapter uses; null when it has. */
  get incompatible(): string | null {
    if (this.#missing.length === 0) return null
    return `Its OpenAPI document no longer has what "${this.adapter}" uses: ${this.#missing.join(', ')}.`
  }

  /** Why the service.json on the disk is not the one in force. */
  get fault(): string | null {
    return this.#fault
  }

  set fault(why: string | null) {
    if (why === this.#fault) return
    this.#fault = why
    if (why !== null)
      this.#log.error(`service.json of "${this.name}" is refused, and the one before stays in force: ${why}`)
    this.#say('manifest')
  }

  /** Whether this is what the service was given to prove itself with. */
  proves(credential: string): boolean {
    return this.#ways.proves(credential)
  }

  view(): ExternalView {
    return {
      name: this.name,
      version: this.#manifest.version,
      description: this.#manifest.description ?? null,
      mode: this.mode,
      state: this.state,
      url: this.reach?.origin ?? null,
      pid: this.#way?.pid ?? null,
      restarts: this.#way?.restarts ?? 0,
      since: this.#since,
      adapter: this.adapter,
      error: this.error,
      fault: this.#fault,
      inFlight: this.reach?.inFlight ?? 0,
      incompatible: this.incompatible,
      document: this.document,
    }
  }

  /** Calls back after each change, until the undo is called. Must not throw. */
  listen(callback: (change: Change) => void): Undo {
    this.#listeners.add(callback)
    return () => this.#listeners.delete(callback)
  }

  // --- What is wanted of it.

  /** A live adapter stands for it. Another version of the adapter changes nothing, unless it wants another mode. */
  claim(claim: Claim): void {
    const before = this.#claim
    this.#claim = claim
    this.#lastAdapter = claim.plugin
    this.#say('claim')
    if (before?.plugin === claim.plugin && before.mode === claim.mode) return
    void this.#change(async () => {
      const wanted = this.#claim?.mode
      if (wanted === undefined || wanted === this.#way?.mode) return
      if (this.#way === null) await this.#begin()
      else await this.#replace(wanted, this.#manifest)
    }).catch((error: Error) =>
      this.#log.error(
        `"${this.name}" goes on as ${this.mode}: ${claim.mode} does not come up: ${error.message}`,
      ),
    )
    this.#noticed()
  }

  /** Nobody stands for it any more: it stops. Settles when nothing of it is left. */
  async release(plugin: string): Promise<void> {
    if (this.#claim?.plugin !== plugin) return
    this.#claim = null
    this.#missing = []
    await this.#end()
  }

  /**
   * Lets it run in another mode: that way is up before the one before goes. While no adapter stands for it, nothing runs
   * and nothing happens.
   *
   * @throws Error why the other way did not come up; then all is as it was
   */
  changeMode(mode: Mode): Promise<void> {
    return this.#change(async () => {
      if (this.#claim === null) return
      await this.#replace(mode, this.#manifest)
    })
  }

  /** Its service.json is another one: what runs follows it, once that is up. A newer one overtakes it. */
  takeManifest(manifest: ServiceManifest): void {
    this.#next = manifest
    this.#ways.callOff(this.#manifest)
    void this.#change(async () => {
      if (this.#next !== manifest) return
      try {
        await this.#follow(manifest)
      } catch (error) {
        if (this.#next === manifest)
          this.fault = `What it describes does not come up: ${(error as Error).message}`
      }
    })
  }

  /**
   * Begins another way of the same kind, and stops the one before when that is up. A service.json that was refused for
   * what it describes gets another chance.
   *
   * @throws Error why it is not up
   */
  restart(): Promise<void> {
    return this.#change(async () => {
      if (this.#claim === null) return
      const manifest = this.#next ?? this.#manifest
      await this.#replace(this.#way?.mode ?? this.#claim.mode, manifest)
      this.#adopt(manifest)
    })
  }

  /** The house stops. Settles when nothing of it is left. */
  async stop(): Promise<void> {
    this.#claim = null
    await this.#end()
  }

  // --- How.

  get #log(): OwnedLog {
    return this.#options.logOf(this.#lastAdapter)
  }

  async #change<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(run)
    this.#turn = turn.catch(() => {})
    return turn
  }

  /** @throws Error why what it describes did not come up */
  async #follow(manifest: ServiceManifest): Promise<void> {
    const way = this.#way
    if (way !== null && concerns(way.mode, this.#manifest, manifest)) await this.#replace(way.mode, manifest)
    this.#adopt(manifest)
    if (way === null) await this.#begin()
  }

  #adopt(manifest: ServiceManifest): void {
    if (this.#next === manifest) this.#next = null
    if (Bun.deepEquals(manifest, this.#manifest)) return
    this.#manifest = manifest
    this.#fault = null
    this.#log.info(`service.json of "${this.name}" is in force: version ${manifest.version}.`)
    this.#say('manifest')
  }

  /** Nothing runs, so there is nothing to lose: it may take as long as it takes. */
  async #begin(): Promise<void> {
    const mode = this.#claim?.mode
    if (mode === undefined || mode === 'in_process') return
    this.#error = null
    try {
      const way = await this.#ways.open(mode, this.#manifest)
      // Released, or wanted otherwise, meanwhile.
      if (this.#claim?.mode === mode) this.#ways.take(way)
      else void this.#ways.drop(way)
    } catch (error) {
      this.#error = (error as Error).message
      this.#log.error(`"${this.name}" cannot run as ${mode}: ${this.#error}`)
    }
    this.#noticed()
  }

  /** @throws Error why the next way did not come up */
  async #replace(mode: Mode, manifest: ServiceManifest): Promise<void> {
    const next = mode === 'in_process' ? null : await this.#ways.bringUp(mode, manifest)
    if (this.#claim === null) return void this.#ways.drop(next)
    const before = this.#ways.take(next)
    this.#claim = { ...this.#claim, mode }
    this.#error = null
    // In the same tick: whoever calls from now on calls the next.
    this.#noticed()
    void this.#ways.drop(before)
  }

  async #end(): Promise<void> {
    this.#ways.take(null)
    this.#error = null
    this.#noticed()
    await this.#ways.dropOthers()
    // What was on its way when it was told to stop finds nobody who wants it; or somebody does again.
    await this.#turn
    await this.#ways.dropOthers()
  }

  #noticed(): void {
    const { state, reach } = this
    if (reach !== this.#reached) {
      this.#reached = reach
      this.#say('reach')
    }
    if (state === this.#told) return
    const before = this.#told
    this.#told = state
    this.#since = new Date().toISOString()
    const { name, adapter, mode, error } = this
    this.#options.tell({ name, adapter, mode, state, before, error })
    this.#say('state')
  }

  #say(change: Change): void {
    for (const callback of this.#listeners) callback(change)
  }
}

/** Whether what runs must begin anew for another service.json. */
function concerns(mode: WayMode, before: ServiceManifest, after: ServiceManifest): boolean {
  const parts = (manifest: ServiceManifest) =>
    mode === 'embedded'
      ? [manifest.version, manifest.start, manifest.health]
      : [manifest.url, manifest.health]
  return !Bun.deepEquals(parts(before), parts(after))
}

// One loaded version of a plugin: its modules, its router and all that it holds, from the import to the last goodbye.

import type { Hold, Mode, PluginContext, PluginDefinition, PluginRouter } from '@home-console/sdk'
import { Declaration } from '../../bus/declared-events.ts'
import type { HeldEvents, Listener } from '../../bus/held-events.ts'
import { settlesWithin } from '../../clock.ts'
import type { PluginData } from '../../db/plugin-data.ts'
import type { Tables } from '../../db/tables.ts'
import { coreProblem } from '../../http/answers/problems.ts'
import type { Mounted } from '../../http/app.ts'
import type { MountOwner, OpenStream, Waiter } from '../../http/request-info.ts'
import type { OwnedLog } from '../../log/log.ts'
import { Scope } from '../../scope/scope.ts'
import { wasCharged } from '../../services/blame.ts'
import type { Marked, Presence } from '../../vigil/record.ts'
import { Border, leaving } from '../border/border.ts'
import { atAGlance, type Glance } from '../border/descriptors.ts'
import { messageOf, PluginError, positionOf, positionOfText } from '../fault.ts'
import type { PluginSource } from '../files/discovery.ts'
import type { Organs } from '../organs.ts'
import { Belongings } from './belongings.ts'
import type { Face } from './changes.ts'
import { contextOf } from './context.ts'
import { within } from './deadline.ts'
import { definitionOf } from './definition.ts'
import { Emissions } from './emissions.ts'
import { modeOf, type Role } from './mode.ts'
import type { Needs } from './needs.ts'
import { OpenStreams } from './open-streams.ts'
import { NotTaken, PluginConfig, type Candidate, type ConfigReading } from './plugin-config.ts'
import { pluginGlobals } from './plugin-globals.ts'
import { routesOf, type Routes } from './routes.ts'
import { Statuses } from './statuses.ts'
import { openTables, wouldBreak } from './tables.ts'
import { Tasks } from './tasks.ts'
import { UnderWay } from './under-way.ts'

const IMPORT_MS = 10_000
const LOAD_MS = 10_000
/** For the schema of its config, and for `onConfigChange`. */
const CONFIG_MS = 10_000
/** For what is under way when the next generation takes over. */
const DRAIN_MS = 10_000
/** For `onUnload`, and for each thing that is released. */
const RELEASE_MS = 5_000

export interface Charged {
  readonly plugin: string
  /** Undefined where only the plugin is known: then it is taken for the one that serves. */
  readonly generation?: number
  readonly error: unknown
  readonly where: string
  /** The plugin's own files, which say where in it. */
  readonly files: ReadonlySet<string>
}

export interface GenerationOptions {
  readonly number: number
  readonly source: PluginSource
  /** The plugin's files, for positions in errors. */
  readonly files: ReadonlySet<string>
  /** Of their contents. */
  readonly digest: string
  readonly prefix: string
  readonly organs: Organs
  /** Told of each mistake in the plugin's code. */
  readonly onCharged: (charged: Charged) => void
}

export class Generation implements MountOwner {
  readonly number: number
  readonly source: PluginSource
  readonly files: ReadonlySet<string>
  readonly scope = new Scope()
  readonly tasks = new Tasks()
  readonly log: OwnedLog
  readonly data: PluginData
  readonly listeners = new Set<Listener>()
  readonly #organs: Organs
  readonly #prefix: string
  readonly #onCharged: (charged: Charged) => void
  readonly #belongings: Belongings
  readonly #presence: Presence
  readonly #border: Border
  readonly #closing: AbortController
  readonly #draining: AbortController
  readonly #underWay = new UnderWay()
  readonly #streams = new OpenStreams()
  readonly #emissions: Emissions
  readonly statuses: Statuses
  #handedOver: unknown
  #mayGo: ReadonlySet<string> = new Set()
  #context: PluginContext | undefined
  #definition: PluginDefinition | undefined
  #declaration: Declaration | undefined
  #config: PluginConfig | undefined
  readonly #routers: PluginRouter[] = []
  readonly #uses: string[] = []
  /** Null where it serves none. */
  #routes: Routes | null = null
  #tables: Tables | undefined
  #stepsAside = false

  constructor({ number, source, files, digest, prefix, organs, onCharged }: GenerationOptions) {
    this.number = number
    this.source = source
    this.files = files
    this.#prefix = prefix
    this.#organs = organs
    this.#onCharged = onCharged
    this.log = organs.log.of(source.id)
    this.data = organs.databases.lend(source.id)
    this.#belongings = new Belongings(source.dir, files)
    this.#presence = organs.running.presence(source.id, digest)
    this.#border = new Border(
      pluginGlobals({
        log: this.log,
        belongings: this.#belongings,
        presence: this.#presence,
        given: organs.globals,
        call: this.call,
        charge: this.charge,
      }),
      (error, kind) =>
        this.charge(error, kind === 'unhandledRejection' ? 'a promise that nobody awaits' : 'a callback'),
      this.#presence,
    )
    this.#emissions = new Emissions({
      bus: organs.bus,
      plugin: source.id,
      charge: this.charge,
    })
    this.statuses = new Statuses(organs.clock)
    this.#closing = this.newAbortController()
    this.#draining = this.newAbortController()
  }

  get id(): string {
    return this.source.id
  }

  get plugin(): string {
    return this.source.id
  }

  get signal(): AbortSignal {
    return this.#closing.signal
  }

  get draining(): AbortSignal {
    return this.#draining.signal
  }

  get definition(): PluginDefinition | undefined {
    return this.#definition
  }

  /** Whether its module context is gone. */
  get ended(): boolean {
    return this.#border.ended
  }

  get requires(): readonly string[] {
    return this.#definition?.requires ?? []
  }

  get external(): string | undefined {
    return this.#definition?.external
  }

  /** Under which its routes are. */
  get prefix(): string {
    return this.#prefix
  }

  get version(): string | null {
    return this.#definition?.version ?? this.source.manifest?.version ?? null
  }

  get tables(): Tables | undefined {
    return this.#tables
  }

  get needs(): Needs {
    const { requires = [], provides = [], dependsOn = [], external } = this.#definition ?? {}
    const stands = external !== undefined && this.mode !== 'in_process'
    return { id: this.id, requires, provides, dependsOn, external: stands ? external : null }
  }

  /** A copy: whoever keeps it keeps nothing of this version. */
  get role(): Role {
    const { modes, external } = this.#definition ?? {}
    return { ...(modes !== undefined && { modes }), ...(external !== undefined && { external }) }
  }

  /** The operations of its external service that it cannot do without. */
  get uses(): readonly string[] {
    return [...new Set([...(this.#routes?.document.uses ?? []), ...this.#uses])]
  }

  addUse(operation: string): void {
    this.#uses.push(operation)
  }

  /** Where its work runs, or will once it is live. */
  get mode(): Mode {
    return modeOf(this.id, this.role, this.#organs)
  }

  /** What others see of it. */
  get face(): Face {
    const { events = {}, scopes = {} } = this.#definition ?? {}
    const services = this.#organs.services.offeredBy(this)
    return { routes: this.routes, events: Object.keys(events), services, scopes: Object.keys(scopes) }
  }

  /** Whether it is loaded, and neither live nor thrown away. */
  get isStaged(): boolean {
    return this.scope.state === 'staged'
  }

  /** Whether no other version of the plugin may be alive beside it. */
  get exclusive(): boolean {
    return this.#definition?.exclusive === true || this.#stepsAside
  }

  get handedOver(): unknown {
    return this.#handedOver
  }

  get mayGo(): ReadonlySet<string> {
    return this.#mayGo
  }

  /** Known once it is imported. */
  get config(): PluginConfig {
    return this.#config!
  }

  /** Whether it takes another config while it serves. */
  get takesConfig(): boolean {
    return this.#definition?.onConfigChange !== undefined
  }

  get routes(): { method: string; path: string }[] {
    return this.#routes?.mount.routes ?? []
  }

  /** What is held now: by `ctx`, and as open streams. */
  get holds(): Hold[] {
    return [...this.scope.list(), ...this.#streams.list()]
  }

  // --- Import and stage: nothing of this is live, and all of it can be thrown away.

  /** @throws what the module throws; PluginError `import_timeout`; ConfigRefused; SettingsMissing; the signal's reason */
  async import(superseded: AbortSignal, how: ConfigReading = {}): Promise<void> {
    const { entry } = this.source
    const module = await within(
      this.#loading('import', () => this.#border.import(entry)),
      IMPORT_MS,
      {
        code: 'import_timeout',
        message: `The module did not finish within ${IMPORT_MS} ms: a top-level await never settles. Move it into a task.`,
        position: { file: entry },
      },
      superseded,
    )
    this.#definition = this.enter(() => definitionOf(module, entry, (message) => this.log.warn(message)))
    this.#stepsAside = wouldBreak(this)
    const { events: schemas } = this.#definition
    if (schemas !== undefined)
      this.#declaration = new Declaration({ plugin: this.id, schemas, enter: this.enter })
    this.#config = await within(
      PluginConfig.read(
        {
          definition: this.#definition,
          settings: this.#organs.settings.of(this.id),
          entry,
          log: this.log,
          enter: this.enter,
        },
        how,
      ),
      CONFIG_MS,
      {
        code: 'config_timeout',
        message: `The schema of its config did not decide within ${CONFIG_MS} ms.`,
        position: positionOfText(entry, 'config'),
      },
      superseded,
    )
  }

  /**
   * @param handedOver by the version before
   * @param mayGo ids of plugins that go, or swap, together with it
   * @throws what `onLoad` throws; PluginError `load_timeout`, `invalid_router` …; the signal's reason
   */
  async stage(
    superseded: AbortSignal,
    handedOver: unknown,
    mayGo: ReadonlySet<string> = new Set(),
  ): Promise<void> {
    const definition = this.#definition!
    this.#handedOver = handedOver
    this.#mayGo = mayGo
    const timeout = definition.loadTimeout ?? LOAD_MS
    this.#tables = await openTables(this)
    superseded.throwIfAborted()
    this.#context = contextOf(this, this.#organs)
    const context = this.#context
    const router: unknown = await within(
      this.#loading('onLoad', async () => this.enter(() => definition.onLoad(context))),
      timeout,
      {
        code: 'load_timeout',
        message: `onLoad did not finish within ${timeout} ms. Move what talks to the outside into ctx.task().`,
        position: positionOfText(this.source.entry, 'onLoad'),
      },
      superseded,
    )
    this.#assertProvided()
    this.#routes = await routesOf(router, this.#routers, this)
    superseded.throwIfAborted()
    this.data.keep()
  }

  /** Between two calls of the border its code runs unseen: then this says who it may be. */
  #loading<T>(label: string, load: () => Promise<T>): Promise<T> {
    return this.#organs.crashes.inTurn(this.id, () => this.#presence.loading(label, load))
  }

  /** Others go by the list: what stands on it must be there. */
  #assertProvided(): void {
    const provided = this.scope.list().filter(({ kind }) => kind === 'service')
    const missing = this.#definition!.provides?.find((name) => !provided.some(({ label }) => label === name))
    if (missing === undefined) return
    throw new PluginError(
      'service_not_provided',
      `"${missing}" stands in provides, but onLoad did not provide it. Call ctx.services.provide('${missing}', …), or take it off the list.`,
      positionOfText(this.source.entry, 'provides'),
    )
  }

  /** A router was made for the plugin. */
  addRouter(router: PluginRouter): void {
    this.#routers.push(router)
  }

  /** What it gives to the next version. @throws PluginError `handover_failed` */
  handOver(): unknown {
    const definition = this.#definition
    const context = this.#context
    if (definition?.handover === undefined || context === undefined) return undefined
    try {
      return structuredClone(this.enter(() => definition.handover!(context)))
    } catch (error) {
      throw new PluginError(
        'handover_failed',
        `The version that serves did not hand over: ${messageOf(error)}`,
        positionOf(error, this.files) ?? positionOfText(this.source.entry, 'handover'),
      )
    }
  }

  /** Hands it another config. @throws NotTaken when it throws, or takes too long: it has what it had */
  async changeConfig(next: Candidate): Promise<void> {
    const definition = this.#definition!
    const context = this.#context!
    const work = { kind: 'config', label: 'onConfigChange' }
    this.begin(work)
    try {
      await within(
        this.enter(async () => definition.onConfigChange!(next.value, this.config.value, context), work),
        CONFIG_MS,
        { code: 'config_timeout', message: `onConfigChange did not finish within ${CONFIG_MS} ms.` },
        new AbortController().signal,
      )
    } catch (error) {
      throw new NotTaken('config_refused', messageOf(error), positionOf(error, this.files))
    } finally {
      this.end(work)
    }
    this.config.adopt(next)
  }

  // --- The commit: one tick.

  /**
   * Takes over from the generation before, if there is one. Synchronous: nothing can come between.
   *
   * @param leaving earlier generations that have not ended yet
   * @param missed what happened while none of them was live
   */
  commit(previous: Generation | null, leaving: readonly Generation[], missed?: HeldEvents): void {
    for (const { tasks } of previous === null ? leaving : [...leaving, previous]) this.tasks.follow(tasks)
    previous?.fallSilent()
    this.scope.commit()
    this.data.goLive()
    this.#stepsAside = false
    this.#organs.settings.of(this.id).inForce = this.config.given.stored
    if (previous !== null && previous.#prefix !== this.#prefix) this.#organs.app.unmount(previous.#prefix)
    if (this.#routes !== null) this.#organs.app.mount(this.#mounted(this.#routes))
    else this.#organs.app.unmount(this.#prefix)
    if (this.#declaration !== undefined) this.#organs.bus.declared.add(this.#declaration)
    missed?.tell([...this.listeners])
    this.#emissions.release(this.#declaration)
  }

  /** What an adapter's routes lead to follows its service, and is put in when the document is asked for. */
  #mounted(routes: Routes): Mounted {
    const { external } = this.role
    if (external === undefined) return routes
    const { mount, document } = routes
    const { id } = this
    const { describeExternal } = this.#organs
    return {
      mount,
      get document() {
        return describeExternal(external, document, id, mount)
      },
    }
  }

  /** From now on nothing new begins here. What is under way goes on. */
  fallSilent(): void {
    this.scope.silence()
    if (this.#declaration !== undefined) this.#organs.bus.declared.remove(this.#declaration)
  }

  /** Requests wait from now on, for whoever takes over. @returns lets them go on */
  holdRequests(): () => void {
    return this.#routes === null ? () => {} : this.#organs.app.hold(this.#routes.mount)
  }

  /** Takes the routes away, where nobody follows. */
  unmount(): void {
    this.#organs.app.unmount(this.#prefix)
  }

  /** Must be called before the next generation is imported: after that, no line of this one is known. */
  locateBelongings(): void {
    this.#belongings.locate()
  }

  // --- Drain and close.

  /** Lets what is under way finish. Gives what did not. */
  async drain(): Promise<Hold[]> {
    this.#draining.abort()
    const deadline = performance.now() + DRAIN_MS
    const tasks = this.tasks.end()
    await this.#streams.endLasting()
    const late = await this.#underWay.idle(deadline - performance.now())
    for (const { kind, label } of await tasks) late.push({ kind, label })
    this.#streams.cutAll()
    return late
  }

  /** Says goodbye, releases everything, and ends what is left by force. Gives what had to be. */
  async close(): Promise<Hold[]> {
    const leaks: Hold[] = []
    const definition = this.#definition
    const context = this.#context
    if (definition?.onUnload !== undefined && context !== undefined && this.scope.state !== 'staged') {
      const work = { kind: 'farewell', label: 'onUnload' }
      const finished = this.call(work, () => definition.onUnload!(context))
      if (finished !== undefined && !(await settlesWithin(finished, RELEASE_MS)))
        leaks.push({ kind: work.kind, label: work.label })
    }
    this.#closing.abort()
    const { errors, overdue } = await this.scope.close(RELEASE_MS)
    for (const { hold, error } of errors) this.charge(error, `${hold.kind} "${hold.label}"`)
    leaks.push(...overdue)
    // Whoever was told and needs a turn of the loop to let go gets it meanwhile.
    return [...leaks, ...(await atAGlance((glance) => this.endByForce(glance)))]
  }

  /** Ends what the plugin opened and did not close, and lets nobody wait for it any longer. Gives what that was. */
  endByForce(glance?: Glance): Hold[] {
    const belongings = this.#belongings.list()
    const descriptors = this.#border.end(glance)
    this.#underWay.abandon(coreProblem('generation_ended'))
    this.#streams.cutAll()
    this.#belongings.clear()
    this.data.close()
    this.#presence.release()
    return [...belongings, ...descriptors]
  }

  /** Throws away a generation that was refused. Its leaks are nobody's concern: it never ran. */
  async discard(): Promise<void> {
    await this.close()
  }

  // --- What `ctx`, the routes and the clock call.

  /** Its listeners run where it was made: what they throw is the plugin's only if it was made in there. */
  readonly newAbortController = (): AbortController => this.#border.enter(() => new AbortController())

  readonly enter = <T>(run: () => T, work?: Marked): T =>
    this.#border.enter(run, work && this.#presence.markOf(work))

  ask<Result>(
    waiter: Waiter,
    run: () => unknown,
    onAnswer: (answer: unknown) => Result,
    onError: (error: unknown) => Result,
  ): Result | Promise<Result> {
    return this.#border.ask(waiter, run, onAnswer, onError)
  }

  /**
   * Calls into the plugin, with what goes wrong charged to it. What takes time is work that the drain waits for.
   *
   * @returns nothing, or a promise that settles when it has finished and never rejects
   */
  readonly call = (work: Marked, run: () => unknown): Promise<void> | undefined => {
    try {
      const result = this.#border.enter(run, this.#presence.markOf(work))
      return result instanceof Promise ? this.#attend(work, result) : undefined
    } catch (error) {
      this.#chargeUnlessEnded(error, work)
      return undefined
    }
  }

  async #attend({ kind, label }: Hold, result: Promise<unknown>): Promise<void> {
    // What a listener does for one event is not what it does, meanwhile, for another.
    const work = { kind, label }
    this.begin(work)
    try {
      await result
    } catch (error) {
      this.#chargeUnlessEnded(error, work)
    } finally {
      this.end(work)
    }
  }

  #chargeUnlessEnded(error: unknown, { kind, label }: Hold): void {
    if (!this.#border.ended) this.charge(error, `${kind} "${label}"`)
  }

  begin(work: Hold | Waiter): void {
    this.#underWay.begin(work)
  }

  end(work: Hold): void {
    this.#underWay.end(work)
  }

  open(stream: OpenStream): void {
    this.#streams.add(stream)
  }

  closeStream(stream: OpenStream): void {
    this.#streams.remove(stream)
  }

  readonly charge = leaving((error: unknown, where: string): void => {
    if (wasCharged(error)) return
    this.#onCharged({ plugin: this.id, generation: this.number, error, where, files: this.files })
  })

  emit(type: string, data: unknown, subject: string | undefined): void {
    if (this.scope.state === 'closed')
      this.log.debug(`"${type}" was emitted by a version that is gone, and dropped.`)
    else this.#emissions.emit({ type, data, subject }, this.#declaration)
  }
}

// Makes `ctx`: each of its functions leaves the plugin's context first, and registers in the generation's scope.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  Problem,
  type CloudEvent,
  type Hold,
  type Logger,
  type PluginContext,
  type PluginRouter,
  type Undo,
} from '@home-console/sdk'
import type { Listener } from '../../bus/held-events.ts'
import type { PluginData } from '../../db/plugin-data.ts'
import type { Tables } from '../../db/tables.ts'
import { pluginRouter } from '../../http/routing/plugin-router.ts'
import { coreProblem } from '../../http/answers/problems.ts'
import type { OwnedLog } from '../../log/log.ts'
import type { Held, Scope } from '../../scope/scope.ts'
import type { Provider, User } from '../../services/parties.ts'
import type { Use } from '../../services/use.ts'
import { leave, leaveHandling, leaving } from '../border/border.ts'
import type { Organs } from '../organs.ts'
import { AdapterContext, type AdapterOwner } from './adapter-context.ts'
import { after, every, type ScheduleOwner } from './schedule.ts'
import type { Statuses } from './statuses.ts'
import { Task, type TaskOwner, type Tasks } from './tasks.ts'

type Fields = Readonly<Record<string, unknown>>

/** A plugin's log, or that of one of its requests: one is made for each, so nothing is worked out before it is used. */
class PluginLogger implements Logger {
  readonly #log: OwnedLog
  readonly #requestId: string | undefined

  constructor(log: OwnedLog, requestId?: string) {
    this.#log = log
    this.#requestId = requestId
  }

  debug(message: string, fields?: Fields): void {
    leave(() => this.#log.debug(message, this.#withRequest(fields)))
  }

  info(message: string, fields?: Fields): void {
    leave(() => this.#log.info(message, this.#withRequest(fields)))
  }

  warn(message: string, fields?: Fields): void {
    leave(() => this.#log.warn(message, this.#withRequest(fields)))
  }

  error(message: string, fields?: Fields): void {
    leave(() => this.#log.error(message, this.#withRequest(fields)))
  }

  #withRequest(fields: Fields | undefined): Fields | undefined {
    return this.#requestId === undefined ? fields : { requestId: this.#requestId, ...fields }
  }
}

/** What a context needs of the generation that it belongs to. */
export interface ContextOwner extends Omit<TaskOwner, 'clock'>, Provider, User, AdapterOwner {
  readonly source: { readonly dir: string }
  readonly scope: Scope
  readonly tasks: Tasks
  readonly log: OwnedLog
  readonly draining: AbortSignal
  readonly enter: <T>(run: () => T, work?: Hold) => T
  /** What the version before gave. */
  readonly handedOver: unknown
  /** Who hears events, in the order in which they were registered. */
  readonly listeners: Set<Listener>
  call(work: Hold, run: () => unknown): Promise<void> | undefined
  readonly data: PluginData
  readonly tables: Tables | undefined
  readonly config: { readonly value: unknown }
  emit(type: string, data: unknown, subject: string | undefined): void
  readonly statuses: Statuses
  addRouter(router: PluginRouter): void
  /** Name of the external service that it stands for. */
  readonly external: string | undefined
}

export function contextOf(generation: ContextOwner, organs: Organs): PluginContext {
  const { id, scope } = generation
  const hold = (held: Held): Undo => leaving(scope.add(held))
  const scheduleOwner: ScheduleOwner = {
    clock: organs.clock,
    timeZone: () => organs.home.values.timeZone,
    run: (label, run) => generation.call({ kind: 'timer', label }, run),
  }
  const uses = new Map<string, Use>()
  const use = (name: string): unknown => {
    let known = uses.get(name)
    if (known === undefined) {
      known = organs.services.use(name, generation)
      scope.add(known)
      uses.set(name, known)
    }
    return known.handle
  }
  generation.requires.forEach(use)
  let files: string | undefined
  const { external } = generation
  const ofAdapter = external === undefined ? undefined : new AdapterContext(generation, organs, external)
  const adapter = (what: string): AdapterContext => {
    if (ofAdapter === undefined) throw notAnAdapter(what)
    return ofAdapter
  }

  return {
    id,
    dir: generation.source.dir,
    get files() {
      // Made when first asked for: most plugins keep none.
      return (files ??= leave(() => {
        const folder = join(organs.filesDir, id)
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        return folder
      }))
    },
    log: new PluginLogger(generation.log),
    get home() {
      return organs.home.values
    },
    get config() {
      return generation.config.value
    },
    signal: generation.signal,
    draining: generation.draining,
    handover: generation.handedOver,

    router: leaving((options) => {
      const router = pluginRouter({
        ...options,
        logFor: (info) => new PluginLogger(generation.log, info.id),
      })
      generation.addRouter(router)
      return router
    }),

    events: {
      on: leaving((pattern, handler) => {
        assertFunction(handler, 'events.on')
        // Subscribed while staged, so that a bad pattern is refused here; heard only once it is live.
        let live = false
        const work = { kind: 'listener', label: pattern }
        const hear = (event: CloudEvent) => void generation.call(work, () => handler(event as never))
        const unsubscribe = organs.bus.subscribe(pattern, (event) => {
          if (live) hear(event)
        })
        const listener = { pattern, hear }
        generation.listeners.add(listener)
        const fallSilent = () => {
          unsubscribe()
          generation.listeners.delete(listener)
        }
        return hold({
          kind: 'subscription',
          label: pattern,
          goLive: () => void (live = true),
          fallSilent,
          release: fallSilent,
        })
      }),
      emit(type, data, options) {
        leaveHandling(() => generation.emit(type, data, options?.subject))
      },
    },

    services: {
      provide: leaving((name, implementation) =>
        hold(organs.services.provision(name, implementation, generation)),
      ),
      use: leaving(use) as PluginContext['services']['use'],
    },

    get db() {
      const { tables } = generation
      if (tables === undefined)
        throw coreProblem('invalid_argument', 'ctx.db needs tables: db: { schema } in the definition.')
      return tables
    },
    // Each runs here and leaves for SQLite only: what writes itself as JSON is the plugin's code.
    kv: {
      get: (key: string) => generation.data.kv.get(key) as never,
      set: (key, value, options) => generation.data.kv.set(key, value, options),
      delete: (key) => generation.data.kv.delete(key),
      list: (prefix) => generation.data.kv.list(prefix),
    },

    every: leaving((schedule, run, options = {}) => {
      assertFunction(run, 'every')
      return hold(every(schedule, run, options, scheduleOwner))
    }),
    after: leaving((ms, run) => {
      assertFunction(run, 'after')
      return hold(after(ms, run, scheduleOwner, (held) => scope.forget(held)))
    }),
    task: leaving((label, run, options = {}) => {
      assertFunction(run, 'task')
      const { enter, charge, newAbortController } = generation
      const task = new Task(label, run, options, { clock: organs.clock, enter, charge, newAbortController })
      generation.tasks.add(task)
      return hold(task)
    }),
    get external() {
      return adapter('external').external
    },
    proxy: (options) => adapter('proxy()').proxy(options),
    status: leaving((label, state, message) => generation.statuses.set(label, state, message)),
    defer: leaving((dispose) => {
      assertFunction(dispose, 'defer')
      const work = { kind: 'deferred', label: dispose.name || 'anonymous' }
      return hold({ ...work, release: () => generation.enter(dispose, work) })
    }),
  }
}

function notAnAdapter(what: string): Problem {
  return coreProblem(
    'invalid_argument',
    `ctx.${what} needs an external service: external: '<name>' in the definition.`,
  )
}

function assertFunction(value: unknown, where: string): asserts value is Function {
  if (typeof value !== 'function')
    throw coreProblem('invalid_argument', `ctx.${where} takes a function, not ${typeof value}.`)
}

// What a plugin gets in its hands: the one argument of `onLoad`.

import type { Db, DbSchema } from './db.ts'
import type { EventFor, EventSchemas, Events } from './event.ts'
import type { ExternalService, ProxyHandler, ProxyOptions } from './external.ts'
import type { Logger } from './logger.ts'
import type { PluginRouter, RouterOptions } from './router.ts'
import type { ImplementationOf, ServiceName, ServiceOf } from './service.ts'
import type { InputOf } from './standard-schema.ts'

/** Takes back what a call registered. Calling it again does nothing. */
export type Undo = () => void

/** Where the house stands and how its people measure. Data itself is always SI, °C and UTC: only faces convert. */
export interface Home {
  /** IANA name, such as `Europe/Berlin`. Cron expressions follow it. */
  readonly timeZone: string
  /** BCP 47, such as `de-DE`. */
  readonly locale: string
  /** Degrees, north and east positive; null until the owner says. */
  readonly latitude: number | null
  readonly longitude: number | null
  readonly units: 'metric' | 'imperial'
}

export type Health = 'ok' | 'degraded' | 'down'

export interface ScheduleOptions {
  /** The zone of a cron expression; the home's unless given. */
  readonly timeZone?: string
  /** What becomes of runs whose time passed while the plugin could not run: none (`skip`), or one for all of them. */
  readonly missed?: 'skip' | 'once'
  /** Delays each run by a random time up to this many ms. */
  readonly jitter?: number
}

export interface TaskOptions {
  /** When to start it again after it ended. `on-failure` unless given. Pauses grow from 1 s to 5 min. */
  readonly restart?: 'on-failure' | 'always' | 'never'
}

export interface PluginContext<
  Emits extends EventSchemas = EventSchemas,
  Requires extends string = never,
  Schema extends DbSchema = DbSchema,
  Config = unknown,
> {
  readonly id: string
  /** The folder that holds the plugin's code. */
  readonly dir: string
  /** A folder of the plugin's own, under the Core's data folder. It survives reloads. */
  readonly files: string
  readonly log: Logger
  /** What the owner set, as the schema in `config` gives it. Frozen; after a change it is another one. */
  readonly config: Config
  readonly home: Home
  /** What the version before handed over; undefined where there was none, or it gave nothing. */
  readonly handover: unknown
  /** Aborts when the generation is closed: everything must have come to its end. */
  readonly signal: AbortSignal
  /** Aborts when a drain begins, before `signal`: long streams should come to their end. */
  readonly draining: AbortSignal

  /** A new router. Return it from `onLoad`, or mount it in the one that you return. */
  router(options?: RouterOptions): PluginRouter

  readonly events: {
    /**
     * Calls `handler` for each event whose type matches: `*` is one word, a closing `**` any number of words. The data
     * of events that a contract tells of is typed; all other data is `unknown`.
     * @throws Problem `invalid_pattern`
     */
    on<const Pattern extends string>(
      pattern: Pattern,
      handler: (event: EventFor<Pattern>) => void | Promise<void>,
    ): Undo
    /**
     * Says that something happened. Never waits and never throws; data that is no JSON, or does not fit the schema that
     * the plugin declared, or else one that another plugin did, is dropped and charged to the plugin. During `onLoad` it
     * is held until the commit.
     */
    emit<const Type extends EventType<Emits>>(
      type: Type,
      data: EventData<Emits, Type>,
      options?: { readonly subject?: string },
    ): void
  }

  readonly services: {
    /**
     * Offers a service to other plugins, from the commit on: an object, be it a class's, whose methods take and give
     * plain data, or async iterables of it. A method that throws rejects the caller's promise.
     *
     * @throws Problem `service_taken` when another plugin provides the name; `invalid_argument`
     */
    provide<const Name extends ServiceName | (string & {})>(
      name: Name,
      implementation: ImplementationOf<Name>,
    ): Undo
    /**
     * A handle on a service, whoever provides it and whether it is there yet or not. A call runs in the provider, follows
     * its swaps, and rejects with Problem `service_unavailable` where there is none. An open iteration rejects with
     * `service_swapped` when its provider is swapped: begin it again.
     *
     * @throws Problem `invalid_argument` when the name is none
     */
    use<const Name extends ServiceName | Requires | (string & {})>(name: Name): ServiceOf<Name>
  }

  /**
   * The tables that `db` declares, in the plugin's own SQLite file: Drizzle, synchronous, so that each query is done when
   * it returns. End it with `.run()`, `.all()`, `.get()` or `.values()`, or await it. `transaction()` takes no async
   * function. While a query runs, the whole house waits: one of more than 50 ms is named in the log.
   *
   * @throws Problem `storage_failed` when the disk is full or the file damaged; SQLiteError for a mistake in a query
   */
  readonly db: Db<Schema>

  /**
   * Single values under a key, in the plugin's own database: what was set is on the disk when the call returns. Values
   * are JSON; keys are texts of 1 to 512 characters. Within `db.transaction()`, it is part of it.
   *
   * @throws Problem `invalid_argument`; `storage_failed` when the disk is full or the file damaged
   */
  readonly kv: {
    /** What was set last, unless it has expired; undefined where there is nothing. */
    // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- who reads says what was written
    get<Value = unknown>(key: string): Value | undefined
    /** `ttl`: for how long, in ms. `secret`: encrypted on the disk. */
    set(key: string, value: unknown, options?: { readonly ttl?: number; readonly secret?: boolean }): void
    /** Gives whether there was something. */
    delete(key: string): boolean
    /** The keys that begin so, in order. */
    list(prefix?: string): string[]
  }

  /**
   * Runs every so many ms, or as a cron expression says. Never overlaps itself; starts at the commit.
   * @throws Problem `invalid_schedule`
   */
  every(schedule: number | string, run: () => unknown, options?: ScheduleOptions): Undo
  /** Runs once, so many ms after the commit. */
  after(ms: number, run: () => unknown): Undo
  /**
   * Long-lived work. Starts at the commit; `signal` aborts when it must end. A throw starts it again after a pause. In a
   * swap, the new generation's task of the same label starts when the old one has ended.
   */
  task(label: string, run: (signal: AbortSignal) => unknown, options?: TaskOptions): Undo
  /**
   * The external service that the plugin stands for.
   * @throws Problem `invalid_argument` when `external` in its definition names none
   */
  readonly external: ExternalService
  /**
   * Passes requests on to the external service, whole and streaming: `router.all('/*', ctx.proxy())`. WebSockets too.
   * @throws Problem `invalid_argument` when `external` in its definition names none
   */
  proxy(options?: ProxyOptions): ProxyHandler

  /** Says how something that the plugin looks after is doing. The owner sees the latest for each label. */
  status(label: string, state: Health, message?: string): void
  /** Anything else that must be undone when the generation is closed. Last in, first out; each has 5 s. */
  defer(dispose: () => unknown): Undo
}

/** The types that a plugin may emit: those that it declared; any, where it declared none. */
export type EventType<Emits extends EventSchemas> = keyof Emits extends never ? string : keyof Emits & string

/** What a plugin may say with it: what it declared itself, or else what is known of the type. */
export type EventData<Emits extends EventSchemas, Type extends string> = Type extends keyof Emits
  ? InputOf<Emits[Type]>
  : Type extends keyof Events
    ? Events[Type]
    : unknown

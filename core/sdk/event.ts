// An event: a named fact, in the envelope of CloudEvents 1.0.

import type { ExternalState, Mode } from './external.ts'
import type { InputOf, StandardSchemaV1 } from './standard-schema.ts'

/** https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md, with `causationid` as an extension. */
export interface CloudEvent<Data = unknown, Type extends string = string> {
  readonly specversion: '1.0'
  /** Unique together with `source`. */
  readonly id: string
  /** `/core`, `/plugins/<id>`, `/external/<name>` or `/clients/<name>`. */
  readonly source: string
  /** Dot-separated words of `[a-z0-9_-]`, such as `host.sample`. */
  readonly type: Type
  /** RFC 3339 in UTC. */
  readonly time: string
  /** What the event is about, within its source. */
  readonly subject?: string
  /** The id of the event during whose handling this one was emitted. */
  readonly causationid?: string
  /** Plain JSON. It is frozen: every subscriber gets the same value. */
  readonly data: Data
}

/**
 * Events that everybody may know, by type. A plugin adds its own in its `contract.ts`, out of the schemas that it
 * declares them with:
 *
 * ```ts
 * import type { EventsOf } from '@home-console/sdk'
 * import * as v from 'valibot'
 *
 * export const events = { 'weather.updated': v.object({ temperature: v.number() }) }
 *
 * declare module '@home-console/sdk' {
 *   interface Events extends EventsOf<typeof events> {}
 * }
 * ```
 */
export interface Events {
  'core.started': { version: string }
  'core.stopping': { reason: string }
  /** The event loop was blocked for so many ms, and is free again. Where nobody knows by whom, all of them are null. */
  'core.blocked': {
    plugin: string | null
    kind: string | null
    label: string | null
    /** `running`: it was inside. `loading`: one of those that were being loaded. `last`: it ran last. */
    sure: 'running' | 'loading' | 'last' | null
    ms: number
  }
  /** An external service is another way than before. */
  'core.external': {
    name: string
    adapter: string | null
    mode: Mode
    state: ExternalState
    before: ExternalState
    error: string | null
  }
  'plugin.loaded': PluginEvent
  'plugin.reloaded': PluginEvent
  'plugin.kept_old': PluginEvent
  'plugin.failed': PluginEvent
  'plugin.unloaded': PluginEvent
  'plugin.leaked': PluginEvent
}

/** What the Core says of a plugin. `reload` is the record that `GET /api/core/plugins/{id}/reloads` lists. */
export interface PluginEvent {
  plugin: string
  generation: number
  reload: Reload
}

/** What a plugin emits: the event's type and the schema that its data must fit. */
export type EventSchemas = Readonly<Record<string, StandardSchemaV1>>

/** The data of events by type, as their schemas take it in: it is checked, and goes out as it was emitted. */
export type EventsOf<Schemas extends EventSchemas> = {
  [Type in keyof Schemas & string]: InputOf<Schemas[Type]>
}

export type ReloadOutcome = 'committed' | 'kept_old' | 'superseded' | 'failed' | 'unloaded'
/** `mistakes`: there were too many right after a swap, and the Core went back by itself. */
export type ReloadCause = 'boot' | 'file' | 'api' | 'config' | 'dependency' | 'mistakes'

/** Where and why something of a plugin went wrong. */
export interface PluginFault {
  /** From the error book. */
  code: string
  message: string
  /** Absolute path of the plugin's file, where it is known. */
  file?: string
  /** 1-based. */
  line?: number
  /** The source around the line, for people. */
  frame?: string
}

/** Something that a plugin holds, or did not let go of. */
export interface Hold {
  kind: string
  label: string
}

/** The record of one attempt to load, swap or unload a plugin. */
export interface Reload {
  id: string
  plugin: string
  /** The generation that this attempt made or would have made; for an unload, the one that ended. */
  generation: number
  cause: { kind: ReloadCause; files: string[] }
  /** RFC 3339 in UTC. */
  startedAt: string
  /** How long each phase took, in ms; 0 for one that was not reached. */
  phases: { settle: number; import: number; stage: number; commit: number; drain: number; close: number }
  outcome: ReloadOutcome
  error: PluginFault | null
  leaks: Hold[]
  /** What the version changes for others, against the one that served; null where none was staged. */
  changes: Changes | null
  /** The digest of the kept version that this attempt went back to; null where it loaded the files on the disk. */
  restored: string | null
  /** It was only tried: whatever the outcome, the version that served goes on. */
  dryRun?: true
}

/** What comes and what goes. */
export interface Difference<Of> {
  added: Of[]
  removed: Of[]
}

/** What a new version of a plugin changes for others. */
export interface Changes {
  routes: Difference<{ method: string; path: string }>
  /** Types of the events that it declares. */
  events: Difference<string>
  /** Each with the methods that come or go. */
  services: Difference<{ name: string; methods: string[] }>
  scopes: Difference<string>
}

/** Whether an event's type matches a pattern, at the level of types: `*` is one word, a closing `**` is any number. */
export type Matches<Type extends string, Pattern extends string> = Pattern extends '**'
  ? true
  : Pattern extends `${infer Head}.${infer Rest}`
    ? Type extends `${infer Word}.${infer Tail}`
      ? Head extends '*' | Word
        ? Matches<Tail, Rest>
        : false
      : Rest extends '**'
        ? Head extends '*' | Type
          ? true
          : false
        : false
    : Type extends `${string}.${string}`
      ? false
      : Pattern extends '*' | Type
        ? true
        : false

/**
 * The event that a handler of `Pattern` receives: one of the known ones that match, to be told apart by `type`; where
 * none is known, an event whose data must be looked at first.
 */
export type EventFor<Pattern extends string> = [MatchingTypes<Pattern>] extends [never]
  ? CloudEvent
  : { [Type in MatchingTypes<Pattern>]: CloudEvent<Events[Type], Type> }[MatchingTypes<Pattern>]

/** Of several patterns, one that matches is enough. */
type MatchingTypes<Pattern extends string> = {
  [Type in keyof Events & string]: true extends Matches<Type, Pattern> ? Type : never
}[keyof Events & string]

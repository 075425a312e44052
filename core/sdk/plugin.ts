// What a plugin is: one object with an `onLoad`. Everything else about it is optional.

import type { PluginContext } from './context.ts'
import type { DbSchema } from './db.ts'
import type { EventSchemas } from './event.ts'
import type { Mode } from './external.ts'
import type { PluginRouter } from './router.ts'
import type { OutputOf, StandardSchemaV1 } from './standard-schema.ts'

/**
 * A plugin's life, told once:
 *
 * 1. **Noticed.** A file of the plugin changed. When it is whole, the plugin is read.
 * 2. **Imported.** Its module and all that it imports are loaded afresh, in a context of their own.
 * 3. **Staged.** `onLoad(ctx)` runs. What it registers is recorded and not yet live; what it emits is held.
 * 4. **Checked.** Its router is mounted and answers a warm-up; its part of the OpenAPI document is built.
 * 5. **Committed.** In one tick the old generation falls silent and the new one goes live.
 * 6. **Drained.** What was under way on the old generation finishes there.
 * 7. **Closed.** `onUnload(ctx)`, then everything that it registered, last in first out; then its modules are disposed of.
 * 8. **Judged.** What had to be ended by force is named as a leak.
 *
 * Whatever fails before step 5 leaves the old generation serving, with the reason on record.
 */
export interface PluginDefinition<
  Emits extends EventSchemas = EventSchemas,
  Requires extends string = string,
  Schema extends DbSchema = DbSchema,
  Config extends StandardSchemaV1 = StandardSchemaV1,
> {
  /** For people. May come from the plugin's `package.json` instead. */
  readonly version?: string
  readonly name?: string
  readonly description?: string

  /**
   * Registers what the plugin does, and returns its router or nothing. Must settle within `loadTimeout`; what talks to
   * the outside for long belongs in `ctx.task()`. A throw refuses this version and keeps the old one serving.
   */
  onLoad(
    ctx: PluginContext<Emits, Requires, Schema, OutputOf<Config>>,
  ): PluginRouter | void | Promise<PluginRouter | void>

  /** Farewell, after the drain and before what the plugin registered is undone. Has 5 s. */
  onUnload?(ctx: PluginContext<Emits, Requires, Schema, OutputOf<Config>>): void | Promise<void>

  /**
   * Gives the next version something to begin with. Synchronous; asked of the version that serves, just before the next
   * one's `onLoad`. What it gives is copied as by `structuredClone`, and stands there as `ctx.handover`. It is a snapshot:
   * what must not be lost belongs on the disk. A throw refuses the next version.
   */
  handover?(ctx: PluginContext<Emits, Requires, Schema, OutputOf<Config>>): unknown

  /**
   * Two versions of it must never be alive at once: it holds a serial port, a lock. In a swap the old version is drained,
   * closed and disposed of before the new one is imported, and loaded again if that one fails. Meanwhile requests, events
   * and calls wait.
   */
  readonly exclusive?: boolean

  /**
   * What the owner can set, as an object schema of zod, valibot or another library that gives JSON Schema. Titles,
   * descriptions and defaults in it are what a form shows; `writeOnly: true` in its metadata makes a secret of a value, at
   * any depth: encrypted on the disk, masked in the log, given to this plugin only. A value that the schema needs and
   * nobody gave: the plugin waits for it.
   */
  readonly config?: Config

  /**
   * Takes another config while the plugin serves; without it, the plugin is loaded again with the new one. A throw refuses
   * the change: nothing is written, and what was in force stays so. Has 10 s; `ctx.config` is the new one when it returns.
   */
  onConfigChange?(
    next: OutputOf<Config>,
    previous: OutputOf<Config>,
    ctx: PluginContext<Emits, Requires, Schema, OutputOf<Config>>,
  ): void | Promise<void>

  /** What the plugin emits. Data is checked at `emit`; what does not fit is dropped and charged to the plugin. */
  readonly events?: Emits

  /** Names of the services that it cannot do without: dot-separated words of `[a-z0-9_-]`. */
  readonly requires?: readonly Requires[]

  /** Names of the services that its `onLoad` provides; a version that leaves one out is refused. */
  readonly provides?: readonly string[]

  /** Ids of plugins that must be up before this one is loaded. */
  readonly dependsOn?: readonly string[]

  /**
   * Tables of its own, and where their migrations are: `./drizzle` unless named. Pending ones are applied before `onLoad`;
   * what a version that is refused did to the tables is undone. `durability`: `full` (the default) has each commit on the
   * disk before it returns; `normal` may lose the last ones in a power cut and is ten times faster: for measurements.
   */
  readonly db?: {
    readonly schema: Schema
    readonly migrations?: string
    readonly durability?: 'full' | 'normal'
  }

  /** Titles of the scopes that its routes ask for: `{ 'weather.read': 'Read the weather' }`. */
  readonly scopes?: Readonly<Record<string, string>>

  /** Where its work can run; the owner chooses among them, and the first is what it gets until then. */
  readonly modes?: readonly Mode[]

  /** Name of the external service that it stands for, under `external/`: that makes it an adapter. */
  readonly external?: string

  /** How long `onLoad` may take, in ms. 10,000 unless said otherwise, 240,000 at most; the import has 10,000 always. */
  readonly loadTimeout?: number
}

/** Of a plugin that has nothing to set. */
export type NoConfig = StandardSchemaV1<unknown, Readonly<Record<string, never>>>

/** Gives a plugin's definition its types. A plain object or a class instance with these members is as good. */
export function definePlugin<
  const Emits extends EventSchemas = {},
  const Requires extends string = never,
  Schema extends DbSchema = {},
  Config extends StandardSchemaV1 = NoConfig,
>(
  definition: PluginDefinition<Emits, Requires, Schema, Config>,
): PluginDefinition<Emits, Requires, Schema, Config> {
  return definition
}

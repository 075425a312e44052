// The events that the Core itself emits, as the document of events tells of them.

import { type EventSchemas, type Events, z } from '@home-console/sdk'
import { EXTERNAL_STATES, MODES, Reload } from './schemas.ts'

const OfPlugin = z
  .object({ plugin: z.string(), generation: z.number().int(), reload: Reload })
  .openapi('PluginEvent')

export const CORE_EVENTS = {
  'core.started': z.object({ version: z.string() }),
  'core.stopping': z.object({ reason: z.string() }),
  'core.blocked': z.object({
    plugin: z.string().nullable(),
    kind: z.string().nullable(),
    label: z.string().nullable(),
    sure: z.enum(['running', 'loading', 'last']).nullable(),
    ms: z.number(),
  }),
  'core.external': z.object({
    name: z.string(),
    adapter: z.string().nullable(),
    mode: z.enum(MODES),
    state: z.enum(EXTERNAL_STATES),
    before: z.enum(EXTERNAL_STATES),
    error: z.string().nullable(),
  }),
  'plugin.loaded': OfPlugin,
  'plugin.reloaded': OfPlugin,
  'plugin.kept_old': OfPlugin,
  'plugin.failed': OfPlugin,
  'plugin.unloaded': OfPlugin,
  'plugin.leaked': OfPlugin,
} satisfies EventSchemas & Record<Extract<keyof Events, `core.${string}` | `plugin.${string}`>, unknown>

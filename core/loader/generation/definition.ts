// What a plugin's module must export: checked member by member before anything of it is called.

import type { PluginDefinition } from '@home-console/sdk'
import * as v from 'valibot'
import { isEventType, isReserved } from '../../bus/pattern.ts'
import { EXTERNAL_NAME } from '../../external/manifest.ts'
import { mistakesIn } from '../../mistakes.ts'
import { SERVICE_NAME } from '../../services/service-name.ts'
import { PluginError, positionOfText } from '../fault.ts'
import { isPluginId } from '../files/discovery.ts'

const callable = v.custom<Function>((value) => typeof value === 'function', 'must be a function')
const schema = v.custom<object>(
  (value) =>
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as Record<string, any>)['~standard']?.validate === 'function',
  'must be a Standard Schema, such as one of valibot or zod',
)
const eventType = v.pipe(
  v.string(),
  v.check((type) => isEventType(type), 'must be dot-separated words of [a-z0-9_-]'),
  v.check((type) => !isReserved(type), "is the Core's own to say"),
)
const tables = v.strictObject({
  schema: v.record(v.string(), v.unknown()),
  migrations: v.optional(v.pipe(v.string(), v.nonEmpty('must name a folder'))),
  durability: v.optional(v.picklist(['full', 'normal'])),
})
const services = v.pipe(
  v.array(v.pipe(v.string(), v.regex(SERVICE_NAME, 'must be dot-separated words of [a-z0-9_-]'))),
  v.check((names) => new Set(names).size === names.length, 'must not name a service twice'),
)

const modes = v.pipe(
  v.array(v.picklist(['in_process', 'embedded', 'microservice'])),
  v.nonEmpty('must name a mode'),
  v.check((names) => new Set(names).size === names.length, 'must not name a mode twice'),
)

/** Whoever asks for a reload waits for its decision, and no request may take much longer than this. */
const LONGEST_LOAD_MS = 240_000

const Definition = v.pipe(
  v.object({
    onLoad: callable,
    onUnload: v.optional(callable),
    handover: v.optional(callable),
    exclusive: v.optional(v.boolean()),
    version: v.optional(v.string()),
    name: v.optional(v.string()),
    description: v.optional(v.string()),
    config: v.optional(schema),
    onConfigChange: v.optional(callable),
    events: v.optional(v.record(eventType, schema)),
    requires: v.optional(services),
    provides: v.optional(services),
    scopes: v.optional(v.record(v.string(), v.string())),
    db: v.optional(tables),
    dependsOn: v.optional(v.array(v.pipe(v.string(), v.check(isPluginId, 'must be the id of a plugin')))),
    modes: v.optional(modes),
    external: v.optional(
      v.pipe(v.string(), v.regex(EXTERNAL_NAME, 'must be the name of a folder with a service.json')),
    ),
    loadTimeout: v.optional(v.pipe(v.number(), v.finite(), v.minValue(1), v.maxValue(LONGEST_LOAD_MS))),
  }),
  v.forward(
    v.check(
      ({ modes = [], external }) => external !== undefined || modes.every((mode) => mode === 'in_process'),
      'embedded and microservice need an external service: name it in "external"',
    ),
    ['modes'],
  ),
)

/**
 * @param warn told of what is passed over
 * @throws PluginError `no_default_export` or `invalid_definition`
 */
export function definitionOf(
  module: unknown,
  entry: string,
  warn: (message: string) => void,
): PluginDefinition {
  const exported =
    typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined
  if (exported === undefined) {
    throw new PluginError(
      'no_default_export',
      'The module has no default export. Write: export default definePlugin({ onLoad(ctx) { … } })',
      { file: entry, line: 1 },
    )
  }
  if (typeof exported !== 'object' || exported === null) {
    throw new PluginError(
      'invalid_definition',
      `The default export is a ${exported === null ? 'null' : typeof exported}, and no plugin definition.`,
      positionOfText(entry, 'export default'),
    )
  }
  const { success, issues } = v.safeParse(Definition, exported)
  if (!success) {
    throw new PluginError(
      'invalid_definition',
      `The default export is no plugin definition: ${mistakesIn(issues).join('; ')}.`,
      positionOfText(entry, 'export default'),
    )
  }
  for (const name of strangersIn(exported))
    warn(`${entry}: a plugin has no member "${name}"; it is passed over. Is it misspelt?`)
  return copyOf(exported as PluginDefinition)
}

/** What an instance of a class has besides is its own affair. */
function strangersIn(definition: object): string[] {
  if (Object.getPrototypeOf(definition) !== Object.prototype) return []
  return Object.keys(definition).filter((name) => !Object.hasOwn(Definition.entries, name))
}

/** Read once: a member that changes, or throws when it is read again, is no trouble for whoever shows it later. */
function copyOf(definition: PluginDefinition): PluginDefinition {
  const {
    version,
    name,
    description,
    config,
    events,
    requires,
    provides,
    dependsOn,
    scopes,
    db,
    modes,
    external,
    loadTimeout,
  } = definition
  return {
    onLoad: (ctx) => definition.onLoad(ctx),
    ...('onUnload' in definition && { onUnload: (ctx) => definition.onUnload?.(ctx) }),
    ...('handover' in definition && { handover: (ctx) => definition.handover?.(ctx) }),
    ...(definition.exclusive === true && { exclusive: true }),
    ...(config !== undefined && { config }),
    ...(typeof definition.onConfigChange === 'function' && {
      onConfigChange: (next, previous, ctx) => definition.onConfigChange?.(next, previous, ctx),
    }),
    ...(version !== undefined && { version }),
    ...(name !== undefined && { name }),
    ...(description !== undefined && { description }),
    ...(events !== undefined && { events: { ...events } }),
    ...(requires !== undefined && { requires: [...requires] }),
    ...(provides !== undefined && { provides: [...provides] }),
    ...(dependsOn !== undefined && { dependsOn: [...dependsOn] }),
    ...(scopes !== undefined && { scopes: { ...scopes } }),
    ...(db !== undefined && { db: { ...db } }),
    ...(modes !== undefined && { modes: [...modes] }),
    ...(external !== undefined && { external }),
    ...(loadTimeout !== undefined && { loadTimeout }),
  }
}

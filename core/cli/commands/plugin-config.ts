// hc plugin config: what a plugin is set to, and setting it.

import { defineCommand } from 'citty'
import { ask } from '../client.ts'
import { BadUsage } from '../failure.ts'
import { answer, bold, dim, harmless, oneLine, table, yellow } from '../output.ts'
import type { PluginConfig, Schema } from '../shapes.ts'
import { json, strict } from '../strict.ts'

export const config = defineCommand({
  meta: {
    name: 'hc plugin config',
    description: 'What a plugin is set to; hc plugin config lamp poll=5 broker.host=pi sets it',
  },
  args: {
    id: { type: 'positional', required: true, description: 'The plugin' },
    values: { type: 'positional', required: false, description: 'key=value, as many as you like' },
    unset: { type: 'string', description: 'Keys, separated by commas, that get their default again' },
    json,
  },
  setup: strict({ rest: true }),
  async run({ args }) {
    const path = `/api/core/plugins/${encodeURIComponent(args.id)}/config`
    const [, ...pairs] = args._
    const unset = args.unset?.split(',') ?? []
    let { text, body } = await ask<PluginConfig>(path)
    if (pairs.length > 0 || unset.length > 0) {
      const patch = patchOf(pairs, unset, body.schema)
      ;({ text, body } = await ask<PluginConfig>(path, {
        method: 'PATCH',
        headers: { 'content-type': 'application/merge-patch+json' },
        body: JSON.stringify(patch),
        timeout: 0,
      }))
    }
    answer(args.json, text, () => inWords(body))
  },
})

type Patch = { [key: string]: unknown }

function patchOf(pairs: readonly string[], unset: readonly string[], schema: Schema): Patch {
  const patch: Patch = {}
  for (const pair of pairs) {
    const [, key, value = ''] = /^([^=]+)=(.*)$/s.exec(pair) ?? []
    if (key === undefined) throw new BadUsage(`"${pair}" is not key=value.`)
    put(patch, key, valueFor(schemaAt(schema, key.split('.')), value))
  }
  for (const key of unset) {
    if (key === '') throw new BadUsage('--unset needs the names of keys, separated by commas.')
    put(patch, key, null)
  }
  return patch
}

/** A dot leads a level down. */
function put(patch: Patch, key: string, value: unknown): void {
  const path = key.split('.')
  const last = path.pop()!
  let at = patch
  for (const step of path) {
    if (!Object.hasOwn(at, step)) define(at, step, {})
    if (typeof at[step] !== 'object' || at[step] === null) throw new BadUsage(`"${key}" is set twice.`)
    at = at[step] as Patch
  }
  if (Object.hasOwn(at, last)) throw new BadUsage(`"${key}" is set twice.`)
  define(at, last, value)
}

/** As a plain member, whatever it is called: whether it may be is the Core's to say. */
function define(object: Patch, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true })
}

/** Text stays text where the schema wants nothing else; everything else is JSON, if it can be read as such. */
function valueFor(schema: Schema | undefined, text: string): unknown {
  if (schema?.type === 'string') return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function schemaAt(schema: Schema, path: readonly string[]): Schema | undefined {
  return path.reduce<Schema | undefined>((at, key) => {
    const { properties = {}, additionalProperties } = at ?? {}
    if (Object.hasOwn(properties, key)) return properties[key]
    return typeof additionalProperties === 'object' ? additionalProperties : undefined
  }, schema)
}

function inWords({ values, secrets, sources, schema }: PluginConfig): string {
  const unset = new Map(unsetIn(schema, values))
  const pointers = new Set([...Object.keys(sources), ...Object.keys(secrets), ...unset.keys()])
  const rows = [...pointers].map((pointer) => {
    const path = pointer.split('/').slice(1).map(unescaped)
    const shown = secrets[pointer]
      ? yellow('secret')
      : unset.get(pointer)
        ? yellow('needed')
        : Object.hasOwn(secrets, pointer)
          ? dim('no secret')
          : unset.has(pointer)
            ? dim('not set')
            : oneLine(JSON.stringify(path.reduce<any>((at, key) => at?.[key], values)) ?? '')
    const told = schemaAt(schema, path)
    return [
      bold(oneLine(path.join('.'))),
      shown,
      dim(oneLine(sources[pointer] ?? '')),
      oneLine(told?.title ?? told?.description ?? ''),
    ]
  })
  return rows.length === 0 ? harmless('nothing to set') : table(['key', 'value', 'from', ''], rows)
}

/** What no value is shown for, by JSON pointer, and whether the plugin cannot do without it. */
function unsetIn(schema: Schema, values: any, isNeeded = true, above = ''): [string, boolean][] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => {
    const value = Object.hasOwn(values ?? {}, key) ? values[key] : undefined
    const needed = isNeeded && (schema.required ?? []).includes(key)
    const pointer = `${above}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (inner.properties) return unsetIn(inner, value, needed || value !== undefined, pointer)
    return value === undefined ? [[pointer, needed]] : []
  })
}

function unescaped(key: string): string {
  return key.replaceAll('~1', '/').replaceAll('~0', '~')
}

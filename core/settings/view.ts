// What the owner sees of a plugin's settings: values, where each comes from, and of a secret only that there is one.

import { isObject, pointerOf, type Json, type JsonObject, type Path } from './json.ts'
import { withoutSecrets } from './secrets.ts'
import type { Shape } from './shape.ts'

export type Source = 'default' | 'file' | 'env'

export interface SettingsView {
  values: Record<string, unknown>
  /** By JSON pointer: whether it is set. */
  secrets: Record<string, boolean>
  /** By JSON pointer, of each value that is no object. */
  sources: Record<string, Source>
}

/** Each says undefined where it says nothing. */
interface Layers {
  readonly file: Json | undefined
  readonly env: Json | undefined
  readonly fallback: Json | undefined
}

export function viewOf(shape: Shape, file: JsonObject, env: JsonObject): SettingsView {
  const secrets: SettingsView['secrets'] = {}
  const sources: SettingsView['sources'] = {}
  const look = (at: Shape, path: Path, { file, env, fallback }: Layers): Json | undefined => {
    const pointer = pointerOf(path)
    const [source, value]: [Source, Json | undefined] =
      env !== undefined ? ['env', env] : file !== undefined ? ['file', file] : ['default', fallback]
    if (at.isSecret) {
      secrets[pointer] = value !== undefined && value !== null
      if (value !== undefined && source !== 'default') sources[pointer] = source
      return undefined
    }
    const keys = keysOf(at, [file, env, fallback])
    if (keys !== null) {
      const isGiven = file !== undefined || env !== undefined
      const members = keys.flatMap((key) => {
        const child = at.child(key)
        if (child === null) return []
        const member = look(child, [...path, key], {
          file: memberOf(file, key),
          env: memberOf(env, key),
          fallback: (isGiven ? undefined : memberOf(fallback, key)) ?? child.fallback,
        })
        return member === undefined ? [] : [[key, member] as const]
      })
      return members.length > 0 || value !== undefined ? Object.fromEntries(members) : undefined
    }
    if (value === undefined) return undefined
    sources[pointer] = source
    for (const secret of at.secretsIn(value, path)) secrets[pointerOf(secret)] = true
    return withoutSecrets(value, at)
  }
  const values = look(shape, [], { file, env, fallback: shape.fallback }) ?? {}
  return { values: values as Record<string, unknown>, secrets, sources }
}

/** Of an object, or of what would be one; null for everything else. */
function keysOf(shape: Shape, layers: readonly (Json | undefined)[]): string[] | null {
  const given = layers.filter((layer) => layer !== undefined)
  if (!given.every(isObject)) return null
  const keys = [...new Set([...shape.keys, ...given.flatMap(Object.keys)])]
  return keys.length > 0 || given.length > 0 ? keys : null
}

function memberOf(value: Json | undefined, key: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

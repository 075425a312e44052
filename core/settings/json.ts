// Plain JSON: what settings are made of, and where something stands in it.

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

export type Path = readonly string[]

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** https://www.rfc-editor.org/rfc/rfc6901 */
export function pointerOf(path: Path): string {
  return path.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** What stands at a path; undefined where there is nothing. */
export function valueAt(value: unknown, path: Path): unknown {
  let at = value
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined
    at = (at as Record<string, unknown>)[key]
  }
  return at
}

/** The same with another value at a path; undefined takes away what stands there. */
export function withValueAt(value: Json, path: Path, next: Json | undefined): Json {
  const [key, ...rest] = path
  if (key === undefined) return next ?? {}
  if (Array.isArray(value)) {
    if (rest.length === 0 && next === undefined) return value.filter((_item, at) => String(at) !== key)
    return value.map((item: Json, at) => (String(at) === key ? withValueAt(item, rest, next) : item))
  }
  const object = isObject(value) ? value : {}
  if (rest.length === 0 && next === undefined) return without(object, key)
  const under = withValueAt(Object.hasOwn(object, key) ? object[key]! : {}, rest, next)
  // Not by assignment: the key may be any word.
  return Object.fromEntries([...Object.entries(without(object, key)), [key, under]])
}

function without(object: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([other]) => other !== key))
}

/** Names that a plain assignment would not take for a name. */
const FORBIDDEN = '__proto__'
/** Deeper than any settings, and far from what ends a recursion. */
export const MAX_DEPTH = 32

/** Where a value has a forbidden name or goes too deep, and why; null where it is harmless. */
export function harmIn(value: unknown, path: Path = []): { path: Path; message: string } | null {
  if (path.length > MAX_DEPTH) return { path, message: `It is nested deeper than ${MAX_DEPTH} levels.` }
  if (typeof value !== 'object' || value === null) return null
  for (const key of Object.keys(value)) {
    const under = [...path, key]
    if (key === FORBIDDEN) return { path: under, message: `"${FORBIDDEN}" is no name for a setting.` }
    const harm = harmIn((value as Record<string, unknown>)[key], under)
    if (harm !== null) return harm
  }
  return null
}

export function isSame(one: unknown, other: unknown): boolean {
  return Bun.deepEquals(one, other, true)
}

/** Whether there is nothing to a value but what JSON says of it. */
export function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null)
    return typeof value !== 'function' && typeof value !== 'symbol'
  const prototype: unknown = Object.getPrototypeOf(value)
  return (
    (prototype === Object.prototype || prototype === Array.prototype || prototype === null) &&
    Object.values(value).every(isPlain)
  )
}

/** Freezes plain objects and arrays, all the way down. What a schema made otherwise stays as it is. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return value
  Object.freeze(value)
  for (const under of Object.values(value)) frozen(under)
  return value
}

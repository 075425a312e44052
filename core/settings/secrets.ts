// Secrets within settings: sealed in the file, open for their plugin, left out for everybody else.

import {
  isObject,
  isSame,
  pointerOf,
  valueAt,
  withValueAt,
  type Json,
  type JsonObject,
  type Path,
} from './json.ts'
import type { Shape } from './shape.ts'

/** Encrypts for one place, and opens again what was encrypted for it. */
export interface Sealer {
  seal(text: string, context: string): string
  /** @throws Error saying why it cannot be opened, and what to do */
  unseal(sealed: string, context: string): string
}

/** How a sealed value stands in the file: `{ "$secret": "v1.…" }`. */
export const SEALED = '$secret'

export interface Opened {
  readonly values: JsonObject
  /** Those that cannot be opened. They stand in the values as they stand in the file. */
  readonly unreadable: readonly { readonly path: Path; readonly message: string }[]
}

function isSealed(value: unknown): value is { readonly [SEALED]: string } {
  return isObject(value) && typeof value[SEALED] === 'string' && Object.keys(value).length === 1
}

function contextOf(id: string, path: Path): string {
  return `config ${id} ${pointerOf(path)}`
}

export function opened(values: JsonObject, id: string, sealer: Sealer): Opened {
  let open: Json = values
  const unreadable: { path: Path; message: string }[] = []
  for (const path of sealedIn(values)) {
    const { [SEALED]: sealed } = valueAt(values, path) as { [SEALED]: string }
    try {
      open = withValueAt(open, path, JSON.parse(sealer.unseal(sealed, contextOf(id, path))) as Json)
    } catch (error) {
      unreadable.push({ path, message: (error as Error).message })
    }
  }
  return { values: open as JsonObject, unreadable }
}

/**
 * The values with their secrets sealed.
 *
 * @param before as they stand in the file: what is the same there keeps its form
 */
export function sealed(
  values: JsonObject,
  before: JsonObject,
  { id, sealer, shape }: { id: string; sealer: Sealer; shape: Shape },
): JsonObject {
  const { values: plain } = opened(before, id, sealer)
  let closed: Json = values
  for (const path of shape.secretsIn(values)) {
    const value = valueAt(values, path) as Json
    if (value === null || isSealed(value)) continue
    const asItStood = valueAt(before, path) as Json | undefined
    const isKept = isSealed(asItStood) && isSame(valueAt(plain, path), value)
    const next = isKept ? asItStood : { [SEALED]: sealer.seal(JSON.stringify(value), contextOf(id, path)) }
    closed = withValueAt(closed, path, next)
  }
  return closed as JsonObject
}

function* sealedIn(value: unknown, path: Path = []): Generator<Path> {
  if (isSealed(value)) yield path
  else if (typeof value === 'object' && value !== null)
    for (const [key, under] of Object.entries(value)) yield* sealedIn(under, [...path, key])
}

/** Whether a value says that it is sealed: only the Core may. */
export function saysSealed(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    (Object.hasOwn(value, SEALED) || Object.values(value).some(saysSealed))
  )
}

/** The value without what stands at these places. */
export function withoutPaths(value: Json, paths: readonly Path[]): Json {
  // From the end on: in a list, what comes after moves up.
  return paths.toReversed().reduce((rest, path) => withValueAt(rest, path, undefined), value)
}

export function withoutSecrets(value: Json, shape: Shape): Json {
  return withoutPaths(value, [...shape.secretsIn(value)])
}

/**
 * The next values with the secrets that they leave out as they were. An item of a list gets its own back only where all
 * else in it is the same: a password must not go to whoever took its owner's place.
 */
export function keepingSecrets(
  next: Json | undefined,
  before: Json | undefined,
  shape: Shape,
): Json | undefined {
  if (shape.isSecret) return next === undefined ? before : next
  if (Array.isArray(next)) {
    const items: readonly Json[] = Array.isArray(before) ? before : []
    const left = new Set(items)
    return next.map((item: Json, at) => {
      const itemShape = shape.child(String(at))
      if (itemShape === null) return item
      const open = withoutSecrets(item, itemShape)
      const isTwin = (other: Json) => left.has(other) && isSame(withoutSecrets(other, itemShape), open)
      const twin = [...items.slice(at, at + 1), ...items].find(isTwin)
      if (twin === undefined) return item
      left.delete(twin)
      return keepingSecrets(item, twin, itemShape)!
    })
  }
  if (!isObject(next)) return next
  const old = isObject(before) ? before : {}
  const keys = new Set([...Object.keys(next), ...Object.keys(old)])
  return Object.fromEntries(
    [...keys].flatMap((key) => {
      const child = shape.child(key)
      const was = Object.hasOwn(old, key) ? old[key] : undefined
      const wanted = Object.hasOwn(next, key) ? next[key] : undefined
      const kept = child === null ? wanted : keepingSecrets(wanted, was, child)
      return kept === undefined ? [] : [[key, kept]]
    }),
  )
}

// What a PATCH and a PUT make of the values that stand in a file.

import type { Fixed } from './environment.ts'
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
import { mergePatch } from './merge-patch.ts'
import { keepingSecrets } from './secrets.ts'
import type { Shape } from './shape.ts'

/** An edit would set what the environment sets. */
export class FixedByEnvironment extends Error {
  override readonly name = 'FixedByEnvironment'
  readonly fixed: readonly Fixed[]

  constructor(fixed: readonly Fixed[]) {
    super(
      `The environment says it: ${fixed.map(({ variable, path }) => `${pointerOf(path)} is ${variable}`).join(', ')}.`,
    )
    this.fixed = fixed
  }
}

/** An edit names what is no setting. */
export class NoSuchSetting extends Error {
  override readonly name = 'NoSuchSetting'
  readonly paths: readonly Path[]

  constructor(paths: readonly Path[]) {
    super('There is no such setting.')
    this.paths = paths
  }
}

/**
 * A merge patch: null takes a value away, and with it what stands in the file.
 *
 * @throws FixedByEnvironment, NoSuchSetting
 */
export function patched(
  now: JsonObject,
  patch: JsonObject,
  shape: Shape,
  fixed: readonly Fixed[],
): JsonObject {
  assertKnown(mergePatch({}, patch), shape)
  const touched = fixed.filter(({ path }) => touches(patch, path))
  if (touched.length > 0) throw new FixedByEnvironment(touched)
  let next = mergePatch(now, patch)
  // A list is replaced whole; what its items leave out is a secret that nobody could have said again.
  for (const path of listsIn(patch)) {
    const kept = keepingSecrets(
      valueAt(next, path) as Json,
      valueAt(now, path) as Json | undefined,
      shape.at(path)!,
    )
    next = withValueAt(next, path, kept)
  }
  return next as JsonObject
}

/**
 * Everything anew, but for secrets that are left out, and for what the environment says in the same words.
 *
 * @throws FixedByEnvironment, NoSuchSetting
 */
export function replaced(
  now: JsonObject,
  body: JsonObject,
  shape: Shape,
  fixed: readonly Fixed[],
): JsonObject {
  assertKnown(body, shape)
  const said = fixed.filter(({ path }) => valueAt(body, path) !== undefined)
  const contradicted = said.filter(
    ({ path, value }) => shape.at(path)?.isSecret || !isSame(valueAt(body, path), value),
  )
  if (contradicted.length > 0) throw new FixedByEnvironment(contradicted)
  const rest = said.reduce<Json>((values, { path }) => withValueAt(values, path, undefined), body)
  return keepingSecrets(rest, now, shape) as JsonObject
}

function assertKnown(values: Json, shape: Shape): void {
  const strangers = [...shape.unknownIn(values)]
  if (strangers.length > 0) throw new NoSuchSetting(strangers)
}

/** Whether a patch says something of a place, or of all that is around it. */
function touches(patch: Json, path: Path): boolean {
  const [key, ...rest] = path
  if (key === undefined || !isObject(patch)) return true
  return Object.hasOwn(patch, key) && touches(patch[key]!, rest)
}

function* listsIn(patch: Json, path: Path = []): Generator<Path> {
  if (Array.isArray(patch)) yield path
  else if (isObject(patch))
    for (const [key, value] of Object.entries(patch)) yield* listsIn(value, [...path, key])
}

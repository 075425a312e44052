// Checks what a plugin was given by its own schema: what it makes of it, what does not fit, and what is lacking.

import type { StandardIssue, StandardSchemaV1 } from '@home-console/sdk'
import { variableOf } from './environment.ts'
import { frozen, pointerOf, valueAt, type Path } from './json.ts'
import type { Given, PluginSettings } from './plugin-settings.ts'
import { expected, type Shape } from './shape.ts'

export interface Fault {
  /** A JSON pointer. */
  readonly pointer: string
  readonly detail: string
}

/** Something that was given does not fit. */
export class SettingsInvalid extends Error {
  override readonly name = 'SettingsInvalid'
  readonly faults: readonly Fault[]
  readonly file: string
  /** Of the first that stands in the file, 1-based. */
  readonly line: number | undefined

  constructor(faults: readonly Fault[], { file, line }: { file: string; line?: number | undefined }) {
    super(
      `Its config does not fit: ${faults.map(({ pointer, detail }) => `${pointer || '/'}: ${detail}`).join('; ')}`,
    )
    this.faults = faults
    this.file = file
    this.line = line
  }
}

export interface Lack {
  /** A JSON pointer. */
  readonly name: string
  readonly message: string
}

/** Something that it needs was not given, or cannot be read. */
export class SettingsMissing extends Error {
  override readonly name = 'SettingsMissing'
  readonly lacks: readonly Lack[]

  constructor(lacks: readonly Lack[]) {
    super(`It waits for its config. ${lacks.map(({ message }) => message).join(' ')}`)
    this.lacks = lacks
  }
}

export interface CheckOptions {
  readonly schema: StandardSchemaV1
  readonly shape: Shape
  readonly settings: PluginSettings
  /** Calls into the plugin: a schema is its code. */
  readonly enter: <T>(run: () => T) => T
}

/**
 * @returns what the schema makes of it, frozen
 * @throws SettingsInvalid, SettingsMissing; what the schema throws
 */
export async function check(
  given: Given,
  { schema, shape, settings, enter }: CheckOptions,
): Promise<unknown> {
  const { stored, fixed, faults, unreadable } = given
  const { id, file } = settings
  if (faults.length > 0) {
    throw new SettingsInvalid(
      faults.map(({ variable, message }) => ({ pointer: '', detail: `${variable}: ${message}` })),
      { file },
    )
  }
  // A copy: the plugin may keep what it gets, and change it.
  const result = await enter(() => schema['~standard'].validate(structuredClone(given.values)))
  const issues = (result.issues ?? []).filter(({ path }) => !isUnder(unreadable, keysOf(path)))
  const lacking = issues.filter((issue) => isMissing(issue, given))
  if (issues.length > lacking.length) {
    const told = issues.map(({ path, message }) => {
      const keys = keysOf(path)
      const by = fixed.find((other) => pointerOf(keys).startsWith(pointerOf(other.path)))
      const detail = isMissing({ path, message }, given)
        ? `It is missing: ${expected(shape.at(keys) ?? shape)}.`
        : isInSecret(shape, keys)
          ? `It does not fit: ${expected(shape.at(keys) ?? shape)}, and as the schema has it.`
          : message
      return {
        path: keys,
        by,
        fault: { pointer: pointerOf(keys), detail: by === undefined ? detail : `${by.variable}: ${detail}` },
      }
    })
    const first = told.find(({ by }) => by === undefined)
    throw new SettingsInvalid(
      told.map(({ fault }) => fault),
      { file, line: first === undefined || stored.text === null ? undefined : stored.lineOf(first.path) },
    )
  }
  const lacks = [
    ...unreadable.map(({ path, message }) => ({
      name: pointerOf(path),
      message: `${pointerOf(path)}: ${message}`,
    })),
    ...lacking.map(({ path }) => lackAt(keysOf(path), shape, id, file)),
  ]
  if (lacks.length > 0) throw new SettingsMissing(lacks)
  return frozen((result as { value: unknown }).value)
}

function keysOf(path: StandardIssue['path']): string[] {
  return (path ?? []).map((key) => String(typeof key === 'object' ? key.key : key))
}

function isUnder(unreadable: Given['unreadable'], keys: Path): boolean {
  return unreadable.some(({ path }) => pointerOf(path) === pointerOf(keys))
}

function isMissing({ path }: StandardIssue, { values }: Given): boolean {
  const keys = keysOf(path)
  return keys.length > 0 && valueAt(values, keys) === undefined
}

/** What a schema says of a value may quote it. */
function isInSecret(shape: Shape, keys: Path): boolean {
  return keys.some((_key, at) => shape.at(keys.slice(0, at + 1))?.isSecret)
}

function lackAt(keys: Path, shape: Shape, id: string, file: string): Lack {
  const at = shape.at(keys)
  const title = at?.title === undefined ? '' : ` (${at.title})`
  const wanted = at === null ? 'a value' : expected(at)
  return {
    name: pointerOf(keys),
    message: `It waits for ${pointerOf(keys)}${title}, ${wanted}. Give it with: hc plugin config ${id} ${keys.join('.')}=…, in ${file}, or as ${variableOf(id, keys)}.`,
  }
}

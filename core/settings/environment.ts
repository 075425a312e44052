// One plugin's settings in the environment: which variables are its own, where each leads, and what it says.

import { readFileSync, statSync } from 'node:fs'
import { harmIn, pointerOf, type Json, type Path } from './json.ts'
import { typeOf, type Shape } from './shape.ts'

export interface Fixed {
  readonly variable: string
  readonly path: Path
  readonly value: Json
}

export interface VariableFault {
  readonly variable: string
  readonly message: string
}

export interface FromEnvironment {
  readonly fixed: readonly Fixed[]
  readonly faults: readonly VariableFault[]
  /** Variables that lead to no setting. */
  readonly unknown: readonly string[]
}

const MAX_FILE_BYTES = 64 * 1024

/** `PLUGIN_<ID>__` */
export function prefixOf(id: string): string {
  return `PLUGIN_${id.toUpperCase().replaceAll('-', '_')}__`
}

/** The variable that sets what stands at a path. */
export function variableOf(id: string, path: Path): string {
  return prefixOf(id) + path.map(wordOf).join('__')
}

/** `pollSeconds` is `POLL_SECONDS`. */
export function wordOf(key: string): string {
  return key
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toUpperCase()
}

/** `POLL_SECONDS` is `pollSeconds`. */
export function keyOf(word: string): string {
  return word.toLowerCase().replace(/_+([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase())
}

export function fromEnvironment(
  id: string,
  environment: Readonly<Record<string, string>>,
  shape: Shape,
): FromEnvironment {
  const prefix = prefixOf(id)
  const fixed: Fixed[] = []
  const faults: VariableFault[] = []
  const unknown: string[] = []
  for (const [variable, text] of Object.entries(environment)) {
    // `PLUGIN_A___B` is no variable of "a": it belongs to "a-".
    if (!variable.startsWith(prefix) || variable[prefix.length] === '_') continue
    const words = variable.slice(prefix.length).split('__')
    try {
      const target = targetOf(words, shape)
      if (target === null) {
        unknown.push(variable)
        continue
      }
      const { path, isFile } = target
      const twin = fixed.find((other) => isPrefix(other.path, path) || isPrefix(path, other.path))
      if (twin !== undefined) throw new Error(`${twin.variable} sets ${pointerOf(twin.path)} already.`)
      fixed.push({ variable, path, value: valueOf(isFile ? textOf(text) : text, shape.at(path)!) })
    } catch (error) {
      faults.push({ variable, message: (error as Error).message })
    }
  }
  return { fixed, faults, unknown }
}

export function isPrefix(path: Path, of: Path): boolean {
  return path.length <= of.length && path.every((key, at) => of[at] === key)
}

/** A setting may be called `tokenFile`; else `…_FILE` names the file that holds the value. */
function targetOf(words: readonly string[], shape: Shape): { path: Path; isFile: boolean } | null {
  const last = words.at(-1)!
  const beforeFile = last.endsWith('_FILE') ? [...words.slice(0, -1), last.slice(0, -'_FILE'.length)] : null
  const named = pathOf(words, shape, true)
  if (named !== null) return { path: named, isFile: false }
  const ofFile = beforeFile === null ? null : pathOf(beforeFile, shape, false)
  if (ofFile !== null) return { path: ofFile, isFile: true }
  const open = pathOf(words, shape, false)
  return open === null ? null : { path: open, isFile: false }
}

/** @param named whether only keys count that the schema names, and not those that it leaves open */
function pathOf(words: readonly string[], shape: Shape, named: boolean): Path | null {
  const path: string[] = []
  let at: Shape | null = shape
  for (const word of words) {
    if (!/^[A-Z0-9]([A-Z0-9_]*[A-Z0-9])?$/.test(word)) return null
    const key = namedKey(word, at.keys) ?? (named ? undefined : keyOf(word))
    if (key === undefined) return null
    at = at.child(key)
    if (at === null) return null
    path.push(key)
  }
  return path
}

/** The key that a word means: by the rule; else one that is spelt otherwise, such as `apiURL` or `poll_seconds`. */
function namedKey(word: string, keys: readonly string[]): string | undefined {
  const byRule = keyOf(word)
  return keys.includes(byRule) ? byRule : keys.find((key) => wordOf(key) === word)
}

/** Text where text is wanted; else JSON, as far as it fits. */
function valueOf(text: string, shape: Shape): Json {
  const { types } = shape
  if (types.size === 1 && types.has('string')) return text
  let parsed: Json
  try {
    parsed = JSON.parse(text) as Json
  } catch {
    if (types.size === 0 || types.has('string')) return text
    throw new Error(`It is no JSON, and the setting is no text. It takes ${[...types].join(' or ')}.`)
  }
  const harm = harmIn(parsed)
  if (harm !== null) throw new Error(harm.message)
  return types.has('string') && !types.has(typeOf(parsed)) ? text : parsed
}

function textOf(file: string): string {
  if (statSync(file).size > MAX_FILE_BYTES) throw new Error(`${file} is larger than ${MAX_FILE_BYTES} bytes.`)
  // Whoever wrote it ended the line.
  return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
}

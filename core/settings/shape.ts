// What a plugin's JSON Schema says of one place in its settings: what may stand there, and whether it is a secret.

import { isObject, type Json, type Path } from './json.ts'

export type Schema = Readonly<Record<string, unknown>>

export type JsonType = 'null' | 'boolean' | 'number' | 'string' | 'array' | 'object'

/** What a plugin without settings has. */
export const NO_SETTINGS: Schema = { type: 'object', properties: {}, additionalProperties: false }

export class Shape {
  readonly #root: Schema
  /** References followed; what `anyOf`, `oneOf` and `allOf` say laid side by side. */
  readonly #schemas: readonly Schema[]

  private constructor(root: Schema, schemas: readonly Schema[]) {
    this.#root = root
    this.#schemas = schemas
  }

  static of(root: Schema): Shape {
    return new Shape(root, [...flatten(root, root)])
  }

  /** `writeOnly`: it is handed to the plugin, and shown to nobody. */
  get isSecret(): boolean {
    return this.#schemas.some(({ writeOnly }) => writeOnly === true)
  }

  /** The properties that have a name. */
  get keys(): string[] {
    return [...new Set(this.#schemas.flatMap(({ properties }) => Object.keys(properties ?? {})))]
  }

  /** What stands here when nobody says anything. */
  get fallback(): Json | undefined {
    return this.#schemas.find((schema) => 'default' in schema)?.default as Json | undefined
  }

  /** What it is called, for people. */
  get title(): string | undefined {
    const told = this.#schemas.find(({ title, description }) => title ?? description)
    return (told?.title ?? told?.description) as string | undefined
  }

  /** The types that a value may have; empty where nothing is said of it. */
  get types(): ReadonlySet<JsonType> {
    return new Set(this.#schemas.flatMap(typesOf))
  }

  /** What may stand at a key or an index; null where nothing may. */
  child(key: string): Shape | null {
    const under = this.#schemas.flatMap((schema) => underKey(schema, key) ?? [])
    if (under.length === 0) return null
    return new Shape(this.#root, [...new Set(under.flatMap((schema) => [...flatten(schema, this.#root)]))])
  }

  /** What may stand at a path; null where nothing may. */
  at(path: Path): Shape | null {
    return path.reduce<Shape | null>((shape, key) => shape?.child(key) ?? null, this)
  }

  /** Where a value has keys that are none here. */
  *unknownIn(value: unknown, path: Path = []): Generator<Path> {
    if (typeof value !== 'object' || value === null) return
    for (const [key, under] of Object.entries(value)) {
      const child = this.child(key)
      if (child === null) yield [...path, key]
      else if (!child.isSecret) yield* child.unknownIn(under, [...path, key])
    }
  }

  /** Where a value has secrets. */
  *secretsIn(value: unknown, path: Path = []): Generator<Path> {
    if (value === undefined) return
    if (this.isSecret) yield path
    else if (typeof value === 'object' && value !== null)
      for (const [key, under] of Object.entries(value))
        yield* this.child(key)?.secretsIn(under, [...path, key]) ?? []
  }
}

/** The schema for people and forms: all of it, but for what it tells of a secret's value. */
export function shown(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(shown)
  if (!isObject(schema)) return schema
  const isSecret = schema.writeOnly === true
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => key !== '$schema' && !(isSecret && TELLING.has(key)))
      .map(([key, value]) => [key, shown(value)]),
  )
}

const TELLING: ReadonlySet<string> = new Set(['default', 'examples', 'example'])

function* flatten(schema: unknown, root: Schema, seen = new Set<unknown>()): Generator<Schema> {
  if (!isObject(schema) || seen.has(schema)) return
  seen.add(schema)
  yield schema
  const { $ref, anyOf = [], oneOf = [], allOf = [] } = schema as Record<string, any>
  if (typeof $ref === 'string') yield* flatten(resolve($ref, root), root, seen)
  for (const part of [...anyOf, ...oneOf, ...allOf]) yield* flatten(part, root, seen)
}

/** Within the schema itself: others are not fetched. */
function resolve(reference: string, root: Schema): unknown {
  const steps = reference.replace(/^#\/?/, '').split('/').filter(Boolean)
  return steps.reduce<any>(
    (at, step) => at?.[decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')],
    root,
  )
}

const ANYTHING: Schema = {}

function underKey(schema: Schema, key: string): Schema | undefined {
  const { properties, additionalProperties, patternProperties, items, prefixItems } = schema as Record<
    string,
    any
  >
  if (properties !== undefined && Object.hasOwn(properties, key)) return properties[key]
  if (/^\d+$/.test(key) && (items !== undefined || prefixItems !== undefined)) {
    const listed = prefixItems ?? (Array.isArray(items) ? items : [])
    return listed[key] ?? (Array.isArray(items) ? schema.additionalItems : items)
  }
  if (isObject(additionalProperties)) return additionalProperties
  if (additionalProperties === true || patternProperties !== undefined) return ANYTHING
  const saysNothing =
    properties === undefined && additionalProperties === undefined && !COMBINED.some((word) => word in schema)
  return saysNothing &&
    (schema.type === undefined || schema.type === 'object') &&
    !('enum' in schema) &&
    !('const' in schema)
    ? ANYTHING
    : undefined
}

const COMBINED = ['$ref', 'anyOf', 'oneOf', 'allOf'] as const

function typesOf(schema: Schema): JsonType[] {
  const {
    type,
    enum: values,
    const: only,
  } = schema as { type?: string | string[]; enum?: Json[]; const?: Json }
  if (type !== undefined)
    return [type].flat().map((name) => (name === 'integer' ? 'number' : name) as JsonType)
  if (values !== undefined) return values.map(typeOf)
  return 'const' in schema ? [typeOf(only!)] : []
}

export function typeOf(value: Json): JsonType {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : (typeof value as JsonType)
}

/** For people: what a place wants. */
export function expected(shape: Shape): string {
  const types = [...shape.types]
  return types.length === 0 ? 'a value' : `a value of type ${types.join(' or ')}`
}

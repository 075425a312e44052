// Walks a part of an OpenAPI document, and tells its words from names that an author gave and from data.

export type Json = Record<string, any>

/** Members whose keys are names: a property that is called `$ref` is no reference. */
const NAMED: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  'dependentSchemas',
  'definitions',
  '$defs',
  'responses',
  'headers',
  'content',
  'encoding',
  'callbacks',
  'links',
])

/** Members that hold data, in which `$ref` means nothing. `value` is that of an Example Object. */
const LITERAL: ReadonlySet<string> = new Set(['example', 'default', 'const', 'enum', 'value'])

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A copy in which each object whose keys are OpenAPI's words is what `edit` makes of it, before its members are copied. */
export function mapDocument(value: unknown, edit: (object: Json) => Json): any {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((member) => mapDocument(member, edit))
  const copy: Json = {}
  const edited = edit(value)
  for (const key of Object.keys(edited)) {
    const member: unknown = edited[key]
    // Most are texts: they are asked for nothing.
    if (typeof member !== 'object' || member === null || LITERAL.has(key)) copy[key] = member
    else if (key === 'examples') copy[key] = Array.isArray(member) ? member : mapNamed(member, edit)
    else if (NAMED.has(key) && !Array.isArray(member)) copy[key] = mapNamed(member, edit)
    else copy[key] = mapDocument(member, edit)
  }
  return copy
}

function mapNamed(members: Json, edit: (object: Json) => Json): Json {
  const copy: Json = {}
  for (const name of Object.keys(members)) copy[name] = mapDocument(members[name], edit)
  return copy
}

/** What an object refers to, and where a discriminator leads. */
export function referencesOf(object: Json): string[] {
  const own = ['$ref', '$dynamicRef'].flatMap((key) => (typeof object[key] === 'string' ? [object[key]] : []))
  return isDiscriminator(object) ? [...own, ...Object.values<string>(object['mapping'])] : own
}

/** The same object, with other references. */
export function withReferences(object: Json, rename: (reference: string) => string): Json {
  if (typeof object['$ref'] === 'string') return { ...object, $ref: rename(object['$ref']) }
  if (!isDiscriminator(object)) return object
  const mapping = Object.entries(object['mapping']).map(([value, to]) => [value, rename(String(to))])
  return { ...object, mapping: Object.fromEntries(mapping) }
}

function isDiscriminator(object: Json): boolean {
  return typeof object['propertyName'] === 'string' && isObject(object['mapping'])
}

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
  if (Array.isArray(value)) return value.map((member) => mapDocument(member, edit))
  if (!isObject(value)) return value
  const copy: Json = {}
  for (const [key, member] of Object.entries(edit(value))) {
    if (LITERAL.has(key)) copy[key] = member
    else if (key === 'examples') copy[key] = isObject(member) ? mapNamed(member, edit) : member
    else if (NAMED.has(key) && isObject(member)) copy[key] = mapNamed(member, edit)
    else copy[key] = mapDocument(member, edit)
  }
  return copy
}

function mapNamed(members: Json, edit: (object: Json) => Json): Json {
  const copy: Json = {}
  for (const [name, member] of Object.entries(members)) copy[name] = mapDocument(member, edit)
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

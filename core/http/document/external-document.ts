// Reads the OpenAPI document of an external service: checked before anything of it is shown, and put into words of 3.1.

import * as v from 'valibot'
import { operationKey } from '../routing/proxied.ts'
import { isObject, mapDocument, referencesOf, withReferences, type Json } from './document-tree.ts'

/** Why a document is not taken. */
export class DocumentRefused extends Error {
  override readonly name = 'DocumentRefused'
}

export interface ExternalOperation {
  readonly method: string
  /** `/api/clients/{id}` */
  readonly path: string
  /** As in the document, with the parameters of its path among its own. */
  readonly operation: Json
}

/** What a service says of itself, with nothing in it that leads out of it. */
export interface ExternalDocument {
  readonly version: string
  readonly operations: readonly ExternalOperation[]
  /** By section and name. */
  readonly components: Readonly<Record<string, Readonly<Record<string, Json>>>>
  /** The operations as `operationKey` writes them. */
  readonly keys: ReadonlySet<string>
}

/** No document of a service in a house is as deep, or as long. */
const MAX_DEPTH = 64
const MAX_VALUES = 200_000
/** Of path items that are referred to, each time anew: they are written out where they are used. In characters. */
const MAX_WRITTEN_OUT = 2 * 1024 * 1024

/** Trace is left out: nobody passes it on. */
const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch'] as const
const SECTIONS = ['schemas', 'responses', 'parameters', 'examples', 'requestBodies', 'headers', 'pathItems']

/** What is of no use here: it leads elsewhere, or is the service's own affair. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'callbacks',
  'links',
  'servers',
  'security',
  'externalDocs',
  '$id',
  '$schema',
])

const NAME = /^[\w.-]+$/
const text = v.string()
const object = v.custom<Json>(isObject, 'must be an object')
const Parameter = v.union(
  [
    v.looseObject({ $ref: text }),
    v.looseObject({ name: text, in: v.picklist(['path', 'query', 'header', 'cookie']) }),
  ],
  'must have a name and a place, or refer to one that has',
)
const Operation = v.looseObject({
  operationId: v.optional(text),
  summary: v.optional(text),
  description: v.optional(text),
  deprecated: v.optional(v.boolean()),
  parameters: v.optional(v.array(Parameter)),
  requestBody: v.optional(object),
  responses: v.optional(v.record(text, object)),
})
const PathItem = v.looseObject({
  $ref: v.optional(text),
  parameters: v.optional(v.array(Parameter)),
  ...Object.fromEntries(METHODS.map((method) => [method, v.optional(Operation)])),
})
const Path = v.pipe(
  text,
  v.regex(/^\/[^\s?#]{0,1000}$/, 'must be a path that begins with a slash'),
  v.check((path) => !/[{}]/.test(path.replaceAll(/\{[^{}/]+\}/g, '')), 'must have its braces in pairs'),
)
const Members = v.pipe(object, v.record(v.pipe(text, v.regex(NAME, `must match ${NAME.source}`)), object))
const Document = v.looseObject({
  openapi: v.pipe(text, v.regex(/^3\.[01]\.\d+$/, 'must be a version of OpenAPI 3.0 or 3.1')),
  info: v.looseObject({ title: text, version: text }),
  paths: v.optional(v.pipe(object, v.record(Path, PathItem)), {}),
  components: v.optional(
    v.looseObject(Object.fromEntries(SECTIONS.map((section) => [section, v.optional(Members)]))),
    {},
  ),
})

/** @throws DocumentRefused with what is wrong, and where */
export function readExternalDocument(text: string): ExternalDocument {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new DocumentRefused(`It is no JSON: ${(error as Error).message}`)
  }
  assertPlain(json)
  const { success, issues } = v.safeParse(Document, json)
  if (!success) {
    const found = issues.slice(0, 5).map((issue) => `${pathOf(issue)}: ${issue.message}`)
    throw new DocumentRefused(`It is no OpenAPI document: ${found.join('; ')}.`)
  }
  // The check gives back less than it was given: it knows no member called `constructor`.
  const { openapi, info, paths = {}, components = {} } = json as Json
  const schemas: Json = components['schemas'] ?? {}
  const kept = Object.fromEntries(SECTIONS.map((section) => [section, components[section] ?? {}]))
  const edit = (found: Json): Json => {
    const own = Object.entries(found).filter(([key]) => !LEFT_OUT.has(key) && !key.startsWith('x-'))
    const words = openapi.startsWith('3.0') ? upgraded(Object.fromEntries(own)) : Object.fromEntries(own)
    for (const reference of referencesOf(words)) assertInside(reference, kept)
    return withReferences(words, (reference) =>
      Object.hasOwn(schemas, reference) ? `#/components/schemas/${reference}` : reference,
    )
  }
  const read: Record<string, Record<string, Json>> = {}
  for (const [section, members] of Object.entries<Json>(kept)) {
    const entries = Object.entries(members).map(([name, member]) => [name, mapDocument(member, edit)])
    read[section] = Object.fromEntries(entries)
  }
  const operations: ExternalOperation[] = []
  let writtenOut = 0
  for (const [path, given] of Object.entries<Json>(paths)) {
    const own: Json = mapDocument(given, edit)
    const item = resolved(own, read)
    if (item !== own && (writtenOut += JSON.stringify(item).length) > MAX_WRITTEN_OUT)
      throw new DocumentRefused(
        `Its path items, written out where they are referred to, have more than ${MAX_WRITTEN_OUT} characters.`,
      )
    for (const method of METHODS)
      if (isObject(item[method]))
        operations.push({ method, path, operation: withParametersOf(item, item[method], read) })
  }
  return {
    version: info.version,
    operations,
    components: read,
    keys: new Set(operations.map(({ method, path }) => operationKey(method, path))),
  }
}

/** What a reference into the components leads to; the object itself where it is none. */
export function resolved(value: Json, components: ExternalDocument['components']): Json {
  const [section, name] = placeOf(value['$ref']) ?? []
  return (section !== undefined && components[section]?.[name!]) || value
}

/** Section and name of the component that a reference leads to, or into. */
export function placeOf(reference: unknown): [section: string, name: string, rest: string] | null {
  const found = typeof reference === 'string' && /^#\/components\/([^/]+)\/([^/]+)(.*)$/s.exec(reference)
  return found ? [found[1]!, found[2]!, found[3]!] : null
}

function withParametersOf(item: Json, operation: Json, components: ExternalDocument['components']): Json {
  const key = (parameter: Json) => {
    const { in: place, name } = resolved(parameter, components)
    return `${place} ${name}`
  }
  const own: Json[] = operation['parameters'] ?? []
  const known = new Set(own.map(key))
  const shared = ((item['parameters'] ?? []) as Json[]).filter((parameter) => !known.has(key(parameter)))
  const parameters = [...shared, ...own]
  return parameters.length === 0 ? operation : { ...operation, parameters }
}

function assertInside(reference: string, components: Json): void {
  if (Object.hasOwn(components['schemas'], reference)) return
  const place = placeOf(reference)
  if (place !== null && Object.hasOwn(components[place[0]] ?? {}, place[1])) return
  throw new DocumentRefused(
    reference.startsWith('#')
      ? `Nothing is at ${shown(reference)}, to which it refers; only its components can be referred to.`
      : `It refers to ${shown(reference)}: what stands outside of it is not fetched. Bundle it into one file.`,
  )
}

/** Before anything goes through it: what would take for ever, or is named like what objects come with. */
function assertPlain(json: unknown): void {
  let values = 0
  const look = (value: unknown, depth: number): void => {
    if (++values > MAX_VALUES) throw new DocumentRefused(`It has more than ${MAX_VALUES} values.`)
    if (typeof value !== 'object' || value === null) return
    if (depth > MAX_DEPTH) throw new DocumentRefused(`It is nested more than ${MAX_DEPTH} deep.`)
    if (Object.hasOwn(value, '__proto__')) throw new DocumentRefused('A member of it is called "__proto__".')
    for (const member of Object.values(value)) look(member, depth + 1)
  }
  look(json, 0)
}

/** Of OpenAPI 3.0, as 3.1 says it: https://www.openapis.org/blog/2021/02/16/migrating-from-openapi-3-0-to-3-1-0 */
function upgraded({ nullable, ...schema }: Json): Json {
  for (const [exclusive, limit] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const) {
    if (typeof schema[exclusive] !== 'boolean') continue
    if (schema[exclusive] && typeof schema[limit] === 'number') {
      schema[exclusive] = schema[limit]
      delete schema[limit]
    } else delete schema[exclusive]
  }
  if (nullable !== true) return schema
  const { type, enum: values, ...rest } = schema
  if (typeof type !== 'string') return { anyOf: [schema, { type: 'null' }] }
  return {
    ...rest,
    type: [type, 'null'],
    ...(Array.isArray(values) && { enum: values.includes(null) ? values : [...values, null] }),
  }
}

function pathOf(issue: v.BaseIssue<unknown>): string {
  const keys = issue.path?.map(({ key }) => shown(String(key))) ?? []
  return keys.length === 0 ? 'the whole' : keys.join(' ')
}

/** A text of the service's, as a line of the log can bear it. */
function shown(given: string): string {
  return JSON.stringify(given.length > 100 ? `${given.slice(0, 100)}…` : given)
}

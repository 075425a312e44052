// The one AsyncAPI 3.0 document: a channel for each type of event, and in it a message for each plugin that declares it.

import type { StandardSchemaV1 } from '@home-console/sdk'
import { type JsonSchema, nameOfSchema } from '../sdk/json-schema.ts'
import type { Declaration } from './declared-events.ts'

export interface DocumentInfo {
  readonly title: string
  readonly version: string
  readonly description: string
}

interface Part {
  /** By type, the name of the component that describes its data. */
  readonly payloads: ReadonlyMap<string, string>
  readonly schemas: ReadonlyMap<string, JsonSchema>
}

/** A version's schemas stay as they are. */
const parts = new WeakMap<Declaration, Part>()

/** As JSON. Neither a plugin's schema nor what it says of itself can keep the others out of the document. */
export async function describeEvents(
  declarations: readonly Declaration[],
  info: DocumentInfo,
  toJsonSchema: (schema: StandardSchemaV1) => JsonSchema,
): Promise<string> {
  for (const declaration of declarations) {
    if (parts.has(declaration)) continue
    parts.set(declaration, describe(declaration, toJsonSchema))
    // A schema takes some tenths of a millisecond: between two plugins the house goes on.
    await new Promise((resolve) => setImmediate(resolve))
  }
  return joinParts(declarations, info)
}

function joinParts(declarations: readonly Declaration[], info: DocumentInfo): string {
  const channels = new Map<string, { address: string; messages: JsonSchema }>()
  const operations: [string, JsonSchema][] = []
  const messages: [string, JsonSchema][] = []
  const schemas: [string, JsonSchema][] = [['core.CloudEvent', ENVELOPE]]
  for (const declaration of declarations) {
    const { plugin } = declaration
    const { schemas: own, payloads } = parts.get(declaration)!
    schemas.push(...own)
    for (const [type, payload] of payloads) {
      const name = `${plugin}.${type}`
      const tags = [{ name: plugin }]
      messages.push([
        name,
        { name: type, tags, headers: schemaRef('core.CloudEvent'), payload: schemaRef(payload) },
      ])
      const before = channels.get(type)?.messages
      const here = { [plugin]: { $ref: `#/components/messages/${name}` } }
      channels.set(type, { address: type, messages: { ...before, ...here } })
      const channel = { $ref: `#/channels/${type}` }
      operations.push([
        name,
        { action: 'send', tags, channel, messages: [{ $ref: `${channel.$ref}/messages/${plugin}` }] },
      ])
    }
  }
  return JSON.stringify({
    asyncapi: '3.0.0',
    info,
    defaultContentType: 'application/json',
    channels: Object.fromEntries(channels),
    operations: Object.fromEntries(operations),
    components: { messages: Object.fromEntries(messages), schemas: Object.fromEntries(schemas) },
  })
}

function describe(
  { plugin, schemas, enter }: Declaration,
  toJsonSchema: (schema: StandardSchemaV1) => JsonSchema,
): Part {
  const names = new Map<StandardSchemaV1, string>()
  const described = new Map<string, JsonSchema>()
  for (const [type, schema] of Object.entries(schemas)) {
    if (names.has(schema)) continue
    // Two schemas of one name stay two: the second has that of its event, which no other has.
    const wanted = nameOfSchema(schema) ?? ''
    const isFree = !described.has(`${plugin}.${wanted}`) && !Object.hasOwn(schemas, wanted)
    const name = `${plugin}.${isFree && COMPONENT.test(wanted) ? wanted : type}`
    names.set(schema, name)
    described.set(name, describedBy(schema, `#/components/schemas/${name}`, enter, toJsonSchema))
  }
  const payloads = Object.entries(schemas).map(([type, schema]) => [type, names.get(schema)!] as const)
  return { payloads: new Map(payloads), schemas: described }
}

function describedBy(
  schema: StandardSchemaV1,
  place: string,
  enter: Declaration['enter'],
  toJsonSchema: (schema: StandardSchemaV1) => JsonSchema,
): JsonSchema {
  try {
    // As text first: what is no JSON would otherwise come to light when all is said.
    const text = enter(() => JSON.stringify(toJsonSchema(schema)))
    const said: unknown = JSON.parse(text)
    if (typeof said !== 'object' || said === null) throw new TypeError(`It says no more than ${text}.`)
    const { $schema: _, ...rest } = rebased(said, place) as JsonSchema
    return rest
  } catch (error) {
    // What it takes is checked all the same: only the words for it are missing.
    const reason = error instanceof Error ? error.message : String(error)
    return { description: `The data is checked by a schema that cannot be shown here: ${reason}` }
  }
}

const COMPONENT = /^[\w.-]+$/
/** Members whose keys are names that the author gave. */
const NAMED: ReadonlySet<string> = new Set(['properties', 'patternProperties', 'definitions', '$defs'])
/** Members that hold data, in which `$ref` means nothing. */
const LITERAL: ReadonlySet<string> = new Set(['default', 'const', 'enum', 'examples'])

/** A copy in which references into the schema itself lead to where it stands in the document. */
function rebased(schema: unknown, place: string): unknown {
  if (Array.isArray(schema)) return schema.map((member) => rebased(member, place))
  if (typeof schema !== 'object' || schema === null) return schema
  return mapped(schema, (key, member) => {
    if (key === '$ref' && typeof member === 'string') return member.replace(/^#/, place)
    if (NAMED.has(key) && typeof member === 'object' && member !== null) {
      return mapped(member, (_, inner) => rebased(inner, place))
    }
    return LITERAL.has(key) ? member : rebased(member, place)
  })
}

function mapped(object: object, map: (key: string, member: unknown) => unknown): JsonSchema {
  return Object.fromEntries(Object.entries(object).map(([key, member]) => [key, map(key, member)]))
}

function schemaRef(name: string) {
  return { $ref: `#/components/schemas/${name}` }
}

const text = { type: 'string' }

/** https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md */
const ENVELOPE: JsonSchema = {
  type: 'object',
  description:
    'What CloudEvents 1.0 says of an event. Over HTTP it is one JSON object with the payload as `data`.',
  required: ['specversion', 'id', 'source', 'type', 'time'],
  properties: {
    specversion: { const: '1.0' },
    id: { ...text, description: 'Unique together with `source`.' },
    source: { ...text, description: '`/core`, `/plugins/<id>`, `/external/<name>` or `/clients/<name>`.' },
    type: text,
    time: { ...text, format: 'date-time', description: 'RFC 3339 in UTC.' },
    subject: { ...text, description: 'What it is about, within its source.' },
    causationid: { ...text, description: 'The id of the event during whose handling this one was emitted.' },
  },
}

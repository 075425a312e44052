// A schema as JSON Schema: zod's say it themselves, valibot's are translated. For the Core, not for plugins.

import { zodToOpenAPIRegistry } from '@asteasolutions/zod-to-openapi'
import type { StandardSchemaV1 } from './standard-schema.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

/** https://standardschema.dev/json-schema */
interface SaysItself {
  readonly jsonSchema?: { input(options: { target: string }): JsonSchema }
}

/**
 * Gives the function that says what a value must look like to be accepted by a schema, in JSON Schema's draft 7. It throws
 * for a schema that has no such description, and runs the schema's own code.
 */
export async function jsonSchemaTranslator(): Promise<(schema: StandardSchemaV1) => JsonSchema> {
  // Only when a schema is shown for the first time: a start need not wait for it.
  const { toJsonSchema } = await import('@valibot/to-json-schema')
  return (schema) => {
    const standard: StandardSchemaV1['~standard'] & SaysItself = schema['~standard']
    if (standard.jsonSchema !== undefined) return standard.jsonSchema.input({ target: 'draft-07' })
    if (standard.vendor === 'valibot') {
      return { ...toJsonSchema(schema as never, { typeMode: 'input', target: 'draft-07' }) }
    }
    throw new TypeError(`A schema of "${standard.vendor}" does not say what it looks like in JSON Schema.`)
  }
}

/** What its author called it, `z.object({ … }).openapi('Name')`. */
export function nameOfSchema(schema: StandardSchemaV1): string | undefined {
  return '_zod' in schema ? zodToOpenAPIRegistry.get(schema as never)?._internal?.refId : undefined
}

// The one OpenAPI 3.1 document: each mount's part is built and serialised once, and the parts are joined as text.

import { OpenAPIHono } from '@hono/zod-openapi'
import { securityOf, type Access } from '../door/access.ts'
import { registrationOf, type DeclaringRouter } from '../routing/plugin-router.ts'
import { mapDocument, withReferences, type Json } from './document-tree.ts'

/** A mount's share of the document. */
export interface DocumentPart {
  readonly operations: number
  /** The members of `paths`, as JSON without the braces. */
  readonly paths: string
  /** For each section of `components` its members, likewise. */
  readonly components: ReadonlyMap<string, string>
  readonly tag: { readonly name: string; readonly description?: string }
  readonly scopes: Readonly<Record<string, string>>
  /** What its documented routes pass on to an external service: `GET /api/clients/{id}` there. */
  readonly uses: readonly string[]
}

export interface PartOptions {
  /** Goes before every operationId, component and tag: two plugins with an `Item` of their own stay two. */
  readonly id: string
  readonly description?: string | undefined
  readonly scopes?: Readonly<Record<string, string>> | undefined
  readonly prefix: string
  /** Who gets to a route. The document says the same, even where something else answers before the documented route. */
  readonly accessAt: (method: string, path: string) => Access | undefined
  /** Where a route passes its requests on to; undefined where it answers them itself. */
  readonly passedOnTo?: (method: string, path: string) => string | undefined
}

/** A route that cannot stand in the document. Its `at` was made where the route was registered. */
export class UndescribableError extends Error {
  override readonly name = 'UndescribableError'
  /**
   * `route_collision`: two routes of one method and path, or of one operationId. `undescribable_schema`: a schema that has no
   * description, or describes a parameter that its path has not.
   */
  readonly code: 'route_collision' | 'undescribable_schema'
  readonly at: Error | undefined

  constructor(code: UndescribableError['code'], message: string, at: Error | undefined) {
    super(message)
    this.code = code
    this.at = at
  }
}

/** @throws UndescribableError for what no document can say: see its codes */
export function describeRouter(router: DeclaringRouter, options: PartOptions): DocumentPart {
  assertDistinct(router)
  const document = generate(router)
  const { id, prefix } = options
  const paths: Json = {}
  const uses: string[] = []
  let operations = 0
  for (const [path, item] of Object.entries<Json>(document.paths ?? {})) {
    const full = joinPath(prefix, path)
    for (const [method, operation] of Object.entries<Json>(item)) {
      if (typeof operation !== 'object' || !('responses' in operation)) continue
      operations++
      operation['operationId'] = `${id}.${operation['operationId'] ?? operationIdFor(method, path)}`
      operation['tags'] = [id]
      const there = options.passedOnTo?.(method, full)
      if (there !== undefined) uses.push(`${method.toUpperCase()} ${templateOf(there)}`)
      const access = options.accessAt(method, full)
      if (access !== undefined) operation['security'] = securityOf(access)
      if (id !== CORE)
        operation['responses'] = { ...ownAnswers(operation, access), ...operation['responses'] }
    }
    paths[templateOf(full)] = prefixed(item, id)
  }
  const components = new Map<string, string>()
  for (const [section, members] of Object.entries<Json>(document.components ?? {})) {
    if (section === 'securitySchemes') continue
    const renamed = Object.fromEntries(
      Object.entries(members)
        .filter(([name]) => !OF_CORE.has(name))
        .map(([name, member]) => [`${id}.${name}`, prefixed(member, id)]),
    )
    const text = membersOf(renamed)
    if (text !== '') components.set(section, text)
  }
  return {
    operations,
    paths: membersOf(paths),
    components,
    tag: { name: id, ...(options.description !== undefined && { description: options.description }) },
    scopes: options.scopes ?? {},
    uses,
  }
}

const CORE = 'core'

/** What the Core answers in a plugin's place, before its handler is called, or in that of a service. */
export const CORE_ANSWERS = {
  400: ['core.InvalidRequest', 'The request does not fit; `errors` says where.'],
  401: ['core.Unauthorized', 'There is no valid token.'],
  403: ['core.Forbidden', 'The token lacks a right that the route asks for.'],
  502: ['core.ExternalUnreachable', 'The service behind it does not answer, or not as HTTP would.'],
  503: ['core.ExternalUnavailable', 'The service behind it is stopped, starting or too busy.'],
  504: ['core.ExternalTimeout', 'The service behind it did not answer in time.'],
} as const

/** What plugins refer to and only the Core's own part has: the SDK's `ProblemBody` brings this name. */
const OF_CORE: ReadonlySet<string> = new Set([
  'core.Problem',
  ...Object.values(CORE_ANSWERS).map(([name]) => name),
])

function ownAnswers(operation: Json, access: Access | undefined): Json {
  const checked = operation['requestBody'] !== undefined || operation['parameters'] !== undefined
  const statuses = [...(checked ? [400 as const] : []), ...(access?.open ? [] : [401 as const, 403 as const])]
  return Object.fromEntries(statuses.map((status) => [status, coreAnswer(status)]))
}

export function coreAnswer(status: keyof typeof CORE_ANSWERS): Json {
  return { $ref: `#/components/responses/${CORE_ANSWERS[status][0]}` }
}

/** Joins the parts. No part is parsed or walked again, so that a thousand routes cost what their text costs. */
export function joinParts(
  parts: readonly DocumentPart[],
  info: { title: string; version: string; description: string },
): string {
  const sections = new Map<string, string[]>()
  for (const part of parts) {
    for (const [section, members] of part.components) {
      const list = sections.get(section)
      if (list === undefined) sections.set(section, [members])
      else list.push(members)
    }
  }
  const scopes = Object.entries(
    Object.assign({}, ...parts.map((part) => part.scopes)) as Record<string, string>,
  )
  const known =
    scopes.length === 0
      ? ''
      : ` Scopes: ${scopes.map(([scope, title]) => `\`${scope}\` (${title})`).join(', ')}.`
  const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/core.Problem' } } }
  const answers = Object.values(CORE_ANSWERS).map(([name, description]) => [name, { description, content }])
  sections.set('responses', [...(sections.get('responses') ?? []), membersOf(Object.fromEntries(answers))])
  sections.set('securitySchemes', [
    membersOf({
      bearer: {
        type: 'http',
        scheme: 'bearer',
        description: `A token with the scopes that a route asks for, or with all rights.${known}`,
      },
    }),
  ])
  const components = Array.from(
    sections,
    ([section, members]) => `${JSON.stringify(section)}:{${members.join(',')}}`,
  )
  const head = { openapi: '3.1.0', info, security: [{ bearer: [] }], tags: parts.map((part) => part.tag) }
  const paths = parts.map((part) => part.paths).filter((text) => text !== '')
  return `${JSON.stringify(head).slice(0, -1)},"paths":{${paths.join(',')}},"components":{${components.join(',')}}}`
}

function generate(router: DeclaringRouter): Json {
  try {
    return documentOf(router)
  } catch (error) {
    throw culpritOf(router, error)
  }
}

function documentOf(router: OpenAPIHono<any, any, any>): Json {
  return router.getOpenAPI31Document({ openapi: '3.1.0', info: { title: '', version: '' } })
}

/** Which route it was: the library only names the schema's type. */
function culpritOf(router: DeclaringRouter, error: unknown): Error {
  // The library throws what is no Error.
  const reason = (error as { message?: string } | null)?.message ?? String(error)
  for (const definition of router.openAPIRegistry.definitions) {
    if (definition.type !== 'route') continue
    const alone = new OpenAPIHono()
    alone.openAPIRegistry.registerPath(definition.route)
    try {
      documentOf(alone)
    } catch {
      const { method, path } = definition.route
      return new UndescribableError(
        'undescribable_schema',
        `A schema of ${method.toUpperCase()} ${path} has no description in OpenAPI: ${reason} Use a schema of plain JSON, or describe it with .openapi({ type: … }).`,
        registrationOf(definition.route),
      )
    }
  }
  return new UndescribableError(
    'undescribable_schema',
    `A schema has no description in OpenAPI: ${reason}`,
    undefined,
  )
}

function assertDistinct(router: DeclaringRouter): void {
  const seen = new Set<string>()
  const named = new Map<string, string>()
  for (const definition of router.openAPIRegistry.definitions) {
    if (definition.type !== 'route') continue
    const { method, path, operationId, request } = definition.route
    const name = `${method.toUpperCase()} ${path}`
    const refuse = (code: UndescribableError['code'], why: string) => {
      throw new UndescribableError(code, why, registrationOf(definition.route))
    }
    // Two names for one parameter do not make two routes.
    const key = `${method} ${path.replaceAll(/\{[^}]*\}/g, '{}')}`
    if (seen.has(key))
      refuse('route_collision', `${name} is registered twice. The second one would never be called.`)
    seen.add(key)
    const other = operationId === undefined ? undefined : named.get(operationId)
    if (other !== undefined)
      refuse('route_collision', `${name} has the operationId "${operationId}" of ${other}. Give it its own.`)
    if (operationId !== undefined) named.set(operationId, name)
    const stray = strayParameter(path, request?.params)
    if (stray !== undefined)
      refuse(
        'undescribable_schema',
        `The params of ${name} describe "${stray}", which its path does not have. Write {${stray}} there, or name it as the path does.`,
      )
  }
}

/** One that is described and not there: a slip of the pen that no request would ever get past. */
function strayParameter(path: string, params: unknown): string | undefined {
  const { shape = {} } = (params ?? {}) as { shape?: Record<string, unknown> }
  // Of `/lamps/{id}`, `/lamps/:id` and `/lamps/:id{[0-9]+}`.
  const there = new Set(Array.from(path.matchAll(/[{:]([\w-]+)/g), ([, name]) => name))
  return Object.keys(shape).find((name) => !there.has(name))
}

/** A copy in which every reference into `components` goes to the renamed member. */
function prefixed(value: unknown, id: string): unknown {
  return mapDocument(value, (object) =>
    withReferences(object, (reference) => renamedReference(reference, id)),
  )
}

function renamedReference(reference: string, id: string): string {
  return reference.replace(/^#\/components\/([^/]+)\/(.*)/, (whole, section: string, name: string) =>
    OF_CORE.has(name) ? whole : `#/components/${section}/${id}.${name}`,
  )
}

/** A JSON object without its braces. */
export function membersOf(object: Json): string {
  return JSON.stringify(object).slice(1, -1)
}

function joinPath(prefix: string, path: string): string {
  return path === '/' && prefix !== '' ? prefix : prefix + path
}

/** OpenAPI knows no patterns in a path: `{n{[0-9]+}}` and `:n{[0-9]+}` are `{n}`. */
function templateOf(path: string): string {
  return path.replaceAll(/:([^/{]+)(\{[^/]*\})?|\{([^/{}]+)\{[^/]*\}\}/g, '{$1$3}')
}

export function operationIdFor(method: string, path: string): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  return method + words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('')
}

// An operation of the OpenAPI document, and the request that `key=value` makes of it.

import { BadUsage } from './failure.ts'
import { oneLine } from './output.ts'

export interface Operation {
  readonly method: string
  /** With the names of its parameters in braces. */
  readonly path: string
  readonly parameters: readonly Parameter[]
  /** Undefined when it takes none. */
  readonly body:
    { readonly mediaType: string; readonly required: boolean; readonly properties: Properties } | undefined
}

/** The properties of a body, and whether each is text. */
type Properties = ReadonlyMap<string, boolean>

export interface OperationRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header' | 'cookie'
}

interface Schema {
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly allOf?: readonly Schema[]
}

interface RawOperation {
  readonly operationId?: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: {
    readonly required?: boolean
    readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>
  }
}

interface Document {
  readonly paths?: Readonly<Record<string, { readonly parameters?: readonly Parameter[] }>>
}

/** @throws BadUsage when there is none of this id */
export function findOperation(document: Document, id: string): Operation {
  const related: string[] = []
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    const { parameters: shared = [], ...methods } = resolve(document, item)
    for (const [method, raw] of Object.entries<RawOperation>(methods)) {
      if (raw.operationId === id) {
        const parameters = [...(raw.parameters ?? []), ...shared].map((one) => resolve(document, one))
        return { method: method.toUpperCase(), path, parameters, body: bodyOf(document, raw) }
      }
      if (raw.operationId?.split('.')[0] === id.split('.')[0]) related.push(raw.operationId!)
    }
  }
  const hint =
    related.length > 0 ? `there are ${related.join(', ')}` : '/openapi.json names those that there are'
  throw new BadUsage(oneLine(`There is no operation "${id}"; ${hint}.`))
}

/** Puts each `key=value` where the operation declares it; what it does not declare belongs to its JSON body. */
export function requestOf(operation: Operation, pairs: readonly string[]): OperationRequest {
  let { path } = operation
  const query = new URLSearchParams()
  const headers: Record<string, string> = {}
  const cookies: string[] = []
  const body: [string, unknown][] = []
  for (const pair of pairs) {
    const [, key, value = ''] = /^([^=]+)=(.*)$/s.exec(pair) ?? []
    if (key === undefined) throw new BadUsage(`"${pair}" is not key=value.`)
    const place = operation.parameters.find(({ name }) => name === key)?.in
    if (place === 'path') path = path.replaceAll(`{${key}}`, () => segment(key, value))
    else if (place === 'query') query.append(key, value)
    else if (place === 'header') headers[key] = headerValue(key, value)
    else if (place === 'cookie') cookies.push(`${key}=${encodeURIComponent(value)}`)
    else if (operation.body) body.push([key, valueFor(operation.body.properties.get(key), value)])
    else throw new BadUsage(`The operation takes no "${key}". ${takes(operation)}`)
  }
  const missing = /\{([^}]+)\}/.exec(path)?.[1]
  if (missing !== undefined) throw new BadUsage(`"${missing}" is missing. ${takes(operation)}`)
  if (cookies.length > 0) headers.cookie = cookies.join('; ')
  if (query.size > 0) path += `?${query.toString()}`
  const request = { method: operation.method, path, headers }
  if (!operation.body || (body.length === 0 && !operation.body.required)) return request
  headers['content-type'] = operation.body.mediaType
  return { ...request, body: JSON.stringify(Object.fromEntries(body)) }
}

function bodyOf(document: Document, { requestBody }: RawOperation): Operation['body'] {
  const { content = {}, required = false } = resolve(document, requestBody ?? {})
  const mediaType = Object.keys(content).find((type) => /^application\/(.+\+)?json\b/.test(type))
  if (mediaType === undefined) return undefined
  return {
    mediaType,
    required,
    properties: new Map(propertiesOf(document, content[mediaType]?.schema ?? {})),
  }
}

function* propertiesOf(document: Document, schema: Schema): Generator<[string, boolean]> {
  const { allOf = [], properties = {} } = resolve(document, schema)
  for (const part of allOf) yield* propertiesOf(document, part)
  for (const [name, property] of Object.entries(properties)) {
    yield [name, [resolve(document, property).type].flat().includes('string')]
  }
}

/** What a node stands for: itself, or what its `$ref` points to within the document. */
function resolve<Node extends object>(document: Document, node: Node): Node {
  if (!('$ref' in node)) return node
  const steps = String(node.$ref).replace(/^#\//, '').split('/')
  const target = steps.reduce<any>(
    (at, step) => at?.[step.replaceAll('~1', '/').replaceAll('~0', '~')],
    document,
  )
  return target ?? {}
}

/** One segment of a path, and never a step out of it. */
function segment(key: string, value: string): string {
  if (/^\.{0,2}$/.test(value)) throw new BadUsage(`"${value}" cannot stand in a path, and ${key} does.`)
  return encodeURIComponent(value)
}

function headerValue(key: string, value: string): string {
  if (/[\0\r\n]/.test(value)) throw new BadUsage(`"${key}" is a header, and a header is one line.`)
  return value
}

/** Text stays text where the schema wants text; everything else is JSON, if it can be read as such. */
function valueFor(isText: boolean | undefined, text: string): unknown {
  if (isText) return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function takes({ parameters, body }: Operation): string {
  const names = [...parameters.map(({ name }) => name), ...(body?.properties.keys() ?? [])]
  return names.length === 0 ? 'It takes nothing.' : oneLine(`It takes ${names.join(', ')}.`)
}

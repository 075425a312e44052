// Puts what a service says of itself into its adapter's part of the document: what the adapter's routes lead to, and no more.

import { securityOf, type Access } from '../door/access.ts'
import { canonicalPath } from '../door/canonical.ts'
import { operationKey, type ProxiedRoute } from '../routing/proxied.ts'
import type { Json } from './document-tree.ts'
import { ExternalComponents, unlessTaken } from './external-components.ts'
import { resolved, type ExternalDocument } from './external-document.ts'
import { CORE_ANSWERS, coreAnswer, membersOf, operationIdFor, type DocumentPart } from './openapi.ts'

export interface ExternalPartOptions {
  readonly id: string
  readonly prefix: string
  readonly document: ExternalDocument
  /** The adapter's routes that pass requests on. */
  readonly proxied: readonly ProxiedRoute[]
  /** What answers at a path: undefined unless it is such a route. */
  readonly proxiedAt: (
    method: string,
    path: string,
  ) => { readonly route: ProxiedRoute; readonly access: Access } | undefined
}

/** What stands for a parameter where the router is asked. A route of the adapter's own is hardly called so. */
const SAMPLE = '0'

/** The adapter's own routes win: what it documents itself stands as it says. */
export function withExternal(part: DocumentPart, options: ExternalPartOptions): DocumentPart {
  const { id, document } = options
  const paths = objectOf(part.paths)
  const sections = new Map(Array.from(part.components, ([section, text]) => [section, objectOf(text)]))
  const components = new ExternalComponents(id, document, sections)
  const known = new Map(Object.keys(paths).map((path) => [operationKey('', path), path]))
  const ids = new Set(Object.values(paths).flatMap((item) => operationsOf(item).map(idOf)))
  const counts = new Map<string, number>()
  let { operations } = part
  for (const { method, path: there, operation } of document.operations) {
    const found = placeHere(method, there, options)
    if (found === undefined) continue
    const key = operationKey('', found.path)
    const path = known.get(key) ?? found.path
    known.set(key, path)
    const item: Json = (paths[path] ??= {})
    if (item[method] !== undefined) continue
    const own = { operationId: operation['operationId'] ?? operationIdFor(method, there) }
    const operationId = unlessTaken(`${id}.${own.operationId.replaceAll(/[^\w.-]+/g, '_')}`, id, ids, counts)
    ids.add(operationId)
    const { summary, description, deprecated, parameters, requestBody, responses } = operation
    item[method] = {
      ...components.take({ summary, description, deprecated, requestBody }),
      operationId,
      tags: [id],
      security: securityOf(found.access),
      ...(parameters !== undefined && {
        parameters: components.take(renamed(parameters, namesIn(there), namesIn(path), document)),
      }),
      responses: { ...ownAnswers(found.access), ...components.take({ responses }).responses },
    }
    operations++
  }
  components.fetchAll()
  const texts = Array.from(sections, ([section, members]) => [section, membersOf(members)] as const)
  return {
    ...part,
    operations,
    paths: membersOf(paths),
    components: new Map(texts.filter(([, text]) => text !== '')),
  }
}

/** Where the router, asked as by a request, passes one on to the service's path; undefined where it does not. */
function placeHere(
  method: string,
  there: string,
  { prefix, proxied, proxiedAt }: ExternalPartOptions,
): { path: string; access: Access } | undefined {
  for (const route of proxied) {
    const path = pathHere(there, route, prefix)
    if (path === null) continue
    const sample = path.replaceAll(/\{[^{}/]+\}/g, SAMPLE)
    // No request gets by the door with a path like `/../core`.
    if (canonicalPath(`http://house${sample}`) === null) continue
    const answers = proxiedAt(method, sample)
    // Another route that passes on, to another path there, may come first.
    if (answers !== undefined && pathHere(there, answers.route, prefix) === path)
      return { path, access: answers.access }
  }
  return undefined
}

/** The path at which a route would serve the service's path, with the service's names for its parameters. */
function pathHere(there: string, { route, path, base = '' }: ProxiedRoute, prefix: string): string | null {
  if (path === undefined) {
    const rest = there.slice(base.length)
    return there.startsWith(base) && rest.startsWith('/') ? prefix + rest : null
  }
  const told = base + path.replaceAll(/:([A-Za-z0-9_]+)/g, '{$1}')
  if (operationKey('', told) !== operationKey('', there)) return null
  const theirs = namesIn(there)
  const names = new Map(namesIn(told).map((name, index) => [name, theirs[index]!]))
  let isTold = !route.includes('*')
  const here = route.replaceAll(/:([^/{]+)(\{[^/]*\})?/g, (_, name: string) => {
    isTold &&= names.has(name)
    return `{${names.get(name)}}`
  })
  return isTold ? here : null
}

function ownAnswers(access: Access): Json {
  const statuses = [...(access.open ? [] : [401, 403]), 502, 503, 504] as (keyof typeof CORE_ANSWERS)[]
  return Object.fromEntries(statuses.map((status) => [status, coreAnswer(status)]))
}

/** Parameters of a path that the adapter names in its own way have its names. */
function renamed(
  parameters: readonly Json[],
  theirs: readonly string[],
  ours: readonly string[],
  { components }: ExternalDocument,
): readonly Json[] {
  if (theirs.every((name, index) => name === ours[index])) return parameters
  return parameters.map((given) => {
    const parameter = resolved(given, components)
    if (parameter['in'] !== 'path') return given
    const index = theirs.indexOf(parameter['name'])
    return index === -1 ? given : { ...parameter, name: ours[index] }
  })
}

function namesIn(path: string): string[] {
  return Array.from(path.matchAll(/\{([^{}/]+)\}/g), ([, name]) => name!)
}

function operationsOf(item: Json): Json[] {
  return Object.values(item).filter((operation) => operation?.operationId !== undefined)
}

function idOf(operation: Json): string {
  return operation['operationId']
}

function objectOf(members: string): Json {
  return JSON.parse(`{${members}}`) as Json
}

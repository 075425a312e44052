// Small questions to a syntax tree that need no knowledge of what the names in it mean.

import { visitorKeys } from 'oxc-parser'
import type { Declaration, ModuleExportName, Node, PropertyKey } from 'oxc-parser'

/** Everything directly inside a node that is there at run time: types are left out. */
export function* childrenOf(node: Node): Generator<Node> {
  for (const key of visitorKeys[node.type] ?? []) {
    const child = (node as unknown as Record<string, Node | (Node | null)[] | null>)[key]
    for (const one of Array.isArray(child) ? child : [child]) if (one && !isType(one)) yield one
  }
}

function isType(node: Node): boolean {
  return node.type.startsWith('TS') && !VALUES.has(node.type)
}

/** What TypeScript adds that is there at run time. */
const VALUES: ReadonlySet<string> = new Set([
  'TSAsExpression',
  'TSEnumDeclaration',
  'TSExportAssignment',
  'TSImportEqualsDeclaration',
  'TSInstantiationExpression',
  'TSModuleBlock',
  'TSModuleDeclaration',
  'TSNonNullExpression',
  'TSSatisfiesExpression',
  'TSTypeAssertion',
])

/** The text that an expression is for certain: a literal, or literals put together. */
export function textOf(node: Node | undefined): string | undefined {
  if (node?.type === 'Literal') return typeof node.value === 'string' ? node.value : undefined
  if (node?.type === 'BinaryExpression' && node.operator === '+') {
    const parts = [textOf(node.left), textOf(node.right)]
    return parts.includes(undefined) ? undefined : parts.join('')
  }
  if (node?.type === 'TemplateLiteral' && node.expressions.length === 0) {
    return node.quasis[0]?.value.cooked ?? undefined
  }
  return undefined
}

/** The name of a member that is looked up, defined or taken apart; undefined when only running tells. */
export function keyOf(key: PropertyKey, computed: boolean): string | undefined {
  if (key.type === 'PrivateIdentifier') return `#${key.name}`
  if (key.type === 'Identifier' && !computed) return key.name
  return textOf(key)
}

export function exportName(name: ModuleExportName): string {
  return name.type === 'Literal' ? name.value : name.name
}

/** The names that a declaration brings into its scope. */
export function declaredNames(declaration: Declaration): string[] {
  if (declaration.type === 'VariableDeclaration') {
    return declaration.declarations.flatMap(({ id }) => [...boundNames(id)])
  }
  const id = 'id' in declaration ? declaration.id : null
  return id?.type === 'Identifier' ? [id.name] : []
}

function* boundNames(pattern: Node): Generator<string> {
  if (pattern.type === 'Identifier') yield pattern.name
  else if (pattern.type === 'AssignmentPattern') yield* boundNames(pattern.left)
  else if (pattern.type === 'RestElement') yield* boundNames(pattern.argument)
  else if (pattern.type === 'ArrayPattern') {
    for (const element of pattern.elements) if (element) yield* boundNames(element)
  } else if (pattern.type === 'ObjectPattern') {
    for (const property of pattern.properties) {
      yield* boundNames(property.type === 'Property' ? property.value : property)
    }
  }
}

/** The specifier in `new Worker(new URL(specifier, import.meta.url))`, with or without `.href`: an import like others. */
export function workerOf(node: Node): Node | undefined {
  const [url] = argumentsOfNew(node, 'Worker')
  return argumentsOfNew(url?.type === 'MemberExpression' ? url.object : url, 'URL')[0]
}

function argumentsOfNew(node: Node | undefined, name: string): Node[] {
  const isIt =
    node?.type === 'NewExpression' && node.callee.type === 'Identifier' && node.callee.name === name
  return isIt ? node.arguments : []
}

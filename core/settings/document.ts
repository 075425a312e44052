// A settings file: JSON with comments, read with its lines, and edited so that all that the owner wrote stays.

import type { Node, ParseError } from 'jsonc-parser'
import { jsonc } from '../jsonc.ts'
import { harmIn, isObject, isSame, MAX_DEPTH, type Json, type JsonObject, type Path } from './json.ts'

/** The text is no settings file. */
export class BadDocument extends Error {
  override readonly name = 'BadDocument'
  /** 1-based. */
  readonly line: number

  constructor(message: string, line: number) {
    super(message)
    this.line = line
  }
}

export interface Document {
  readonly values: JsonObject
  /** The 1-based line of what stands at a path, or of the nearest that is there. */
  readonly lineOf: (path: Path) => number
}

export const MAX_LENGTH = 256 * 1024

/** @throws BadDocument */
export function readDocument(text: string): Document {
  const root = treeOf(text)
  return {
    values: valueOf(root) as JsonObject,
    lineOf: (path) => lineAt(text, nearest(root, path).offset),
  }
}

/**
 * The same text with other values: what does not change keeps its place, its form and its comments.
 *
 * @throws BadDocument
 */
export function editDocument(text: string, values: JsonObject): string {
  // From the end on; of several at one place the first comes to stand first.
  const edits = [...new Editor(text).editsTo(treeOf(text), values)].reverse()
  edits.sort((one, other) => other.from - one.from || other.to - one.to)
  return edits.reduce((edited, { from, to, by }) => edited.slice(0, from) + by + edited.slice(to), text)
}

function treeOf(text: string): Node {
  if (text.length > MAX_LENGTH) throw new BadDocument(`It is longer than ${MAX_LENGTH} characters.`, 1)
  assertShallow(text)
  const errors: ParseError[] = []
  const root = jsonc().parseTree(text, errors, { allowTrailingComma: true, allowEmptyContent: false })
  const [error] = errors
  if (error !== undefined)
    throw new BadDocument(`It is no JSON with comments: ${inWords(error)}.`, lineAt(text, error.offset))
  if (root?.type !== 'object') throw new BadDocument('It holds no object: { … }.', 1)
  assertUnambiguous(root, text)
  const harm = harmIn(valueOf(root))
  if (harm !== null) throw new BadDocument(harm.message, lineAt(text, nearest(root, harm.path).offset))
  return root
}

/** Before the parser, which calls itself for each level. */
function assertShallow(text: string): void {
  const scanner = jsonc().createScanner(text, true)
  let depth = 0
  for (let token = Number(scanner.scan()); token !== EOF; token = Number(scanner.scan())) {
    if (token === OPEN_BRACE || token === OPEN_BRACKET) depth++
    if (token === CLOSE_BRACE || token === CLOSE_BRACKET) depth--
    if (depth > MAX_DEPTH + 1)
      throw new BadDocument(
        `It is nested deeper than ${MAX_DEPTH} levels.`,
        lineAt(text, scanner.getTokenOffset()),
      )
  }
}

// `SyntaxKind`, which is a `const enum` there.
const OPEN_BRACE = 1
const CLOSE_BRACE = 2
const OPEN_BRACKET = 3
const CLOSE_BRACKET = 4
const COMMA = 5
const EOF = 17

/** Of two with one name, whoever reads it may mean either. */
function assertUnambiguous(node: Node, text: string): void {
  const seen = new Set<string>()
  for (const child of node.children ?? []) {
    if (child.type === 'property') {
      const [key] = child.children!
      const name = key!.value as string
      if (seen.has(name)) throw new BadDocument(`"${name}" stands in it twice.`, lineAt(text, key!.offset))
      seen.add(name)
    }
    assertUnambiguous(child, text)
  }
}

function inWords({ error }: ParseError): string {
  return jsonc()
    .printParseErrorCode(error)
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
}

function valueOf(node: Node): Json {
  if (node.type === 'array') return (node.children ?? []).map(valueOf)
  if (node.type !== 'object') return node.value as Json
  return Object.fromEntries(
    (node.children ?? []).map(({ children }) => [children![0]!.value, valueOf(children![1]!)]),
  )
}

function nearest(root: Node, path: Path): Node {
  let at = root
  for (const key of path) {
    const next =
      at.type === 'array'
        ? at.children?.[Number(key)]
        : at.children?.find(({ children }) => children?.[0]?.value === key)
    if (next === undefined) return at
    if (next.type === 'property' && next.children?.[1] === undefined) return next
    at = next.type === 'property' ? next.children![1]! : next
  }
  return at
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

interface Edit {
  readonly from: number
  readonly to: number
  readonly by: string
}

class Editor {
  readonly #text: string
  readonly #eol: string

  constructor(text: string) {
    this.#text = text
    this.#eol = text.includes('\r\n') ? '\r\n' : '\n'
  }

  *editsTo(node: Node, values: JsonObject): Generator<Edit> {
    const properties = node.children ?? []
    const staying = properties.filter(({ children }) => Object.hasOwn(values, children![0]!.value as string))
    const names = new Set(staying.map(({ children }) => children![0]!.value as string))
    const added = Object.entries(values).filter(([key]) => !names.has(key))
    for (const { children } of staying) {
      const [key, value] = children!
      yield* this.#editsOfValue(value!, values[key!.value as string]!)
    }
    for (const property of properties) if (!staying.includes(property)) yield* this.#removal(property)
    const last = staying.at(-1)
    const comma = last === undefined ? null : this.#commaAfter(last)
    // The last that stays ends the list, unless something is added; a comma at the very end is the owner's.
    if (last !== undefined && comma !== null && added.length === 0 && last !== properties.at(-1)) {
      if (this.#commaAfter(properties.at(-1)!) === null) yield { from: comma, to: comma + 1, by: '' }
    }
    if (added.length > 0) yield* this.#additions(node, added, last, comma)
  }

  *#editsOfValue(node: Node, value: Json): Generator<Edit> {
    if (node.type === 'object' && isObject(value)) yield* this.editsTo(node, value)
    else if (!isSame(valueOf(node), value))
      yield { from: node.offset, to: endOf(node), by: this.#written(value, this.#indentAt(node.offset)) }
  }

  /** The property and its comma; the whole line where nothing else stands on it. */
  *#removal(property: Node): Generator<Edit> {
    let from = property.offset
    let to = endOf(property)
    const comma = this.#commaAfter(property)
    if (comma !== null) {
      if (this.#text.slice(to, comma).trim() === '') to = comma + 1
      else yield { from: comma, to: comma + 1, by: '' }
    }
    const lineStart = this.#text.lastIndexOf('\n', from - 1) + 1
    const lineEnd = this.#text.indexOf('\n', to)
    const isAlone =
      lineEnd !== -1 &&
      lineStart > 0 &&
      this.#text.slice(lineStart, from).trim() === '' &&
      this.#text.slice(to, lineEnd).trim() === ''
    if (isAlone) [from, to] = [lineStart, lineEnd + 1]
    yield { from, to, by: '' }
  }

  *#additions(
    node: Node,
    added: [string, Json][],
    last: Node | undefined,
    comma: number | null,
  ): Generator<Edit> {
    if (last !== undefined && comma === null) yield { from: endOf(last), to: endOf(last), by: ',' }
    const after = last === undefined ? node.offset + 1 : comma === null ? endOf(last) : comma + 1
    const inside = this.#text.slice(node.offset, endOf(node))
    const outer = this.#indentAt(node.offset)
    const first = node.children?.[0]
    const isBroken = inside.includes('\n') || node.children === undefined || node.children.length === 0
    const inner = first !== undefined && inside.includes('\n') ? this.#indentAt(first.offset) : `${outer}  `
    const written = added.map(([key, value]) => `${JSON.stringify(key)}: ${this.#written(value, inner)}`)
    const at = this.#endOfTrivia(after)
    if (!isBroken) {
      yield { from: at, to: at, by: ` ${written.join(', ')}` }
      return
    }
    const lines = written.map((line) => `${this.#eol}${inner}${line}`).join(',')
    const closes = /^[ \t]*\}/.test(this.#text.slice(at))
    yield { from: at, to: at, by: `${lines}${closes ? `${this.#eol}${outer}` : ''}` }
  }

  /** Where a new line may begin: behind the comments on the same line, which are about what stands before them. */
  #endOfTrivia(from: number): number {
    const [trivia] = /^(?:[ \t]*(?:\/\/[^\r\n]*|\/\*[^]*?\*\/))*/.exec(this.#text.slice(from))!
    return from + trivia.length
  }

  #commaAfter(node: Node): number | null {
    const scanner = jsonc().createScanner(this.#text, true)
    scanner.setPosition(endOf(node))
    return Number(scanner.scan()) === COMMA ? scanner.getTokenOffset() : null
  }

  #indentAt(offset: number): string {
    const line = this.#text.slice(this.#text.lastIndexOf('\n', offset - 1) + 1, offset)
    return /^[ \t]*/.exec(line)![0]
  }

  #written(value: Json, indent: string): string {
    const short = JSON.stringify(value)
    // One that has a single member, such as a sealed secret, needs no lines of its own.
    if (!isObject(value) || Object.keys(value).length < 2) return short
    return JSON.stringify(value, null, 2).replaceAll('\n', `${this.#eol}${indent}`)
  }
}

function endOf({ offset, length }: Node): number {
  return offset + length
}

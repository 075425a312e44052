// What an expression of a plugin may stand for, and how that flows from place to place until nothing new is learned.

import { step } from './dangers.ts'

/** A path into somebody else's API (see dangers.ts), or something of the plugin's own. */
export type Value = string | Own

/** Everything that a place (a variable, a member, a parameter, a result) may hold. It only grows. */
export type Cell = Set<Value>

/** An object, a function, a class or a module that the plugin makes. */
export interface Own {
  readonly members: Map<string, Cell>
  /** By position. */
  params: Cell[]
  /** What a call or `new` gives. */
  readonly result: Cell
}

export type Source = () => Iterable<Value>

export const NOTHING: Source = () => []

export function newOwn(): Own {
  return { members: new Map(), params: [], result: new Set() }
}

export function memberCell(own: Own, key: string): Cell {
  return own.members.getOrInsertComputed(key, () => new Set())
}

export function paramCell(own: Own, position: number): Cell {
  return (own.params[position] ??= new Set())
}

/** What the member `key` of any of these values may be. */
export function* membersOf(values: Iterable<Value>, key: string | undefined): Generator<Value> {
  if (key === undefined) return
  for (const value of values) {
    if (typeof value === 'object') yield* value.members.get(key) ?? []
    else yield* atMostOne(step(value, `.${key}`))
  }
}

/** What a call of any of these values may give. A promise counts as what it promises. */
export function* resultsOf(values: Iterable<Value>): Generator<Value> {
  for (const value of values) {
    if (typeof value === 'object') yield* value.result
    else yield* atMostOne(step(value, '()'))
  }
}

/** Those of the values that are the plugin's own. */
export function* ownsOf(values: Iterable<Value>): Generator<Own> {
  for (const value of values) if (typeof value === 'object') yield value
}

function atMostOne(path: string | undefined): Value[] {
  return path === undefined ? [] : [path]
}

/** A place that may hold more things of the plugin's own than this is a list of anything: more say nothing. */
const MANY = 32

/** The rules by which values flow, applied until they change nothing. */
export class Flow {
  readonly #rules: (() => void)[] = []
  #changed = false

  rule(apply: () => void): void {
    this.#rules.push(apply)
  }

  /** Whatever `source` gives, now or later, is also in every cell of `targets`. */
  into(targets: Cell | (() => Iterable<Cell>), source: Source): void {
    const cells = targets instanceof Set ? () => [targets] : targets
    this.rule(() => {
      for (const cell of cells()) this.add(cell, source())
    })
  }

  add(cell: Cell, values: Iterable<Value>): void {
    for (const value of values) {
      if (cell.has(value) || (typeof value === 'object' && cell.size >= MANY)) continue
      cell.add(value)
      this.#changed = true
    }
  }

  /** Comes to an end because cells only grow and there are only so many values. A rule may make further rules. */
  settle(): void {
    let seen: number
    do {
      seen = this.#rules.length
      this.#changed = false
      for (const apply of this.#rules) apply()
    } while (this.#changed || this.#rules.length > seen)
  }
}

// Which names a piece of code sees, and what they are bound to.

import { step } from './dangers.ts'
import type { Cell, Value } from './values.ts'

/** Names and what they are bound to. A block shares all but the names with the function around it. */
export interface Scope {
  readonly outer: Scope | null
  readonly names: Map<string, Cell>
  /** Where `var` declares. */
  readonly vars: Map<string, Cell>
  /** What `this` may be. */
  readonly self: Cell
  /** Where `return` leads. */
  readonly result: Cell
}

export function functionScope(outer: Scope | null, self: Cell = new Set(), result: Cell = new Set()): Scope {
  const names = new Map<string, Cell>()
  return { outer, names, vars: names, self, result }
}

export function blockScope(outer: Scope): Scope {
  return { ...outer, outer, names: new Map() }
}

export function cellOf(names: Map<string, Cell>, name: string): Cell {
  return names.getOrInsertComputed(name, () => new Set())
}

export function find(scope: Scope, name: string): Cell | undefined {
  return scope.names.get(name) ?? (scope.outer ? find(scope.outer, name) : undefined)
}

/** What a name stands for: what it is bound to, or a global. */
export function lookUp(scope: Scope, name: string): Iterable<Value> {
  const global = find(scope, name) ?? step('globalThis', `.${name}`)
  return typeof global === 'string' ? [global] : (global ?? [])
}

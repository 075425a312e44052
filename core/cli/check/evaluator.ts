// What an expression stands for, as far as that can be said without running it.

import type { CallExpression, NewExpression, Node } from 'oxc-parser'
import { lookUp, type Scope } from './scope.ts'
import { keyOf, textOf } from './syntax.ts'
import { membersOf, newOwn, NOTHING, type Own, ownsOf, resultsOf, type Source, type Value } from './values.ts'

/** What an import gives. `at` is the specifier's offset; `typesOnly` means that nothing is left of it at run time. */
export type Importing = (specifier: string, at: number, typesOnly: boolean) => Iterable<Value>

export class Evaluator {
  readonly #import: Importing
  /** What functions, classes and object literals make. */
  readonly #made = new Map<Node, Own>()

  constructor(importing: Importing) {
    this.#import = importing
  }

  /** Begins something of the plugin's own, which `node` then stands for. */
  make(node: Node): Own {
    const own = newOwn()
    this.#made.set(node, own)
    return own
  }

  /** What the module gives that a specifier names; nothing when the specifier is known only at run time. */
  importing(specifier: Node | undefined, typesOnly: boolean): Source {
    const text = textOf(specifier)
    if (specifier === undefined || text === undefined) return NOTHING
    const values = this.#import(text, specifier.start, typesOnly)
    return () => values
  }

  /** The callbacks of `given.then(callback)`. */
  *promised(node: CallExpression | NewExpression, scope: Scope): Generator<{ given: Source; callback: Own }> {
    const [{ callee }, [argument]] = [node, node.arguments]
    if (callee.type !== 'MemberExpression' || !argument) return
    if (keyOf(callee.property, callee.computed) !== 'then') return
    const given = () => this.evaluate(callee.object, scope)
    for (const callback of ownsOf(this.evaluate(argument, scope))) yield { given, callback }
  }

  /** All that an expression may stand for, as far as it is known by now. */
  *evaluate(node: Node, scope: Scope): Generator<Value> {
    switch (node.type) {
      case 'Identifier':
        yield* lookUp(scope, node.name)
        return
      case 'MetaProperty':
        if (node.meta.name === 'import') yield 'import.meta'
        return
      case 'ThisExpression':
        yield* scope.self
        return
      case 'MemberExpression': {
        yield* membersOf(this.evaluate(node.object, scope), keyOf(node.property, node.computed))
        return
      }
      case 'CallExpression':
      case 'NewExpression': {
        const { callee } = node
        const method =
          callee.type === 'MemberExpression' ? keyOf(callee.property, callee.computed) : undefined
        // Once and no more: in a chain of calls, twice for each would be a thousand times for ten.
        const object = callee.type === 'MemberExpression' ? [...this.evaluate(callee.object, scope)] : []
        const callees =
          method === undefined ? [...this.evaluate(callee, scope)] : [...membersOf(object, method)]
        yield* resultsOf(callees)
        if (callees.includes('require')) yield* this.importing(node.arguments[0], false)()
        for (const { callback } of this.promised(node, scope)) yield* callback.result
        // Methods of an app often give the app itself: `new Hono().get(…)`.
        for (const value of object) if (typeof value === 'string' && value.endsWith('()')) yield value
        return
      }
      case 'ImportExpression':
        yield* this.importing(node.source, false)()
        return
      case 'AwaitExpression':
        yield* this.evaluate(node.argument, scope)
        return
      case 'ChainExpression':
      case 'TSAsExpression':
      case 'TSSatisfiesExpression':
      case 'TSNonNullExpression':
      case 'TSTypeAssertion':
      case 'TSInstantiationExpression':
        yield* this.evaluate(node.expression, scope)
        return
      case 'AssignmentExpression':
        yield* this.evaluate(node.right, scope)
        return
      case 'SequenceExpression':
        yield* this.evaluate(node.expressions.at(-1)!, scope)
        return
      case 'ConditionalExpression':
        yield* this.evaluate(node.consequent, scope)
        yield* this.evaluate(node.alternate, scope)
        return
      case 'LogicalExpression':
        yield* this.evaluate(node.left, scope)
        yield* this.evaluate(node.right, scope)
        return
      case 'ObjectExpression':
        for (const property of node.properties) {
          if (property.type === 'SpreadElement') yield* this.evaluate(property.argument, scope)
        }
    }
    const own = this.#made.get(node)
    if (own) yield own
  }
}

// Reads one module of a plugin: what its names are bound to, what its functions give, and where it touches an API.

import { Visitor } from 'oxc-parser'
import type {
  ArrowFunctionExpression,
  CallExpression,
  Class,
  Function,
  NewExpression,
  Node,
  ObjectExpression,
  Program,
} from 'oxc-parser'
import { Evaluator, type Importing } from './evaluator.ts'
import { blockScope, cellOf, find, functionScope, lookUp, type Scope } from './scope.ts'
import { childrenOf, declaredNames, exportName, keyOf, workerOf } from './syntax.ts'
import {
  type Cell,
  type Flow,
  memberCell,
  membersOf,
  newOwn,
  NOTHING,
  type Own,
  ownsOf,
  paramCell,
  resultsOf,
  type Source,
  type Value,
} from './values.ts'

/** What a module needs from the plugin around it. */
export interface Surroundings {
  readonly flow: Flow
  readonly importing: Importing
  /** Says that what stands at this offset may be one of these values, and whether it is called there. */
  touching(at: number, values: Source, called: boolean): void
}

/** How an expression is used: called, only asked about (`typeof`, `instanceof`), or taken in any other way. */
type Use = 'called' | 'asked' | 'taken'

/** What a name in a pattern stands for: a cell, or those that it turns out to be when all names are known. */
type Place = (name: string) => Cell | (() => Iterable<Cell>)

export class ModuleReader {
  /** What `import * as` gives: the module itself, and whatever it passes on with `export * from`. */
  readonly namespace: Cell
  readonly defaultExport: Cell
  /** Offset of the statement that makes the default export. */
  defaultAt = 0
  readonly #exports = newOwn()
  readonly #around: Surroundings
  readonly #flow: Flow
  readonly #evaluator: Evaluator

  constructor(around: Surroundings) {
    this.#around = around
    this.#flow = around.flow
    this.#evaluator = new Evaluator(around.importing)
    this.namespace = new Set([this.#exports])
    this.defaultExport = memberCell(this.#exports, 'default')
  }

  read(program: Program): void {
    this.#walkAll(program.body, functionScope(null))
    const importType = ({ source }: { source: Node }) => void this.#evaluator.importing(source, true)
    new Visitor({ TSImportType: importType }).visit(program)
  }

  #walkAll(nodes: Iterable<Node | null>, scope: Scope): void {
    for (const node of nodes) if (node) this.#walk(node, scope)
  }

  #walk(node: Node, scope: Scope, use: Use = 'taken'): void {
    const value = (of: Node) => this.#value(of, scope)
    switch (node.type) {
      case 'ImportDeclaration': {
        const typesOnly = node.importKind === 'type'
        const module = this.#evaluator.importing(node.source, typesOnly)
        for (const specifier of typesOnly ? [] : node.specifiers) {
          const cell = cellOf(scope.names, specifier.local.name)
          if (specifier.type === 'ImportNamespaceSpecifier') this.#flow.into(cell, module)
          else if (specifier.type === 'ImportDefaultSpecifier')
            this.#pass('default', module, specifier.start, cell)
          else if (specifier.importKind !== 'type') {
            this.#pass(exportName(specifier.imported), module, specifier.start, cell)
          }
        }
        return
      }
      case 'ExportNamedDeclaration': {
        const typesOnly = node.exportKind === 'type'
        const module = node.source && this.#evaluator.importing(node.source, typesOnly)
        if (typesOnly) return
        for (const { local, exported, exportKind, start } of node.specifiers) {
          if (exportKind === 'type') continue
          const cell = memberCell(this.#exports, exportName(exported))
          if (cell === this.defaultExport) this.defaultAt = start
          if (module) this.#pass(exportName(local), module, start, cell)
          else this.#flow.into(cell, () => lookUp(scope, exportName(local)))
        }
        if (!node.declaration) return
        this.#walk(node.declaration, scope)
        for (const name of declaredNames(node.declaration)) {
          this.#flow.into(memberCell(this.#exports, name), () => lookUp(scope, name))
        }
        return
      }
      case 'ExportAllDeclaration': {
        const typesOnly = node.exportKind === 'type'
        const module = this.#evaluator.importing(node.source, typesOnly)
        if (typesOnly) return
        const { exported } = node
        this.#flow.into(exported ? memberCell(this.#exports, exportName(exported)) : this.namespace, module)
        return
      }
      case 'ExportDefaultDeclaration':
        this.defaultAt = node.start
        this.#walk(node.declaration, scope)
        this.#flow.into(this.defaultExport, value(node.declaration))
        return
      case 'TSExportAssignment':
        this.defaultAt = node.start
        this.#walk(node.expression, scope)
        this.#flow.into(this.defaultExport, value(node.expression))
        return
      case 'TSImportEqualsDeclaration': {
        const cell = cellOf(scope.names, node.id.name)
        if (node.moduleReference.type !== 'TSExternalModuleReference') return
        const module = this.#evaluator.importing(node.moduleReference.expression, node.importKind === 'type')
        if (node.importKind !== 'type') this.#flow.into(cell, module)
        return
      }
      case 'ImportExpression':
        this.#evaluator.importing(node.source, false)
        this.#walk(node.source, scope)
        return

      case 'VariableDeclaration':
        if (node.declare) return
        for (const { id, init } of node.declarations) {
          if (init) this.#walk(init, scope)
          const names = node.kind === 'var' ? scope.vars : scope.names
          this.#bind(id, init ? value(init) : NOTHING, scope, (name) => cellOf(names, name))
        }
        return
      case 'AssignmentExpression':
        this.#walk(node.right, scope)
        this.#bind(node.left, value(node.right), scope, (name) => () => {
          const cell = find(scope, name)
          return cell ? [cell] : []
        })
        return
      case 'ReturnStatement':
        if (!node.argument) return
        this.#walk(node.argument, scope)
        this.#flow.into(scope.result, value(node.argument))
        return

      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        this.#function(node, scope)
        return
      case 'ClassDeclaration':
      case 'ClassExpression':
        if (!node.declare) this.#class(node, scope)
        return
      case 'ObjectExpression':
        this.#object(node, scope)
        return

      case 'CallExpression':
      case 'NewExpression':
        this.#walk(node.callee, scope, 'called')
        this.#walkAll(node.arguments, scope)
        this.#evaluator.importing(workerOf(node), false)
        this.#flow.rule(() => this.#call(node, scope))
        return
      case 'MemberExpression':
        this.#walk(node.object, scope)
        if (node.computed) this.#walk(node.property, scope)
        // Of a chain over several lines, the line that people look for is that of the member.
        if (use !== 'asked') {
          const at = isCall(node.object) ? node.property.start : node.start
          this.#around.touching(at, value(node), use === 'called')
        }
        return
      case 'Identifier':
        if (use !== 'asked') this.#around.touching(node.start, value(node), use === 'called')
        return
      case 'ChainExpression':
      case 'TSAsExpression':
      case 'TSSatisfiesExpression':
      case 'TSNonNullExpression':
      case 'TSTypeAssertion':
      case 'TSInstantiationExpression':
        this.#walk(node.expression, scope, use)
        return
      case 'UnaryExpression':
        this.#walk(node.argument, scope, node.operator === 'typeof' ? 'asked' : 'taken')
        return
      case 'BinaryExpression':
        this.#walk(node.left, scope)
        this.#walk(node.right, scope, node.operator === 'instanceof' ? 'asked' : 'taken')
        return

      case 'BlockStatement':
      case 'ForStatement':
      case 'ForInStatement':
      case 'ForOfStatement':
      case 'SwitchStatement':
      case 'TSModuleBlock':
        this.#walkAll(childrenOf(node), blockScope(scope))
        return
      case 'CatchClause': {
        const inner = blockScope(scope)
        if (node.param) this.#bind(node.param, NOTHING, inner, (name) => cellOf(inner.names, name))
        this.#walk(node.body, inner)
        return
      }
      case 'TSEnumDeclaration':
        cellOf(scope.names, node.id.name)
        for (const { initializer } of node.body.members) if (initializer) this.#walk(initializer, scope)
        return
      case 'TSModuleDeclaration':
        if (node.declare || !node.body) return
        if (node.id.type === 'Identifier') cellOf(scope.names, node.id.name)
        this.#walk(node.body, scope)
        return
      case 'LabeledStatement':
        this.#walk(node.body, scope)
        return
      case 'BreakStatement':
      case 'ContinueStatement':
      case 'MetaProperty':
        return
      default:
        this.#walkAll(childrenOf(node), scope)
    }
  }

  /** Lets `source` flow into what a pattern names, each part of it to its place. */
  #bind(pattern: Node, source: Source, scope: Scope, place: Place): void {
    switch (pattern.type) {
      case 'Identifier':
        this.#flow.into(place(pattern.name), source)
        return
      case 'AssignmentPattern':
        this.#walk(pattern.right, scope)
        this.#bind(pattern.left, source, scope, place)
        this.#bind(pattern.left, this.#value(pattern.right, scope), scope, place)
        return
      case 'ObjectPattern':
        for (const property of pattern.properties) {
          if (property.type === 'RestElement') {
            this.#bind(property.argument, source, scope, place)
            continue
          }
          if (property.computed) this.#walk(property.key, scope)
          const key = keyOf(property.key, property.computed)
          const member = () => membersOf(source(), key)
          this.#around.touching(property.start, member, false)
          this.#bind(property.value, member, scope, place)
        }
        return
      case 'ArrayPattern':
        for (const element of pattern.elements) if (element) this.#bind(element, NOTHING, scope, place)
        return
      case 'RestElement':
        this.#bind(pattern.argument, NOTHING, scope, place)
        return
      case 'MemberExpression': {
        this.#walk(pattern.object, scope)
        if (pattern.computed) this.#walk(pattern.property, scope)
        const key = keyOf(pattern.property, pattern.computed)
        const objects = this.#value(pattern.object, scope)
        this.#flow.into(() => cellsOf(objects(), key), source)
        return
      }
      case 'TSParameterProperty': {
        const { parameter } = pattern
        this.#bind(parameter, source, scope, place)
        const name = parameter.type === 'AssignmentPattern' ? parameter.left : parameter
        if (name.type === 'Identifier') this.#flow.into(() => cellsOf(scope.self, name.name), source)
        return
      }
      default:
        this.#walk(pattern, scope)
    }
  }

  #function(node: Function | ArrowFunctionExpression, outer: Scope, self: Cell = new Set()): Own {
    const own = this.#evaluator.make(node)
    const isArrow = node.type === 'ArrowFunctionExpression'
    if (node.type === 'FunctionDeclaration' && node.id) cellOf(outer.names, node.id.name).add(own)
    const scope = functionScope(outer, isArrow ? outer.self : self, own.result)
    if (node.type === 'FunctionExpression' && node.id) cellOf(scope.names, node.id.name).add(own)
    for (const [position, param] of node.params.entries()) {
      const argument = () => paramCell(own, position)
      this.#bind(param, argument, scope, (name) => cellOf(scope.names, name))
    }
    if (!node.body) return own
    this.#walk(node.body, scope)
    if (node.body.type !== 'BlockStatement') this.#flow.into(own.result, this.#value(node.body, scope))
    return own
  }

  #class(node: Class, outer: Scope): void {
    const own = this.#evaluator.make(node)
    const scope = blockScope(outer)
    if (node.id) {
      cellOf(scope.names, node.id.name).add(own)
      if (node.type === 'ClassDeclaration') cellOf(outer.names, node.id.name).add(own)
    }
    // What `new` gives is the instance, and with a superclass whatever that gives as well.
    const instance = newOwn()
    own.result.add(instance)
    const { superClass } = node
    if (superClass) {
      this.#walk(superClass, outer, 'called')
      const parent = this.#value(superClass, outer)
      this.#flow.into(own.result, () => resultsOf(parent()))
    }
    const statics: Cell = new Set([own])
    for (const member of node.body.body) {
      if (member.type === 'TSIndexSignature') continue
      const isStatic = member.type === 'StaticBlock' || member.static
      const inner = functionScope(scope, isStatic ? statics : own.result)
      if (member.type === 'StaticBlock') {
        this.#walkAll(member.body, inner)
        continue
      }
      this.#walkAll(member.decorators, outer)
      if (member.computed) this.#walk(member.key, scope)
      const key = keyOf(member.key, member.computed)
      if (!member.value) continue
      if (member.type === 'MethodDefinition' && member.kind === 'constructor') {
        own.params = this.#function(member.value, scope, inner.self).params
      } else {
        this.#member(isStatic ? own : instance, key, member, inner)
      }
    }
  }

  #object(node: ObjectExpression, scope: Scope): void {
    const own = this.#evaluator.make(node)
    const inner = { ...scope, self: new Set([own]) }
    for (const property of node.properties) {
      if (property.type === 'SpreadElement') {
        this.#walk(property.argument, scope)
        continue
      }
      if (property.computed) this.#walk(property.key, scope)
      // In a function `this` is the object; anywhere else it is what it was outside.
      const isFunction = property.value.type === 'FunctionExpression'
      this.#member(own, keyOf(property.key, property.computed), property, isFunction ? inner : scope)
    }
  }

  /** A member that a class or an object literal defines. */
  #member(
    own: Own,
    key: string | undefined,
    { kind, value }: { kind?: string; value: Node | null },
    scope: Scope,
  ): void {
    if (!value) return
    if (value.type === 'FunctionExpression') this.#function(value, scope, scope.self)
    else this.#walk(value, scope)
    if (key === undefined || kind === 'set') return
    const source = this.#value(value, scope)
    this.#flow.into(memberCell(own, key), kind === 'get' ? () => resultsOf(source()) : source)
  }

  /** Passes a call's arguments to the plugin's own functions that it may reach, and finds the modules that it loads. */
  #call(node: CallExpression | NewExpression, scope: Scope): void {
    const callees = [...this.#value(node.callee, scope)()]
    if (callees.includes('require')) this.#evaluator.importing(node.arguments[0], false)
    for (const own of ownsOf(callees)) {
      for (const [position, argument] of node.arguments.entries()) {
        if (argument.type === 'SpreadElement') break
        this.#flow.add(paramCell(own, position), this.#value(argument, scope)())
      }
    }
    for (const { given, callback } of this.#evaluator.promised(node, scope)) {
      this.#flow.add(paramCell(callback, 0), given())
    }
  }

  #value(node: Node, scope: Scope): Source {
    return () => this.#evaluator.evaluate(node, scope)
  }

  /** Passes one export of a module on to a cell. */
  #pass(name: string, module: Source, at: number, cell: Cell): void {
    const source = () => membersOf(module(), name)
    this.#flow.into(cell, source)
    // What begins with a capital may be meant as a type; then nobody takes it as a value.
    if (/^[a-z]/.test(name)) this.#around.touching(at, source, false)
  }
}

function* cellsOf(values: Iterable<Value>, key: string | undefined): Generator<Cell> {
  if (key === undefined) return
  for (const own of ownsOf(values)) yield memberCell(own, key)
}

function isCall(node: Node): boolean {
  return node.type === 'CallExpression' || node.type === 'NewExpression' || node.type === 'AwaitExpression'
}

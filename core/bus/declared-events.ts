// Which events the plugins that serve have declared, and what of an event's data does not fit.

import type { EventSchemas, StandardIssue } from '@home-console/sdk'

export interface DeclarationOptions {
  readonly plugin: string
  readonly schemas: EventSchemas
  /** Calls into the plugin: a schema is its code. */
  readonly enter: <T>(run: () => T) => T
}

/** What one version of a plugin says of the events that it emits. */
export class Declaration {
  readonly plugin: string
  readonly schemas: EventSchemas
  readonly enter: <T>(run: () => T) => T

  constructor({ plugin, schemas, enter }: DeclarationOptions) {
    this.plugin = plugin
    this.schemas = schemas
    this.enter = enter
  }

  /** @returns what does not fit, empty where all does; null for a type that is not declared here. Never throws. */
  misfits(type: string, data: unknown): readonly StandardIssue[] | null {
    if (!Object.hasOwn(this.schemas, type)) return null
    const schema = this.schemas[type]!
    try {
      const result = this.enter(() => schema['~standard'].validate(data))
      if (!(result instanceof Promise)) return result.issues ?? []
      return [{ message: 'its schema is asynchronous, and an emit never waits.' }]
    } catch (error) {
      return [{ message: error instanceof Error ? String(error.message) : 'its schema threw.' }]
    }
  }
}

export class DeclaredEvents {
  readonly #declarations = new Set<Declaration>()
  /** By type: several plugins may emit the same. */
  readonly #byType = new Map<string, Set<Declaration>>()
  /** Grows with every change. */
  revision = 0

  get all(): readonly Declaration[] {
    return [...this.#declarations]
  }

  add(declaration: Declaration): void {
    this.revision++
    this.#declarations.add(declaration)
    for (const type of Object.keys(declaration.schemas)) {
      const list = this.#byType.get(type)
      if (list === undefined) this.#byType.set(type, new Set([declaration]))
      else list.add(declaration)
    }
  }

  remove(declaration: Declaration): void {
    if (!this.#declarations.delete(declaration)) return
    this.revision++
    for (const type of Object.keys(declaration.schemas)) {
      const list = this.#byType.get(type)
      if (list?.delete(declaration) && list.size === 0) this.#byType.delete(type)
    }
  }

  /**
   * Data that nobody of its sender's own declared must fit what any plugin says of the type.
   *
   * @returns what does not fit; empty where all does, or where nobody declared the type
   */
  misfits(type: string, data: unknown): readonly StandardIssue[] {
    let found: readonly StandardIssue[] = []
    for (const declaration of this.#byType.get(type) ?? []) {
      found = declaration.misfits(type, data) ?? []
      if (found.length === 0) break
    }
    return found
  }
}

// What one generation emits: held until its commit, checked against what it declared, and dropped when it never served.

import type { PluginDefinition } from '@home-console/sdk'
import type { EventBus } from '../bus/event-bus.ts'
import { messageOf } from './fault.ts'

export interface Emission {
  readonly type: string
  readonly data: unknown
  readonly subject: string | undefined
}

export interface EmissionsOptions {
  readonly bus: EventBus
  readonly plugin: string
  /** Calls into the plugin: a schema is its code. */
  readonly enter: <T>(run: () => T) => T
  readonly charge: (error: unknown, where: string) => void
}

type Schemas = NonNullable<PluginDefinition['events']>

export class Emissions {
  readonly #options: EmissionsOptions
  #held: Emission[] | null = []

  constructor(options: EmissionsOptions) {
    this.#options = options
  }

  emit(emission: Emission, schemas: Schemas | undefined): void {
    // What is held must not change meanwhile.
    if (this.#held !== null) this.#held.push({ ...emission, data: copyOf(emission.data) })
    else this.#emit(emission, schemas)
  }

  /** The version serves: what it emitted so far goes out, and from now on everything at once. */
  release(schemas: Schemas | undefined): void {
    const held = this.#held ?? []
    this.#held = null
    for (const emission of held) this.#emit(emission, schemas)
  }

  #emit({ type, data, subject }: Emission, schemas: Schemas | undefined): void {
    const { bus, plugin, charge } = this.#options
    const misfit =
      schemas !== undefined && Object.hasOwn(schemas, type) ? this.#misfit(schemas[type]!, data) : null
    if (misfit === null) bus.emit({ type, data, subject, source: `/plugins/${plugin}` })
    else
      charge(
        new TypeError(`The data of "${type}" does not fit its schema, and was dropped: ${misfit}`),
        `emit "${type}"`,
      )
  }

  #misfit(schema: Schemas[string], data: unknown): string | null {
    try {
      const result = this.#options.enter(() => schema['~standard'].validate(data))
      if (result instanceof Promise) return 'its schema is asynchronous, and an emit never waits.'
      const [issue] = result.issues ?? []
      if (issue === undefined) return null
      const path = (issue.path ?? []).map((key) => String(typeof key === 'object' ? key.key : key)).join('.')
      return `${path === '' ? '' : `${path}: `}${issue.message}`
    } catch (error) {
      return messageOf(error)
    }
  }
}

/** What cannot be copied is no JSON either, and will be refused as such. */
function copyOf(data: unknown): unknown {
  try {
    return structuredClone(data)
  } catch {
    return data
  }
}

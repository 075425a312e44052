// What one generation emits: held until its commit, checked against what was declared, and dropped when it never served.

import type { Declaration } from '../../bus/declared-events.ts'
import type { EventBus } from '../../bus/event-bus.ts'
import { isReserved } from '../../bus/pattern.ts'
import { inWords } from '../fault.ts'

export interface Emission {
  readonly type: string
  readonly data: unknown
  readonly subject: string | undefined
}

export interface EmissionsOptions {
  readonly bus: EventBus
  readonly plugin: string
  readonly charge: (error: unknown, where: string) => void
}

export class Emissions {
  readonly #options: EmissionsOptions
  #held: Emission[] | null = []

  constructor(options: EmissionsOptions) {
    this.#options = options
  }

  /** @param own what the plugin itself declared */
  emit(emission: Emission, own: Declaration | undefined): void {
    // What is held must not change meanwhile.
    if (this.#held !== null) this.#held.push({ ...emission, data: copyOf(emission.data) })
    else this.#emit(emission, own)
  }

  /** The version serves: what it emitted so far goes out, and from now on everything at once. */
  release(own: Declaration | undefined): void {
    const held = this.#held ?? []
    this.#held = null
    for (const emission of held) this.#emit(emission, own)
  }

  #emit({ type, data, subject }: Emission, own: Declaration | undefined): void {
    const { bus, plugin } = this.#options
    let misfits = own?.misfits(type, data)
    if (misfits === undefined || misfits === null) {
      if (isReserved(type)) return this.#drop(type, `"${type}" is the Core's own to say, and was dropped.`)
      misfits = bus.declared.misfits(type, data)
    }
    const [misfit] = misfits
    if (misfit === undefined) bus.emit({ type, data, subject, source: `/plugins/${plugin}` })
    else
      this.#drop(type, `The data of "${type}" does not fit its schema, and was dropped: ${inWords(misfit)}`)
  }

  #drop(type: string, why: string): void {
    this.#options.charge(new TypeError(why), `emit "${type}"`)
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

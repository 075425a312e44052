// The generations of one plugin that are on their way out: drained, closed, and judged by what they left behind.

import type { Reload } from '@home-console/sdk'
import type { Generation } from '../generation/generation.ts'
import { collectSoon } from './collection.ts'
import { timed } from './reloads.ts'

/** For how long a version that was swapped out is left alone. */
const ANSWERS_MS = 1

export interface DeparturesOptions {
  /** Nothing is left of it. */
  readonly onLeft: (generation: Generation) => void
  /** It is gone, and what had to be ended by force stands in the record. */
  readonly onLeaked: (generation: Generation, record: Reload) => void
}

export class Departures {
  readonly #options: DeparturesOptions
  /** With the end of each. */
  readonly #leaving = new Map<Generation, Promise<void>>()

  constructor(options: DeparturesOptions) {
    this.#options = options
  }

  /** With the end of each. */
  get all(): ReadonlyMap<Generation, Promise<void>> {
    return this.#leaving
  }

  /** A version that never served is gone. @returns when nothing of it is left */
  discard(generation: Generation): Promise<void> {
    return this.#leave(generation, generation.discard())
  }

  /**
   * Lets go of a version that served, unless that is under way.
   *
   * @param onDrained what was under way has finished, and nothing is closed yet
   */
  retire(generation: Generation, record: Reload, onDrained?: () => void): void {
    if (generation.ended || this.#leaving.has(generation)) return
    void this.#leave(generation, this.#bury(generation, record, onDrained))
  }

  #leave(generation: Generation, gone: Promise<unknown>): Promise<void> {
    const left = gone.then(() => {
      this.#leaving.delete(generation)
      this.#options.onLeft(generation)
    })
    this.#leaving.set(generation, left)
    return left
  }

  async #bury(generation: Generation, record: Reload, onDrained?: () => void): Promise<void> {
    // What is torn down can wait; whoever asked while the version that follows took over gets his answer first.
    if (onDrained === undefined) await Bun.sleep(ANSWERS_MS)
    const late = await timed(record, 'drain', () => generation.drain())
    onDrained?.()
    const ended = await timed(record, 'close', () => generation.close())
    record.leaks = [...late, ...ended]
    collectSoon()
    if (record.leaks.length > 0) this.#options.onLeaked(generation, record)
  }
}

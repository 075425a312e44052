// The border: the one way into a plugin's code and the one way back, over one module context for each generation.

import { AsyncLocalStorage } from 'node:async_hooks'
import type { Hold } from '@home-console/sdk'
import { Passage, type Context } from '../../bus/storm.ts'
import { coreProblem } from '../../http/answers/problems.ts'
import { handOn } from '../../http/hand-on.ts'
import type { Waiter } from '../../http/request-info.ts'
import { Roster } from '../../roster.ts'
import { LAST, NOW, type Presence } from '../../vigil/record.ts'
import { closedSince, openDescriptors, type Glance } from './descriptors.ts'

/**
 * Calls back as the Core. Every function that the Core hands to a plugin goes through here: what it queues or opens
 * lazily while a plugin calls it would otherwise belong to the plugin, and die with it.
 */
export const leave: Context = AsyncLocalStorage.snapshot()

const home = new Passage(leave)

/** Like `leave`, for what may emit: what an event is caused by is known only before the plugin's context is left. */
export function leaveHandling<T>(run: () => T): T {
  return home.run(run)
}

/** Makes a function that a plugin calls and the Core runs. */
export function leaving<Arguments extends unknown[], Result>(
  run: (...args: Arguments) => Result,
): (...args: Arguments) => Result {
  return (...args) => leave(() => run(...args))
}

/** Whether the calling code runs in a plugin's context. */
export function insidePlugin(): boolean {
  return Bun.ModuleGraph.current !== undefined
}

type OnError = (error: unknown, kind: 'uncaughtException' | 'unhandledRejection') => void

export class Border {
  readonly #graph: Bun.ModuleGraph
  readonly #passage: Passage
  readonly #presence: Presence
  readonly #words: Int32Array
  /** Those who wait for the plugin: rejected when it is ended by force, so that nobody waits for ever. */
  readonly #waiting = new Roster<{ readonly reject: (reason: unknown) => void }>()
  #ended = false

  /**
   * @param globals what stands for the free names in the plugin's modules
   * @param onError told, as the Core, of what the plugin throws with nobody to catch it
   * @param presence where it is put down who is inside
   */
  constructor(globals: Record<string, unknown>, onError: OnError, presence: Presence) {
    this.#graph = openGraph(globals, onError)
    this.#passage = passageInto(this.#graph)
    this.#presence = presence
    this.#words = presence.words
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Loads a module and all that it imports afresh. Rejects when the border is ended meanwhile. */
  import(path: string): Promise<unknown> {
    return this.#settling(this.#graph.import(path))
  }

  /**
   * Calls into the plugin. What it opens there belongs to it, and what goes wrong later is charged to it.
   *
   * @param mark what is done there, for the record of who runs
   * @returns what the call returns; a promise of it is the Core's own, and rejects when the border is ended first
   * @throws what the call throws; Problem `generation_ended` once the border is ended
   */
  enter<T>(run: () => T, mark = this.#presence.mark): T {
    if (this.#ended) throw coreProblem('generation_ended')
    const result = this.#run(run, mark)
    return isThenable(result) ? (this.#settling(result) as T) : result
  }

  /**
   * Calls into the plugin like `enter`, and hands on what comes of it in the turn in which it comes. Never throws. Whoever
   * ends the border abandons the waiters.
   */
  ask<Result>(
    waiter: Waiter,
    run: () => unknown,
    onAnswer: (answer: unknown) => Result,
    onError: (error: unknown) => Result,
  ): Result | Promise<Result> {
    if (this.#ended) return onError(coreProblem('generation_ended'))
    let answer: unknown
    let promised: PromiseLike<unknown> | undefined
    try {
      const { path } = waiter
      answer = this.#run(run, path === undefined ? this.#presence.mark : this.#presence.request(path))
      if (isThenable(answer)) promised = answer
    } catch (error) {
      return onError(error)
    }
    if (promised === undefined) return onAnswer(answer)
    return handOn(waiter, promised, onAnswer, onError)
  }

  /** Inside, the record says who it is: the loop may be blocked there, or the process end. */
  #run<T>(run: () => T, mark: number): T {
    const words = this.#words
    const before = words[NOW]!
    words[NOW] = words[LAST] = mark
    try {
      return this.#passage.run(run)
    } finally {
      words[NOW] = before
    }
  }

  /**
   * Ends what the plugin opened and did not close, and rejects whoever still waits for it.
   *
   * @param glance what was open shortly before, so that what is ended can be told from what others open, and named
   * @returns what was ended, as far as the system can name it
   */
  end(glance?: Glance): Hold[] {
    if (this.#ended) return []
    this.#ended = true
    const before = openDescriptors(glance)
    this.#graph.dispose()
    const closed = closedSince(before)
    const reason = coreProblem('generation_ended')
    for (const { reject } of this.#waiting) reject(reason)
    return closed
  }

  /** A promise of the Core's own over one of the plugin's, which would never settle once the plugin is ended. */
  #settling<T>(promise: PromiseLike<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const waiter = { reject }
      this.#waiting.add(waiter)
      promise.then(
        (value) => {
          this.#waiting.delete(waiter)
          resolve(value)
        },
        (error: unknown) => {
          this.#waiting.delete(waiter)
          reject(error)
        },
      )
    })
  }
}

/** A function of its own: what a graph keeps must not be made where another generation is in sight. */
function openGraph(globals: Record<string, unknown>, onError: OnError): Bun.ModuleGraph {
  return new Bun.ModuleGraph({ globals, onError })
}

/** A snapshot does what the graph's `run` does, at a tenth of its cost; but it does not refuse once the graph is disposed of. */
function passageInto(graph: Bun.ModuleGraph): Passage {
  return new Passage(leave(() => graph.run(() => AsyncLocalStorage.snapshot())))
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    value instanceof Promise ||
    (typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function')
  )
}

// An async iterable that a service gave: each step runs in the provider, and it ends when either of the two goes.

import { chargeTo } from './blame.ts'
import { callersPromise } from './callers-promise.ts'
import type { IterationEnd, Provider, Surroundings, User, Work } from './parties.ts'

type Step = Promise<IteratorResult<unknown>>

const done = (): Step => Promise.resolve({ done: true, value: undefined })

/** What the user iterates over. */
export class Iteration implements AsyncIterableIterator<unknown> {
  readonly #label: string
  readonly #iterator: AsyncIterator<unknown>
  readonly #provider: Provider
  readonly #user: User
  readonly #surroundings: Surroundings
  readonly #waiting = new Set<Work>()
  readonly #atProvider: IterationEnd
  readonly #atUser: IterationEnd
  /** Gives what every step gives from now on; set once it has ended. */
  #outcome: (() => Step) | undefined

  /** @throws what the iterable throws when it is asked for its iterator */
  constructor(
    label: string,
    source: AsyncIterable<unknown>,
    provider: Provider,
    user: User,
    surroundings: Surroundings,
  ) {
    this.#label = label
    this.#provider = provider
    this.#user = user
    this.#surroundings = surroundings
    this.#iterator = provider.enter(() => source[Symbol.asyncIterator]())
    const end = { kind: 'iteration', label, lasting: true } as const
    this.#atProvider = {
      ...end,
      finish: () => this.#end(swapped) && this.#sayGoodbye(),
      cut: () => {
        this.#end(swapped)
        provider.closeStream(this.#atProvider)
      },
    }
    const leave = () => this.#end(done) && this.#sayGoodbye()
    this.#atUser = { ...end, finish: leave, cut: leave }
    const swapped = (): Step =>
      Promise.reject(
        surroundings.problem('service_swapped', `The provider of "${label}" was swapped. Begin again.`),
      )
    provider.open(this.#atProvider)
    user.open(this.#atUser)
    if (user.signal.aborted) leave()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Step {
    const step = () => this.#outcome?.() ?? this.#step(() => this.#iterator.next())
    return callersPromise(this.#surroundings.leave(step))
  }

  /** Called by the language when a loop is left early. */
  return(value?: unknown): Step {
    return this.#surroundings.leave(async () => {
      if (this.#end(done)) await this.#giveBack()
      return { done: true, value }
    })
  }

  /** @returns whether it had not ended yet */
  #end(outcome: () => Step): boolean {
    if (this.#outcome !== undefined) return false
    this.#outcome = outcome
    this.#user.closeStream(this.#atUser)
    for (const work of this.#waiting) work.abandon?.(null)
    return true
  }

  #step(run: () => unknown): Step {
    const work: Work = { kind: 'service call', label: this.#label, abandon: undefined }
    this.#waiting.add(work)
    return Promise.resolve(
      this.#provider.ask<Step | IteratorResult<unknown>>(
        work,
        run,
        (result) => {
          this.#waiting.delete(work)
          if (typeof result !== 'object' || result === null)
            return this.#break(new TypeError(`A step of "${this.#label}" gave no object.`))
          const step = result as IteratorResult<unknown>
          if (step.done === true && this.#end(done)) this.#provider.closeStream(this.#atProvider)
          return step
        },
        (error) => {
          this.#waiting.delete(work)
          return this.#outcome?.() ?? this.#break(error)
        },
      ),
    )
  }

  #break(error: unknown): Step {
    if (this.#end(done)) this.#provider.closeStream(this.#atProvider)
    chargeTo(this.#provider, error, this.#label)
    return Promise.reject(error)
  }

  /** Ends it in the provider, where it may have to tidy up. */
  async #giveBack(): Promise<void> {
    const provider = this.#provider
    const work: Work = { kind: 'service call', label: this.#label, abandon: undefined }
    try {
      await provider.ask<unknown>(
        work,
        () => this.#iterator.return?.(),
        () => undefined,
        (error) => {
          chargeTo(provider, error, this.#label)
          return Promise.reject(error)
        },
      )
    } finally {
      provider.closeStream(this.#atProvider)
    }
  }

  #sayGoodbye(): void {
    // What went wrong in it was charged, and nobody waits for it.
    this.#giveBack().catch(() => undefined)
  }
}

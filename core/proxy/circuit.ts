// Leaves a service alone that failed so often in a row, and tries it with one call at a time until it answers again.

import type { CircuitBreakerPolicy } from 'cockatiel'

/** So many failures in a row, with no answer between them. */
const FAILURES = 5
/** The first pause; each one after a failed try is twice as long. */
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000

export type CircuitState = 'closed' | 'open' | 'half_open'

/** It is open: nothing was called. */
export class CircuitOpen extends Error {
  override readonly name = 'CircuitOpen'
}

export interface CircuitOptions {
  /** Whether an error says that the service fails, and not only that its caller left. */
  readonly isFailure: (error: unknown) => boolean
  /** Whether an error says that the service has answered, if not as it should. */
  readonly isAnswer: (error: unknown) => boolean
  readonly onChange: (state: CircuitState) => void
}

/** The library is loaded at the first failure, and lets go of at the first answer after it: who answers costs nothing. */
export class Circuit {
  readonly #options: CircuitOptions
  #policy: CircuitBreakerPolicy | undefined
  #state: CircuitState = 'closed'

  constructor(options: CircuitOptions) {
    this.#options = options
  }

  get state(): CircuitState {
    return this.#state
  }

  /** Whether no failure is on record: then it is enough to tell it of the next one. */
  get isClean(): boolean {
    return this.#policy === undefined
  }

  /** @throws CircuitOpen; what the call throws */
  async run<T>(call: () => Promise<T>): Promise<T> {
    const policy = this.#policy
    if (policy === undefined) {
      try {
        const result = await call()
        this.noteAnswer()
        return result
      } catch (error) {
        await this.note(error)
        throw error
      }
    }
    // The library lets others wait for the one that tries; a client is better told.
    if (this.#state === 'half_open') throw new CircuitOpen()
    let called = false
    const result = await policy
      .execute(() => {
        called = true
        return call()
      })
      .catch((error: unknown) => {
        throw called ? error : new CircuitOpen()
      })
    if (this.#state === 'closed' && this.#policy === policy) this.#policy = undefined
    return result
  }

  /** Counts what a call threw that began when there was no failure on record. */
  async note(error: unknown): Promise<void> {
    if (this.#options.isAnswer(error)) this.noteAnswer()
    if (!this.#options.isFailure(error)) return
    this.#policy ??= await this.#newPolicy()
    await this.#policy.execute(() => Promise.reject(error)).catch(() => {})
  }

  /** Such a call was answered: what failed meanwhile was no service that fails again and again. */
  noteAnswer(): void {
    if (this.#state === 'closed') this.#policy = undefined
  }

  async #newPolicy(): Promise<CircuitBreakerPolicy> {
    const { circuitBreaker, ConsecutiveBreaker, ExponentialBackoff, handleWhen, noJitterGenerator } =
      await import('cockatiel')
    if (this.#policy !== undefined) return this.#policy
    const { isFailure, isAnswer, onChange } = this.#options
    const policy = circuitBreaker(
      // A try whose caller left has shown nothing: the service is left alone for another while.
      handleWhen((error) => isFailure(error) || (this.#state === 'half_open' && !isAnswer(error))),
      {
        breaker: new ConsecutiveBreaker(FAILURES),
        halfOpenAfter: new ExponentialBackoff({
          initialDelay: FIRST_PAUSE_MS,
          maxDelay: LONGEST_PAUSE_MS,
          generator: noJitterGenerator,
        }),
      },
    )
    const become = (state: CircuitState) => {
      // One that was let go of may still have calls under way.
      if (this.#policy !== policy) return
      this.#state = state
      onChange(state)
    }
    policy.onBreak(() => become('open'))
    policy.onHalfOpen(() => become('half_open'))
    policy.onReset(() => become('closed'))
    return policy
  }
}

// One name: who provides it now and who uses it, and the way that every call to it takes.

import type { Surroundings, User } from './parties.ts'
import type { Provision } from './provision.ts'
import type { Use } from './use.ts'

/** What a call gives to code that should not run any more: it would go on for as long as its calls are answered. */
export function never(): Promise<never> {
  return new Promise(() => {})
}

/** How many calls may wait for a service that is held. */
const MOST_WAITING = 1_000

export class Service {
  readonly name: string
  readonly surroundings: Surroundings
  /** What serves, what falls silent before long, and what is staged: of one plugin, or of one that goes and the next. */
  readonly claims = new Set<Provision>()
  readonly uses = new Set<Use>()
  /** What serves. */
  provision: Provision | null = null
  calls = 0
  failed = 0
  #holds = 0
  #waiting: (() => void)[] = []

  constructor(name: string, surroundings: Surroundings) {
    this.name = name
    this.surroundings = surroundings
  }

  /** Calls whoever provides the service now. Never throws. */
  call(user: User, method: string, args: readonly unknown[]): Promise<unknown> {
    this.calls++
    return this.#call(user, method, args)
  }

  #call(user: User, method: string, args: readonly unknown[]): Promise<unknown> {
    if (user.ended) return never()
    const staged = user.isStaged ? this.#stagedFor(user) : undefined
    if (staged !== undefined) return staged.call(user, method, args)
    const { problem } = this.surroundings
    if (this.#holds > 0) {
      if (this.#waiting.length < MOST_WAITING)
        return new Promise((resolve) => this.#waiting.push(() => resolve(this.#call(user, method, args))))
      return this.fail(
        problem('service_unavailable', `"${this.name}" is being swapped, and too many wait for it.`),
      )
    }
    if (this.provision === null)
      return this.fail(problem('service_unavailable', `No plugin provides "${this.name}" now.`))
    return this.provision.call(user, method, args)
  }

  /** What a staged user goes live with, and so is to be loaded with: its own, or of one that it required and that was staged before. */
  #stagedFor(user: User): Provision | undefined {
    const isRequired = user.requires.includes(this.name)
    return this.claims
      .values()
      .find(
        ({ provider }) =>
          provider.isStaged && ((provider as object) === user || (isRequired && user.mayGo.has(provider.id))),
      )
  }

  /** A call has failed. */
  fail(error: unknown): Promise<never> {
    this.failed++
    return Promise.reject(error)
  }

  /** From now on calls wait. Gives what lets them go on. */
  hold(): () => void {
    this.#holds++
    let held = true
    return () => {
      if (!held) return
      held = false
      if (--this.#holds > 0) return
      const waiting = this.#waiting
      this.#waiting = []
      for (const goOn of waiting) goOn()
    }
  }
}

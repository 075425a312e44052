// Who meets at a service, as far as the registry knows them: the generation that provides it, and one that uses it.

import type { Hold } from '@home-console/sdk'

/** Something under way in a provider. Whoever waits for it can be told that it is of no more use. */
export interface Work extends Hold {
  abandon: ((reason: unknown) => void) | undefined
}

/** An iteration as one of its two ends sees it. A drain ends it (`finish`), or breaks it off (`cut`). */
export interface IterationEnd extends Hold {
  readonly lasting: true
  finish(): void
  cut(): void
}

interface Party {
  /** Whether it is loaded, and not live yet. */
  readonly isStaged: boolean
  /** Of the plugin. */
  readonly id: string
  /** Of the generation. */
  readonly number: number
  /** Ids of plugins that go, or swap, in the tick in which it goes live: what they provide may be free by then. */
  readonly mayGo: ReadonlySet<string>
  open(end: IterationEnd): void
  closeStream(end: IterationEnd): void
}

export interface Provider extends Party {
  enter<T>(run: () => T): T
  ask<Result>(
    work: Work,
    run: () => unknown,
    onAnswer: (answer: unknown) => Result,
    onError: (error: unknown) => Result,
  ): Result | Promise<Result>
  begin(work: Work): void
  end(work: Work): void
  charge(error: unknown, where: string): void
}

export interface User extends Party {
  /** Whether its module context is gone: nothing of it may go on. */
  readonly ended: boolean
  /** Aborts when it is closed. */
  readonly signal: AbortSignal
  /** The plugin's own, absolute. */
  readonly files: ReadonlySet<string>
  /** The services that it declared. */
  readonly requires: readonly string[]
}

/** What the registry needs of the rest of the Core. */
export interface Surroundings {
  /** Runs as the Core what a user's code calls, with the event that is being handled still known. */
  readonly leave: <T>(run: () => T) => T
  /** An error of the Core's own book. */
  readonly problem: (
    code:
      | 'invalid_argument'
      | 'service_taken'
      | 'service_unavailable'
      | 'service_method_missing'
      | 'service_swapped',
    detail: string,
  ) => Error
}

// Long-lived work of one generation: started at the commit, told to end at the next, started again when it fails.

import type { Hold, TaskOptions } from '@home-console/sdk'
import { settlesWithin, type Clock } from '../../clock.ts'
import type { Held } from '../../scope/scope.ts'

/** How long a task may take to end, and its successor waits for it, in ms. */
const TASK_END_MS = 5_000

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 5 * 60_000
/** A task that ran this long has proven itself: the next failure begins with the shortest pause again. */
const PROVEN_MS = 5 * 60_000

export interface TaskOwner {
  readonly clock: Clock
  /** @param work what it is, for the record of who runs */
  enter<T>(run: () => T, work: Hold): T
  newAbortController(): AbortController
  charge(error: unknown, where: string): void
}

export class Task implements Held {
  readonly kind = 'task'
  readonly label: string
  /** What must have ended before this one starts: tasks of the same label in generations before. */
  predecessors: Promise<unknown>[] = []
  readonly #run: (signal: AbortSignal) => unknown
  readonly #restart: NonNullable<TaskOptions['restart']>
  readonly #owner: TaskOwner
  readonly #controller: AbortController
  readonly #ended = Promise.withResolvers<void>()
  #started = false
  #wake: (() => void) | undefined

  constructor(
    label: string,
    run: (signal: AbortSignal) => unknown,
    { restart = 'on-failure' }: TaskOptions,
    owner: TaskOwner,
  ) {
    this.label = label
    this.#run = run
    this.#restart = restart
    this.#owner = owner
    this.#controller = owner.newAbortController()
  }

  /** Settles when it has come to its end for good. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  goLive(): void {
    this.#started = true
    const before = Promise.all(this.predecessors)
    // Kept no longer than needed: else each generation would hold the one before.
    this.predecessors = []
    void this.#live(before).finally(() => this.#ended.resolve())
  }

  fallSilent(): void {
    if (this.#controller.signal.aborted) return
    this.#controller.abort()
    this.#wake?.()
    if (!this.#started) this.#ended.resolve()
  }

  /** It was told to end, and the drain has waited for it. */
  release(): void {
    this.fallSilent()
  }

  async #live(predecessors: Promise<unknown>): Promise<void> {
    // In any case not before the commit is done: what it emits at once must find every subscription live.
    await settlesWithin(predecessors, TASK_END_MS)
    const { signal } = this.#controller
    const { clock } = this.#owner
    let pause = FIRST_PAUSE_MS
    while (!signal.aborted) {
      const startedAt = clock.now()
      let failed = false
      try {
        await this.#owner.enter(() => this.#run(signal), this)
      } catch (error) {
        failed = true
        // A task that ends by throwing what its signal threw did as it was told.
        if (!signal.aborted) this.#owner.charge(error, `task "${this.label}"`)
      }
      if (signal.aborted || this.#restart === 'never' || (this.#restart === 'on-failure' && !failed)) return
      if (clock.now() - startedAt >= PROVEN_MS) pause = FIRST_PAUSE_MS
      await this.#sleep(pause)
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS)
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#owner.clock.after(ms, resolve)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
  }
}

/** The tasks of one generation. */
export class Tasks {
  readonly #tasks = new Set<Task>()

  add(task: Task): void {
    this.#tasks.add(task)
    void task.ended.then(() => this.#tasks.delete(task))
  }

  /** Makes each wait for its namesakes in a generation before: what must not run twice never does. */
  follow(previous: Tasks): void {
    for (const task of this.#tasks)
      for (const { label, ended } of previous.#tasks) if (label === task.label) task.predecessors.push(ended)
  }

  /** Waits for all to end, after they were told to; gives those that did not. */
  async end(): Promise<Hold[]> {
    const late = await Promise.all(
      [...this.#tasks].map(async (task) => ((await settlesWithin(task.ended, TASK_END_MS)) ? null : task)),
    )
    return late.filter((task) => task !== null).map(({ kind, label }) => ({ kind, label }))
  }
}

// Carries letters to their targets: each target at its own pace, and again after a growing pause when it fails.

import type { PluginContext } from '@home-console/sdk'
import type { events } from './contract.ts'
import type { Letter, Outbox } from './outbox.ts'
import { post } from './post.ts'
import type { Target, Targets } from './targets.ts'

const FIRST_PAUSE_MS = 5_000
const LONGEST_PAUSE_MS = 15 * 60_000
const MOST_ATTEMPTS = 20
const LONGEST_AGE_MS = 86_400_000
/** How long a delivery under way may go on when this version makes way: less than a task is given to end. */
const GRACE_MS = 3_000

/** How it goes with one target. */
interface Lane {
  failures: number
  pausedUntil: number
}

type Context = Pick<PluginContext<typeof events>, 'after' | 'events' | 'log' | 'status'>

export class Courier {
  readonly #ctx: Context
  readonly #targets: Targets
  readonly #outbox: Outbox
  readonly #attempts = new WeakMap<Letter, number>()
  readonly #lanes = new Map<string, Lane>()
  readonly #troubles = new Map<string, string>()
  #bell = Promise.withResolvers<void>()

  constructor(ctx: Context, targets: Targets, outbox: Outbox) {
    this.#ctx = ctx
    this.#targets = targets
    this.#outbox = outbox
  }

  /** There is something new to carry. */
  wake(): void {
    this.#bell.resolve()
  }

  /** The targets have changed: what was known of them holds no longer. */
  startAnew(): void {
    this.#lanes.clear()
    this.#troubles.clear()
    this.#tellStatus()
    this.wake()
  }

  fail({ id, target }: Letter, reason: string): void {
    this.#ctx.log.warn(`A notification was not delivered to "${target}": ${reason}`, { id })
    this.#ctx.events.emit('notify.failed', { id, target, reason })
  }

  /** Only one version carries at a time: a task begins when that of the version before has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const hurry = new AbortController()
    signal.addEventListener('abort', () => {
      this.wake()
      AbortSignal.timeout(GRACE_MS).addEventListener('abort', () => hurry.abort())
    })
    this.#outbox.load()
    this.#tellStatus()
    while (!signal.aborted) {
      this.#bell = Promise.withResolvers()
      this.#clear()
      await Promise.all(this.#targets.list.map((target) => this.#serve(target, signal, hurry.signal)))
      if (!signal.aborted) await this.#rest()
    }
  }

  /** Gives up what nobody would want any more. */
  #clear(): void {
    const names = new Set(this.#targets.list.map(({ name }) => name))
    for (const letter of this.#outbox.list()) {
      const known = names.has(letter.target)
      if (known && Date.now() - Date.parse(letter.sentAt) < LONGEST_AGE_MS) continue
      this.#outbox.remove(letter)
      this.fail(letter, known ? 'it could not be delivered for a day' : 'there is no such target any more')
    }
  }

  /** All that waits for one target, until it fails. */
  async #serve(target: Target, signal: AbortSignal, hurry: AbortSignal): Promise<void> {
    const lane = this.#lane(target.name)
    for (const letter of this.#outbox.list().filter((one) => one.target === target.name)) {
      if (signal.aborted || lane.pausedUntil > Date.now()) return
      const attempts = (this.#attempts.get(letter) ?? 0) + 1
      this.#attempts.set(letter, attempts)
      const outcome = await post(target, letter.id, letter.message, hurry)
      // The next version tries it again.
      if (hurry.aborted && outcome.kind === 'later') return
      if (outcome.kind === 'later') {
        lane.pausedUntil = Date.now() + Math.max(outcome.waitMs, pauseAfter(lane.failures++))
        if (attempts < MOST_ATTEMPTS) this.#ctx.log.info(`"${target.name}" is tried again: ${outcome.reason}`)
      } else lane.failures = 0
      this.#note(target.name, outcome.kind === 'delivered' ? null : outcome.reason)
      if (outcome.kind === 'later' && attempts < MOST_ATTEMPTS) return
      this.#outbox.remove(letter)
      if (outcome.kind === 'delivered')
        this.#ctx.events.emit('notify.delivered', { id: letter.id, target: target.name, attempts })
      else this.fail(letter, outcome.reason)
    }
  }

  /** Until there is something new, or a pause is over. */
  async #rest(): Promise<void> {
    const waiting = new Set(this.#outbox.list().map(({ target }) => target))
    const dues = [...waiting].map((name) => this.#lane(name).pausedUntil)
    const stop =
      dues.length > 0 && this.#ctx.after(Math.max(0, Math.min(...dues) - Date.now()), () => this.wake())
    await this.#bell.promise
    if (stop) stop()
  }

  #lane(name: string): Lane {
    let lane = this.#lanes.get(name)
    if (lane === undefined) this.#lanes.set(name, (lane = { failures: 0, pausedUntil: 0 }))
    return lane
  }

  #note(name: string, trouble: string | null): void {
    if (trouble === null) this.#troubles.delete(name)
    else this.#troubles.set(name, trouble)
    this.#tellStatus()
  }

  #tellStatus(): void {
    const troubles = Array.from(this.#troubles, ([name, reason]) => `"${name}": ${reason}`)
    if (this.#targets.list.length === 0)
      this.#ctx.status('targets', 'degraded', 'There is none yet: PUT /api/plugins/notify/targets.')
    else if (troubles.length > 0) this.#ctx.status('targets', 'degraded', troubles.join('; '))
    else this.#ctx.status('targets', 'ok')
  }
}

/** Growing, and never quite the same: what failed together does not come back together. */
function pauseAfter(failures: number): number {
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS)
  return pause * (0.75 + Math.random() / 2)
}

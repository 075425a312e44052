// What is still to be delivered: so many and no more, kept until it is, through swaps and restarts.

import { type PluginContext, z } from '@home-console/sdk'
import { Message } from './contract.ts'
import { rank } from './targets.ts'

export const Letter = z
  .object({
    id: z.string().describe('Of the notification'),
    target: z.string(),
    message: Message,
    sentAt: z.iso.datetime(),
  })
  .openapi('Letter')
export type Letter = z.infer<typeof Letter>

const PREFIX = 'outbox/'
const CAPACITY = 200

/** In memory, and each under a key of its own: one write when it comes, and one when it has gone. */
export class Outbox {
  readonly #ctx: Pick<PluginContext, 'kv' | 'log'>
  readonly #letters = new Map<string, Letter>()

  constructor(ctx: Pick<PluginContext, 'kv' | 'log'>) {
    this.#ctx = ctx
  }

  /** Takes over what a version before left behind. */
  load(): void {
    const { kv, log } = this.#ctx
    for (const key of kv.list(PREFIX)) {
      if (this.#letters.has(key)) continue
      const { success, data } = Letter.safeParse(kv.get(key))
      if (success) this.#letters.set(key, data)
      else {
        log.warn('A notification of an older version cannot be read, and is dropped.', { key })
        kv.delete(key)
      }
    }
  }

  /** @returns the letter that had to make way for it: the oldest of those that matter least */
  add(letter: Letter): Letter | null {
    const key = keyOf(letter)
    this.#letters.set(key, letter)
    try {
      this.#ctx.kv.set(key, letter)
    } catch (error) {
      // That the disk is full may be just what it says.
      this.#ctx.log.warn(`A notification would not survive a restart: ${(error as Error).message}`)
    }
    if (this.#letters.size <= CAPACITY) return null
    const least = this.list().at(-1)!
    const victim = this.list().find(({ message }) => message.priority === least.message.priority)!
    this.remove(victim)
    return victim
  }

  remove(letter: Letter): void {
    const key = keyOf(letter)
    this.#letters.delete(key)
    try {
      this.#ctx.kv.delete(key)
    } catch (error) {
      this.#ctx.log.warn(`A notification may be delivered again after a restart: ${(error as Error).message}`)
    }
  }

  /** What matters most first, and of that the oldest. */
  list(): Letter[] {
    return [...this.#letters.values()].sort(
      (one, other) =>
        rank(other.message.priority) - rank(one.message.priority) || one.sentAt.localeCompare(other.sentAt),
    )
  }
}

function keyOf({ id, target }: Letter): string {
  return `${PREFIX}${id}/${target}`
}

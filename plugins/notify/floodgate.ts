// Keeps a source that repeats itself from flooding the owner: the same again is the same, and too many are refused.

import { problem } from '@home-console/sdk'
import type { Message } from './contract.ts'

const WINDOW_MS = 10 * 60_000
const MOST_PER_SOURCE = 20

interface Passed {
  readonly id: string
  readonly at: number
  readonly source: string
  readonly text: string
}

export class Floodgate {
  #passed: Passed[] = []

  /**
   * @returns the id of the same from the same source within ten minutes, or null: then it passes under its own
   * @throws Problem `too_many`
   */
  pass({ source, title, message }: Message, id: string, now: number): string | null {
    // What seems to come from the future passed before the clock was set back.
    this.#passed = this.#passed.filter(({ at }) => at <= now && now - at < WINDOW_MS)
    const text = `${title}\n${message}`
    const own = this.#passed.filter((passed) => passed.source === source)
    const same = own.find((passed) => passed.text === text)
    if (same !== undefined) return same.id
    if (own.length >= MOST_PER_SOURCE) {
      throw problem(
        429,
        'too_many',
        `"${source}" has sent ${MOST_PER_SOURCE} notifications within ten minutes, and has to wait.`,
      )
    }
    this.#passed.push({ id, at: now, source, text })
    return null
  }
}

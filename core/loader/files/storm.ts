// Tells a storm of saves, of which only the last one matters, from saves that each somebody waits for.

/** What is replaced more often than this, in so many ms, is in a storm. */
const MOST_SAVES = 10
const SAVES_MS = 40
/** So is what is replaced more often than this, in so many ms, before the version of the save before is loaded. */
const MOST_OVERTAKEN = 5
const OVERTAKEN_MS = 1_000

export class Storm {
  readonly #isLoading: (path: string) => boolean
  readonly #saves = new Frequency(SAVES_MS)
  readonly #overtaken = new Frequency(OVERTAKEN_MS)

  /** @param isLoading whether a version that a file belongs to is on its way */
  constructor(isLoading: (path: string) => boolean) {
    this.#isLoading = isLoading
  }

  /** A file was replaced. @returns whether that is one of too many */
  note(path: string, now: number): boolean {
    const saves = this.#saves.count(path, now)
    const overtaken = this.#isLoading(path) ? this.#overtaken.count(path, now) : 0
    return saves > MOST_SAVES || overtaken > MOST_OVERTAKEN
  }
}

/** How often something happened to each file in a window of time. */
class Frequency {
  readonly #windowMs: number
  readonly #windows = new Map<string, { readonly since: number; count: number }>()

  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  /** @returns how often it has happened since the window began */
  count(path: string, now: number): number {
    const window = this.#windows.get(path)
    if (window !== undefined && now - window.since < this.#windowMs) return ++window.count
    this.#windows.set(path, { since: now, count: 1 })
    return 1
  }
}

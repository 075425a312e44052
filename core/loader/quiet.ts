// Waits until saved files can be read: a whole file at once, one that is written in place when it has been quiet.

import { statSync } from 'node:fs'

/** A file that is written in place is read when it has been quiet for this long, in ms. */
export const QUIET_MS = 50

export class Quiet {
  readonly #onQuiet: (files: string[], waitedMs: number) => void
  readonly #noticed = new Set<string>()
  #since = 0
  #timer: Timer | undefined

  /** @param onQuiet gets what was noted since the last time, and for how long that waited */
  constructor(onQuiet: (files: string[], waitedMs: number) => void) {
    this.#onQuiet = onQuiet
  }

  /** @param whole the file was finished elsewhere and moved here: nobody is writing it */
  note(path: string, whole: boolean): void {
    if (this.#noticed.size === 0) this.#since = performance.now()
    this.#noticed.add(path)
    if (whole && this.#timer === undefined) this.#settle()
    else this.#wait(QUIET_MS)
  }

  forget(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#noticed.clear()
  }

  #wait(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      // The loop may have been blocked, and events be on their way that this timer overtook.
      const age = Math.min(...Array.from(this.#noticed, ageOf))
      if (age >= 0 && age < QUIET_MS) this.#wait(QUIET_MS - age + 1)
      else this.#settle()
    }, ms)
  }

  #settle(): void {
    const files = [...this.#noticed]
    this.#noticed.clear()
    this.#onQuiet(files, performance.now() - this.#since)
  }
}

/** How long ago a file was written, in ms; Infinity for one that is gone. */
function ageOf(path: string): number {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats === undefined ? Number.POSITIVE_INFINITY : Date.now() - Math.max(stats.mtimeMs, stats.ctimeMs)
}

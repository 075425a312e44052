// Decides when a child that died is started again, and when it is not worth it any more.

/** The first pause, in ms. */
const FIRST_MS = 100
const STEP_MS = 25
const LONGEST_MS = 30_000
/** So many in a row that never came up. */
const MOST_IN_A_ROW = 6
/** So many within the window, however well they began. */
const MOST_IN_WINDOW = 30
const WINDOW_MS = 60_000

export class Deaths {
  #times: number[] = []
  /** Without having been up. */
  #row = 0

  /**
   * One that came up and died is back soon, a little later each time; one that never did is tried ever more rarely.
   *
   * @returns for how many ms to pause; null to give up
   */
  another(cameUp: boolean, now = performance.now()): number | null {
    this.#times = this.#times.filter((time) => now - time < WINDOW_MS)
    this.#times.push(now)
    this.#row = cameUp ? 0 : this.#row + 1
    if (this.#row >= MOST_IN_A_ROW || this.#times.length > MOST_IN_WINDOW) return null
    if (this.#row === 0) return FIRST_MS + STEP_MS * (this.#times.length - 1)
    return Math.min(FIRST_MS * 2 ** (this.#row - 1), LONGEST_MS)
  }

  /** Why it is not started any more. */
  get verdict(): string {
    return this.#row >= MOST_IN_A_ROW
      ? `It died ${this.#row} times in a row before it answered, and is not started again.`
      : `It died ${this.#times.length} times within ${WINDOW_MS / 1_000} s, and is not started again.`
  }
}

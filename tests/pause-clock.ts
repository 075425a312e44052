// A test's clock that knows for how long it was asked to wait, each time.

import { TestClock } from '../core/sdk/testing/test-clock.ts'

export class PauseClock extends TestClock {
  /** In ms, in order. */
  readonly pauses: number[] = []

  override after(ms: number, run: () => void): () => void {
    this.pauses.push(ms)
    return super.after(ms, run)
  }
}

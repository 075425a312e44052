// Follows numbered events on one stream: each number must come once, and in order.

import type { CloudEvent } from '@home-console/sdk'

export class Numbered {
  received = 0
  lost = 0
  doubled = 0
  /** The last number of each type. */
  readonly #last = new Map<string, number>()

  readonly take = ({ type, data }: CloudEvent<{ n: number }>): void => {
    this.received++
    const last = this.#last.get(type)
    if (last !== undefined && data.n <= last) this.doubled++
    else if (last !== undefined) this.lost += data.n - last - 1
    this.#last.set(type, Math.max(last ?? 0, data.n))
  }
}

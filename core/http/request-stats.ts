// What the metrics say of the requests to one mount: counted by status, and how long they took.

/** Upper bounds of the histogram, in seconds. */
export const DURATION_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const

export class RequestStats {
  readonly byStatus = new Map<number, number>()
  /** How many took up to the bound of the same index; the last one counts all that took longer. */
  readonly buckets: number[] = new Array(DURATION_BUCKETS.length + 1).fill(0)
  seconds = 0

  /** @param ms from the request's arrival to the head of its answer */
  add(status: number, ms: number): void {
    this.byStatus.set(status, (this.byStatus.get(status) ?? 0) + 1)
    const seconds = ms / 1_000
    this.seconds += seconds
    let index = 0
    while (index < DURATION_BUCKETS.length && seconds > DURATION_BUCKETS[index]!) index++
    this.buckets[index]!++
  }
}

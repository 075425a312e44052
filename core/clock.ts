// Time, as one thing that can be handed over: the real clock here, one that a test turns elsewhere.

export interface Clock {
  /** Ms since the epoch. */
  now(): number
  /** Calls back once, after so many ms; gives what cancels it. */
  after(ms: number, run: () => void): () => void
}

/** The longest delay that a timer of the platform takes; a longer one fires at once. */
const LONGEST_TIMER = 2 ** 31 - 1

export const realClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(Math.max(0, ms), LONGEST_TIMER))
    return () => clearTimeout(timer)
  },
}

/**
 * Waits for a promise, but not longer than so many real ms.
 *
 * @returns whether it settled in time; its error, if it had one, is thrown
 */
export async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const { promise: expired, resolve } = Promise.withResolvers<false>()
  const timer = setTimeout(resolve, ms, false)
  try {
    return await Promise.race([promise.then(() => true as const), expired])
  } finally {
    // A timer left behind would keep what the promise holds for as long as it sleeps.
    clearTimeout(timer)
  }
}

// Waits for an answer in somebody's place, and gives up when told that it is of no more use.

import type { Waiter } from './request-info.ts'

/** Hands on what comes of a promise, in the turn in which it comes, or why nobody waits for it any longer. Never throws. */
export function handOn<Result>(
  waiter: Waiter,
  promised: PromiseLike<unknown>,
  onAnswer: (answer: unknown) => Result,
  onError: (error: unknown) => Result,
): Promise<Result> {
  return new Promise((resolve) => {
    const settle = (hand: () => Result) => {
      if (waiter.abandon !== fail) return
      waiter.abandon = undefined
      resolve(hand())
    }
    const fail = (error: unknown) => settle(() => onError(error))
    waiter.abandon = fail
    // A `then` of a plugin's own may throw.
    try {
      promised.then((value) => settle(() => onAnswer(value)), fail)
    } catch (error) {
      fail(error)
    }
  })
}

// The promise that a caller gets: where it is rejected and nobody awaits it, that is the caller's mistake.

/** Must run as the caller. A promise that the Core made would be nobody's. */
export function callersPromise<T>(promise: Promise<T>): Promise<T> {
  return Bun.peek.status(promise) === 'fulfilled' ? promise : waitFor(promise)
}

async function waitFor<T>(promise: Promise<T>): Promise<T> {
  return await promise
}

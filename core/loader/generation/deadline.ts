// A deadline for work that the Core waits for, told apart from the work's own failure.

import { PluginError, type Position } from '../fault.ts'

/**
 * Waits for a promise, but not longer than so many ms, and not beyond an abort.
 *
 * @throws what the promise rejects with; PluginError with the code when it is late; the signal's reason when it aborts
 */
export async function within<T>(
  promise: Promise<T> | T,
  ms: number,
  late: { code: string; message: string; position?: Position },
  signal: AbortSignal,
): Promise<T> {
  signal.throwIfAborted()
  if (!(promise instanceof Promise)) return promise
  const { promise: ended, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort)
  const timer = setTimeout(() => reject(new PluginError(late.code, late.message, late.position)), ms)
  try {
    return await Promise.race([promise, ended])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}

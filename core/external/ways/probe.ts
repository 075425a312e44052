// Asks a service whether it is well.

import { call } from '../call.ts'
import type { Place } from '../reach.ts'

/**
 * A redirect is no good answer.
 *
 * @returns null when it answers 2xx; else why it is not well
 */
export async function probe(place: Place, path: string, timeoutMs: number): Promise<string | null> {
  try {
    const response = await call(place, path, { signal: AbortSignal.timeout(timeoutMs), keepalive: false })
    await response.body?.cancel()
    return response.ok ? null : `${path} answers ${response.status}.`
  } catch (error) {
    if (error instanceof DOMException && error.name === 'TimeoutError')
      return `${path} does not answer within ${timeoutMs} ms.`
    const { code, message = String(error) } = error as { code?: string; message?: string }
    if (code === 'ECONNREFUSED' || code === 'ConnectionRefused')
      return `${path} cannot be reached: nobody listens at ${place.origin}.`
    return `${path} cannot be reached: ${message}`
  }
}

// Asks a service whether it is well.

import { call } from '../call.ts'
import type { Place } from '../reach.ts'

/** Of an answer, in bytes: more of it nobody waits for. */
const MOST_BYTES = 64 * 1024

/**
 * A redirect is no good answer.
 *
 * @returns null when it answers 2xx; else why it is not well
 */
export async function probe(place: Place, path: string, timeoutMs: number): Promise<string | null> {
  try {
    const response = await call(place, path, { signal: AbortSignal.timeout(timeoutMs), keepalive: false })
    void readToItsEnd(response)
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

/** So that a service which still sends it is not reset, though its head is all that counts. */
async function readToItsEnd({ body }: Response): Promise<void> {
  let bytes = 0
  try {
    for await (const piece of body ?? []) {
      bytes += piece.byteLength
      if (bytes > MOST_BYTES) break
    }
  } catch {
    // It took too long, or broke: what it said of itself stands.
  }
}

// How large the body of a request may be: the same for every route, but for those that pass it on unread.

import type { Problem } from '@home-console/sdk'
import { coreProblem } from './answers/problems.ts'

export const MAX_BODY_BYTES = 64 * 1024 * 1024

/**
 * The request with a body that ends in an error where it grows too large; the same where that cannot be.
 *
 * @param onTooLarge told of that error too: who reads the body may make another one of it
 * @throws Problem `payload_too_large` where it says so itself
 */
export function limitedRequest(request: Request, onTooLarge: (problem: Problem) => void): Request {
  const { headers, body } = request
  const length = headers.get('Content-Length')
  // Of both, a body in chunks is what counts (RFC 9112, section 6.3).
  if (headers.get('Transfer-Encoding') === null) {
    if (Number(length ?? 0) <= MAX_BODY_BYTES) return request
    throw tooLarge()
  }
  return body === null
    ? request
    : new Request(request, { method: request.method, body: limited(body, onTooLarge) })
}

/** Whether more may come than a route takes; false for what has no body. */
export function mayBeTooLarge({ method, headers }: Request): boolean {
  if (method === 'GET' || method === 'HEAD') return false
  return headers.has('Transfer-Encoding') || Number(headers.get('Content-Length') ?? 0) > MAX_BODY_BYTES
}

type Bytes = ReadableStream<Uint8Array<ArrayBuffer>>

function limited(body: Bytes, onTooLarge: (problem: Problem) => void): Bytes {
  let bytes = 0
  return body.pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        bytes += chunk.length
        if (bytes <= MAX_BODY_BYTES) return controller.enqueue(chunk)
        const problem = tooLarge()
        onTooLarge(problem)
        controller.error(problem)
      },
    }),
  )
}

function tooLarge(): Problem {
  return coreProblem('payload_too_large', `The route takes ${MAX_BODY_BYTES / 1024 / 1024} MB at most.`)
}

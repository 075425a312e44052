// The one shape of error: RFC 9457 problem details, whatever went wrong and whoever threw it.

import { Problem } from '@home-console/sdk'
import { HTTPException } from 'hono/http-exception'
import { STATUS_CODES } from 'node:http'
import { ERROR_BOOK, type ErrorCode } from './error-book.ts'

/** A problem whose code stands in the Core's own book, and so takes no plugin's prefix. */
class CoreProblem extends Problem {}

/** An error of the Core's own book, ready to be thrown or answered. */
export function coreProblem(code: ErrorCode, detail?: string, extensions?: Record<string, unknown>): Problem {
  const [status, meaning] = ERROR_BOOK[code]
  return new CoreProblem(status, code, detail ?? meaning, extensions)
}

export interface ProblemContext {
  readonly requestId: string
  readonly headers?: Record<string, string>
}

/** https://www.rfc-editor.org/rfc/rfc9457 */
export function problemResponse(problem: Problem, { requestId, headers }: ProblemContext): Response {
  const body = {
    ...problem.extensions,
    type: 'about:blank',
    title: STATUS_CODES[problem.status] ?? 'Error',
    status: problem.status,
    code: problem.code,
    ...(problem.detail !== undefined && { detail: problem.detail }),
    requestId,
  }
  return new Response(JSON.stringify(body), {
    status: problem.status,
    headers: {
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      'X-Request-Id': requestId,
      ...(problem.status === 401 && { 'WWW-Authenticate': 'Bearer realm="Home Console"' }),
      ...headers,
    },
  })
}

/**
 * What the client may know of an error that a handler threw: a problem as it stands, an exception of Hono's by its
 * status, and nothing of all else.
 *
 * @param plugin whose handler it was; its own codes are written as `<id>.<code>`
 */
export function problemOf(error: unknown, plugin: string | null): Problem {
  if (error instanceof Problem) {
    if (plugin === null || error instanceof CoreProblem) return error
    return new Problem(error.status, `${plugin}.${error.code}`, error.detail, error.extensions)
  }
  if (error instanceof HTTPException) {
    const code =
      Object.entries(ERROR_BOOK).find(([, [status]]) => status === error.status)?.[0] ??
      `http_${error.status}`
    return new Problem(error.status, code, error.message || undefined)
  }
  return coreProblem('handler_failed')
}

/** Whether an error is a mistake of whoever threw it, rather than an answer. */
export function isMistake(error: unknown): boolean {
  return !(error instanceof Problem) && !(error instanceof HTTPException)
}

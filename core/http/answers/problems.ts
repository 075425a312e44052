// The one shape of error: RFC 9457 problem details, whatever went wrong and whoever threw it.

import { Problem, type StandardIssue } from '@home-console/sdk'
import { HTTPException } from 'hono/http-exception'
import { StorageTrouble } from '../../db/storage-trouble.ts'
import { ERROR_BOOK, type ErrorCode } from './error-book.ts'
import { titleOf } from './status-titles.ts'

/** A problem whose code stands in the Core's own book, and so takes no plugin's prefix. */
class CoreProblem extends Problem {}

/** An error of the Core's own book, ready to be thrown or answered. */
export function coreProblem(code: ErrorCode, detail?: string, extensions?: Record<string, unknown>): Problem {
  const [status, meaning] = ERROR_BOOK[code]
  return new CoreProblem(status, code, detail ?? meaning, extensions)
}

/** A handler gave something that is no Response. */
export class OddAnswer extends TypeError {
  constructor(answer: unknown) {
    const found = answer === undefined || answer === null ? 'nothing' : `a ${typeof answer}`
    super(`The handler answered with ${found} instead of a Response.`)
  }
}

/** A JSON pointer to what a schema found fault with. */
export function pointerTo(path: NonNullable<StandardIssue['path']>): string {
  const keys = path.map((key) => String(typeof key === 'object' ? key.key : key))
  return keys.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
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
    title: titleOf(problem.status),
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
  if (error instanceof StorageTrouble) return coreProblem(error.code, error.message)
  if (isMisuse(error, plugin)) return coreProblem('handler_failed')
  if (!isAnswer(error)) return coreProblem(error instanceof OddAnswer ? 'odd_answer' : 'handler_failed')
  if (error instanceof HTTPException) return problemOfException(error, plugin)
  if (plugin === null || error instanceof CoreProblem) return error
  return new Problem(error.status, `${plugin}.${error.code}`, error.detail, error.extensions)
}

/**
 * Whether an error is a mistake of whoever threw it, rather than an answer.
 *
 * @param plugin whose handler it was; null for one of the Core's own
 */
export function isMistake(error: unknown, plugin: string | null): boolean {
  return !isAnswer(error) || isMisuse(error, plugin)
}

/** What the SDK says to a plugin that calls it wrongly is no answer to that plugin's client, who cannot help it. */
function isMisuse(error: unknown, plugin: string | null): boolean {
  return plugin !== null && error instanceof CoreProblem && MISUSES.has(error.code)
}

const MISUSES: ReadonlySet<string> = new Set<ErrorCode>(['invalid_argument', 'invalid_schedule'])

/** One with a status that is no error's is a mistake like any other. */
function isAnswer(error: unknown): error is Problem | HTTPException {
  return (
    (error instanceof Problem || error instanceof HTTPException) && error.status >= 400 && error.status <= 599
  )
}

/** The statuses that say the same whoever answers. */
const PLAIN: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
}

/** Hono and its validators throw these too: a body that is no JSON, or of a type that the route does not take. */
function problemOfException({ status, message }: HTTPException, plugin: string | null): Problem {
  const code = PLAIN[status]
  const detail = message || undefined
  if (code === undefined) return new Problem(status, `${plugin ?? 'core'}.http_${status}`, detail)
  if (code !== 'invalid_request') return coreProblem(code, detail)
  return coreProblem(code, detail, { errors: [{ pointer: '', detail: detail ?? ERROR_BOOK[code][1] }] })
}

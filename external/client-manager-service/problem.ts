// Errors as HTTP tells them, in the Core's own shape: RFC 9457 problem details with a `code` that programs may rely on.

import { z } from '@hono/zod-openapi'
import { HTTPException } from 'hono/http-exception'

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  408: 'Request Timeout',
  409: 'Conflict',
  413: 'Content Too Large',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
}

export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: number
  readonly code: string
  readonly extensions: Readonly<Record<string, unknown>>

  constructor(status: number, code: string, detail: string, extensions: Record<string, unknown> = {}) {
    super(detail)
    this.status = status
    this.code = code
    this.extensions = extensions
  }
}

export const ProblemBody = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string(),
    detail: z.string(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  })
  .openapi('Problem')

/** For a route's `responses`. */
export function problems<const Said extends Readonly<Record<number, string>>>(said: Said) {
  const content = { 'application/problem+json': { schema: ProblemBody } }
  return Object.fromEntries(
    Object.entries(said).map(([status, description]) => [status, { description, content }]),
  ) as { [Status in keyof Said]: { description: string; content: typeof content } }
}

/** What the caller may know of an error: nothing, unless it is an answer. */
export function problemResponse(error: unknown): Response {
  const { status, code, message, extensions } = problemOf(error)
  const title = TITLES[status] ?? 'Error'
  const body = { ...extensions, type: 'about:blank', title, status, code, detail: message }
  const headers = { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store' }
  return new Response(JSON.stringify(body), { status, headers })
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof HTTPException && error.status < 500)
    return new Problem(error.status, 'invalid_request', error.message)
  return new Problem(500, 'service_failed', 'The service made a mistake. Its log says which.')
}

/** What zod found, with the way to each place. @param where is looked at, such as `json` or `query` */
export function misfits(error: z.ZodError, where: string): Problem {
  const errors = error.issues.map(({ path, message }) => ({
    pointer: path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''),
    detail: message,
  }))
  const first = errors[0]!
  return new Problem(400, 'invalid_request', `${where} ${first.pointer}: ${first.detail}`, { errors })
}

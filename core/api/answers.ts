// How a route of the control plane says what it takes and what it answers.

import { z } from '@home-console/sdk'
import { ERROR_BOOK } from '../http/answers/error-book.ts'
import { titleOf } from '../http/answers/status-titles.ts'

export const ProblemBody = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string().openapi({
      description: `One of ${Object.keys(ERROR_BOOK).join(', ')}; a plugin's own is \`<id>.<code>\`.`,
    }),
    detail: z.string().optional(),
    requestId: z.string(),
    errors: z
      .array(z.object({ pointer: z.string(), detail: z.string() }))
      .optional()
      .openapi({ description: 'With `invalid_request`: what does not fit, by JSON pointer.' }),
  })
  .openapi('Problem', { description: 'RFC 9457 problem details.' })

const problemContent = { 'application/problem+json': { schema: ProblemBody } }

/** The problems that a route may answer with, each under its status. */
export function problems(...statuses: number[]) {
  return Object.fromEntries(
    statuses.map((status) => [status, { description: titleOf(status), content: problemContent }]),
  )
}

/** The answers of a route, with the problems that it may give. */
export function answers<Body extends z.ZodType>(description: string, body: Body, ...statuses: number[]) {
  return {
    200: { description, content: { 'application/json': { schema: body } } },
    ...problems(...statuses),
  } as const
}

export function jsonBody<Body extends z.ZodType>(schema: Body) {
  return { required: true, content: { 'application/json': { schema } } } as const
}

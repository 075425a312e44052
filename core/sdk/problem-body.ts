// How an author says in the document which problems a route answers with.

import { z } from '@hono/zod-openapi'

/** What a problem is over HTTP, RFC 9457. In the one document it is the Core's `core.Problem`, for every plugin. */
export const ProblemBody = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    /** A plugin's own is `<id>.<code>`. */
    code: z.string(),
    detail: z.string().optional(),
    requestId: z.string(),
    /** With `invalid_request`: what does not fit, by JSON pointer. */
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  })
  .openapi('core.Problem')

/**
 * The problems that a route itself answers with, by status: `responses: { 200: …, ...problems({ 404: 'No such lamp' }) }`.
 * That a request does not fit, or its sender has no right, is the Core's to answer and to say.
 */
export function problems<const Said extends Readonly<Record<number, string>>>(said: Said) {
  const content = { 'application/problem+json': { schema: ProblemBody } }
  return Object.fromEntries(
    Object.entries(said).map(([status, description]) => [status, { description, content }]),
  ) as { [Status in keyof Said]: { description: string; content: typeof content } }
}

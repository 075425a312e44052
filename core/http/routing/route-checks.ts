// The checks of a documented route, one after the other, and then its handler: in the turn of the request, as long as none
// of them has to wait. The library's way takes several promises for each check, and a tenth of all that a request costs.

import type { RouterEnv } from '@home-console/sdk'
import { z, type Hook } from '@hono/zod-openapi'
import type { Context, Handler, Next } from 'hono'

/** Nothing where it lets the request through. */
type Verdict = Response | undefined | void
export type Check = (c: Context, next: Next) => Verdict | Promise<Verdict>
export type CheckHook = Hook<any, RouterEnv, any, any>

/**
 * Checks the query, or the parameters of the path, like the library does; at once, unless the schema has to wait.
 *
 * @param hook told of the result; what it answers is the answer
 */
export function parameterCheck(target: 'query' | 'param', schema: z.ZodType, hook: CheckHook): Check {
  const read = target === 'query' ? queryOf : (c: Context) => c.req.param()
  let waits = false
  return (c) => {
    const value = read(c)
    const judge = (result: z.ZodSafeParseResult<unknown>): Verdict | Promise<Verdict> => {
      const answer: unknown = hook({ data: value, ...result, target }, c as never)
      if (answer instanceof Promise) return answer.then((answered) => taken(answered, result, c))
      return taken(answer, result, c)
    }
    if (!waits) {
      try {
        return judge(schema.safeParse(value))
      } catch (error) {
        if (!(error instanceof z.core.$ZodAsyncError)) throw error
        waits = true
      }
    }
    return schema.safeParseAsync(value).then(judge)
  }

  function taken(answer: unknown, result: z.ZodSafeParseResult<unknown>, c: Context): Verdict {
    if (answer instanceof Response) return answer
    if (typeof answer === 'object' && answer !== null && 'response' in answer)
      return answer.response as Response
    if (!result.success) return c.json(result, 400)
    c.req.addValidatedData(target, result.data as never)
    return undefined
  }
}

/** A name that comes once is a text, one that comes again a list. */
function queryOf(c: Context): Record<string, string | string[]> {
  const lists: Record<string, string | string[]> = c.req.queries()
  for (const name in lists) {
    const values = lists[name]!
    if (values.length === 1) lists[name] = values[0]!
  }
  return lists
}

/** A handler behind its checks: the first that answers ends it. */
export function checked(checks: readonly Check[], handler: Handler): Handler {
  if (checks.length === 0) return handler
  const from = (first: number, c: Context, next: Next): ReturnType<Handler> => {
    for (let index = first; index < checks.length; index++) {
      const verdict = checks[index]!(c, proceed)
      if (verdict instanceof Promise) {
        return verdict.then((answer) => answer || from(index + 1, c, next)) as ReturnType<Handler>
      }
      if (verdict) return verdict
    }
    return handler(c, next)
  }
  const all: Handler = (c, next) => from(0, c, next)
  // Whether it takes `next` is read off its length.
  return Object.defineProperty(all, 'length', { value: handler.length })
}

/** What a check takes for `next`. */
const proceed = async (): Promise<void> => {}

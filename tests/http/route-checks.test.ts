// What a documented route checks is what zod-openapi checks, answer for answer; only sooner.

import { expect, test } from 'bun:test'
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import * as fc from 'fast-check'
import { Hono } from 'hono'
import { RequestInfo } from '../../core/http/request-info.ts'
import { DeclaringRouter } from '../../core/http/routing/plugin-router.ts'
import type { CheckHook } from '../../core/http/routing/route-checks.ts'

/** Answers in its own way what does not fit. */
const hook: CheckHook = (result, c) => {
  if (result.success) return
  return c.json(
    { target: result.target, issues: result.error.issues.map(({ path, message }: any) => [path, message]) },
    422,
  )
}

const routes = [
  createRoute({
    method: 'get',
    path: '/plain/{id}',
    request: {
      params: z.object({ id: z.coerce.number().int() }),
      query: z.object({
        tags: z.union([z.string(), z.array(z.string())]).optional(),
        limit: z.coerce.number().max(10).default(3),
      }),
    },
    responses: { 200: { description: 'What was given' } },
  }),
  createRoute({
    method: 'get',
    path: '/strict/{id}',
    request: {
      params: z.object({ id: z.string().max(4) }),
      query: z.strictObject({ a: z.string().optional() }),
    },
    responses: { 200: { description: 'What was given' } },
  }),
  createRoute({
    method: 'get',
    path: '/waiting/{id}',
    request: {
      params: z.object({ id: z.string().refine(async (id) => Promise.resolve(id !== 'bad'), 'is bad') }),
      query: z.looseObject({ a: z.string().optional() }),
    },
    responses: { 200: { description: 'What was given' } },
  }),
] as const

function serve(make: (hook: CheckHook) => OpenAPIHono<any>): (path: string) => Promise<unknown> {
  const router = make(hook)
  for (const route of routes) {
    router.openapi(route as (typeof routes)[0], (c) =>
      c.json({ query: c.req.valid('query'), param: c.req.valid('param') }, 200),
    )
  }
  return async (path) => {
    const response = await mounted(router).fetch(new Request(`http://house${path}`), requestInfo())
    return { status: response.status, body: await response.json() }
  }
}

/** As in the one app: what answers is what `route()` takes from the router. */
function mounted(router: OpenAPIHono<any>): Hono {
  if (router instanceof DeclaringRouter) router.bind()
  return new Hono().route('/', router)
}

const requestInfo = () => new RequestInfo('GET', '', { kind: 'owner', name: 'admin', scopes: ['*'] })

const ours = serve((defaultHook) => new DeclaringRouter({ defaultHook, security: [] } as never))
const theirs = serve((defaultHook) => new OpenAPIHono({ defaultHook }))

const word = fc.oneof(fc.constantFrom('a', 'tags', 'limit', '__proto__', 'bad', '12', '0', ''), fc.string())
const query = fc.array(fc.tuple(word, word), { maxLength: 5 })

test('every query and every path gets the answer that zod-openapi would give', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom('plain', 'strict', 'waiting'), word, query, async (route, id, pairs) => {
      fc.pre(!['', '.', '..'].includes(id))
      const search = pairs.map((pair) => pair.map(encodeURIComponent).join('=')).join('&')
      const path = `/${route}/${encodeURIComponent(id)}${search === '' ? '' : `?${search}`}`
      expect(await ours(path)).toEqual(await theirs(path))
    }),
    { numRuns: 500 },
  )
})

test('a route that need not wait is answered in the turn in which it is asked', () => {
  const router = new DeclaringRouter({ security: [] })
  router.openapi(routes[0], (c) => c.json({}, 200))
  const asked = new Request('http://house/plain/1?limit=2')
  expect(mounted(router).fetch(asked, requestInfo())).toBeInstanceOf(Response)
})

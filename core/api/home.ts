// Where the house stands, for those who show it and those who set it.

import { createRoute } from '@home-console/sdk'
import { coreProblem } from '../http/answers/problems.ts'
import type { DeclaringRouter } from '../http/routing/plugin-router.ts'
import { answers, jsonBody } from './answers.ts'
import type { CoreApi } from './core-api.ts'
import { Home } from './schemas.ts'

const getHome = createRoute({
  method: 'get',
  path: '/api/core/home',
  operationId: 'getHome',
  summary: 'Time zone, place and units',
  responses: answers('What `ctx.home` is.', Home, 401),
})

const changeHome = createRoute({
  method: 'patch',
  path: '/api/core/home',
  operationId: 'changeHome',
  summary: 'Change some of it',
  request: { body: jsonBody(Home.partial().strict().openapi('HomeChange')) },
  responses: answers('What it is now.', Home, 400, 401, 415, 503, 507),
})

export function homeRoutes(router: DeclaringRouter, { home }: CoreApi): void {
  router.openapi(getHome, (c) => c.json(home.values, 200))

  router.openapi(changeHome, (c) => {
    const change = Object.fromEntries(
      Object.entries(c.req.valid('json')).filter(([, value]) => value !== undefined),
    )
    const misfit = home.misfit(change)
    if (misfit !== null) {
      throw coreProblem('invalid_request', undefined, {
        errors: [{ pointer: `/${misfit.key}`, detail: misfit.message }],
      })
    }
    return c.json(home.change(change), 200)
  })
}

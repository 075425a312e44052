// The service's one app: who may ask, what an error looks like, its document, and its routes.

import { OpenAPIHono } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import type { Callers } from './caller.ts'
import { misfits, Problem, problemResponse } from './problem.ts'
import { agentRoutes } from './routes/agent.ts'
import { clientRoutes } from './routes/clients.ts'
import { commandRoutes } from './routes/commands.ts'
import { enrollmentRoutes } from './routes/enrollments.ts'
import { healthRoutes } from './routes/health.ts'
import { policyRoutes } from './routes/policy.ts'
import type { Env, Router, Service } from './service.ts'

const MOST_BYTES = 1024 * 1024

export function makeApp(service: Service, callers: Callers): Router {
  const app: Router = new OpenAPIHono<Env>({
    defaultHook: (checked) => {
      if (!checked.success) throw misfits(checked.error, checked.target)
    },
  })
  app.onError((error) => {
    if (!(error instanceof Problem)) service.log(`A request failed: ${error.stack ?? error.message}`)
    return problemResponse(error)
  })
  app.notFound(() => problemResponse(new Problem(404, 'not_found', 'There is nothing here.')))

  healthRoutes(app, service)
  agentRoutes(app)
  // Whatever follows is for the Core alone.
  app.use(async (c, next) => {
    c.set('caller', await callers.nameOf(c.req.raw.headers))
    await next()
  })
  app.use(
    bodyLimit({
      maxSize: MOST_BYTES,
      onError: () => problemResponse(new Problem(413, 'payload_too_large', `${MOST_BYTES} bytes at most.`)),
    }),
  )
  clientRoutes(app, service)
  enrollmentRoutes(app, service)
  commandRoutes(app, service)
  policyRoutes(app, service)
  app.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: { title: 'Client manager', version: service.version },
  })
  return app
}

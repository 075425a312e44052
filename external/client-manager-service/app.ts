// The service's one app: who may ask, what an error looks like, its document, and its routes.

import { OpenAPIHono } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import type { Callers } from './caller.ts'
import type { Clients } from './clients.ts'
import type { Codes } from './codes.ts'
import type { CommandLog } from './command-log.ts'
import type { Commands } from './commands.ts'
import type { Links } from './links.ts'
import type { PolicyKeeper } from './policy.ts'
import { misfits, Problem, problemResponse } from './problem.ts'
import { agentRoutes } from './routes/agent.ts'
import { clientRoutes } from './routes/clients.ts'
import { commandRoutes } from './routes/commands.ts'
import { enrollmentRoutes } from './routes/enrollments.ts'
import { healthRoutes } from './routes/health.ts'
import { policyRoutes } from './routes/policy.ts'

/** All that the routes work with. */
export interface Service {
  readonly version: string
  readonly clients: Clients
  readonly codes: Codes
  readonly commandLog: CommandLog
  readonly commands: Commands
  readonly links: Links
  readonly policy: PolicyKeeper
  readonly log: (message: string) => void
}

type Env = { Variables: { caller: string } }
export type Router = OpenAPIHono<Env>

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

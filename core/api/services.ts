// Who provides and uses what, for the owner to look at.

import { createRoute, z } from '@home-console/sdk'
import type { DeclaringRouter } from '../http/routing/plugin-router.ts'
import { answers } from './answers.ts'
import type { CoreApi } from './core-api.ts'
import { Service } from './schemas.ts'

const listServices = createRoute({
  method: 'get',
  path: '/api/core/services',
  operationId: 'listServices',
  summary: 'Who provides and uses what',
  responses: answers('The services, by name.', z.object({ services: z.array(Service) }), 401),
})

export function serviceRoutes(router: DeclaringRouter, { services }: CoreApi): void {
  router.openapi(listServices, (c) => c.json({ services: services.list() }, 200))
}

// How the service is doing: open to everyone, and it says nothing of the household.

import { createRoute, z } from '@hono/zod-openapi'
import type { Router, Service } from '../service.ts'
import { json } from './shapes.ts'

const responses = {
  200: { description: 'It works', content: json(z.object({ status: z.literal('ok'), version: z.string() })) },
}

const health = createRoute({
  method: 'get',
  path: '/health',
  operationId: 'health',
  summary: 'How the service is doing',
  security: [],
  responses,
})

const ready = createRoute({
  ...health,
  path: '/health/ready',
  operationId: 'ready',
  summary: 'Whether it can work',
})

export function healthRoutes(router: Router, { version }: Service): void {
  router.openapi(health, (c) => c.json({ status: 'ok' as const, version }, 200))
  router.openapi(ready, (c) => c.json({ status: 'ok' as const, version }, 200))
}

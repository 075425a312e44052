// Says whether the house is well, to anybody who asks.

import { createRoute, z } from '@home-console/sdk'
import type { DeclaringRouter } from '../http/routing/plugin-router.ts'
import { answers } from './answers.ts'
import type { CoreApi } from './core-api.ts'

export const HEALTH = '/health'

const Health = z
  .object({
    status: z.enum(['ok', 'degraded']),
    version: z.string(),
    uptime: z.number().openapi({ description: 'Seconds.' }),
    plugins: z.object({
      active: z.number().int(),
      waiting: z.number().int(),
      failed: z.number().int(),
      disabled: z.number().int(),
    }),
  })
  .openapi('Health')

const getHealth = createRoute({
  method: 'get',
  path: HEALTH,
  operationId: 'getHealth',
  summary: 'How the house is',
  security: [],
  responses: answers('The house answers.', Health),
})

export function healthRoutes(router: DeclaringRouter, { loader, version, startedMs }: CoreApi): void {
  router.openapi(getHealth, (c) => {
    const plugins = loader.count()
    const status = plugins.failed > 0 ? ('degraded' as const) : ('ok' as const)
    return c.json({ status, version, uptime: (performance.now() - startedMs) / 1_000, plugins }, 200)
  })
}

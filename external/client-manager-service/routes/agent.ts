// The agent itself, for a computer to fetch: open to everyone, since there is no secret in it.

import { createRoute, z } from '@hono/zod-openapi'
import type { Router } from '../service.ts'

const getAgent = createRoute({
  method: 'get',
  path: '/agent.ts',
  operationId: 'getAgent',
  summary: 'The agent, one file that runs under Bun',
  security: [],
  responses: {
    200: { description: 'Its source', content: { 'text/typescript': { schema: z.string() } } },
  },
})

const FILE = new URL('../agent/agent.ts', import.meta.url)

export function agentRoutes(router: Router): void {
  router.openapi(getAgent, async (c) => {
    const text = await Bun.file(FILE).text()
    return c.body(text, 200, { 'Content-Type': 'text/typescript; charset=utf-8' })
  })
}

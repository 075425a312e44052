// What leads to the external service, and for whom; and the house's own log of commands.

import { type PluginContext, type PluginRouter, createRoute, z } from '@home-console/sdk'
import { Status } from './contract.ts'
import type { Memory } from './memory.ts'

const LoggedCommand = z
  .object({
    id: z.string(),
    client: z.string(),
    name: z.string().nullable(),
    argv: z.array(z.string()),
    askedBy: z.string(),
    status: Status,
    exitCode: z.number().int().nullable(),
    error: z.string().nullable(),
    stdout: z.string().describe('The end of it'),
    stderr: z.string().describe('The end of it'),
    askedAt: z.iso.datetime(),
    finishedAt: z.iso.datetime().nullable(),
  })
  .openapi('LoggedCommand')

const listLog = createRoute({
  method: 'get',
  path: '/log',
  operationId: 'listLog',
  summary: 'What was run on the computers of the household',
  description: 'The last 1,000 commands that have ended, whether the external service is there or not.',
  security: [{ bearer: ['clients.read'] }],
  request: {
    query: z.object({
      limit: z.coerce.number().int().min(1).max(200).default(50),
      before: z.string().optional().describe('The id of one: those before it'),
    }),
  },
  responses: {
    200: {
      description: 'Newest first',
      content: {
        'application/json': {
          schema: z.object({ commands: z.array(LoggedCommand), next: z.string().nullable() }),
        },
      },
    },
  },
})

/** The service's paths begin with `/api`, and the plugin's are without it. */
const base = '/api'

export function makeRoutes(ctx: Pick<PluginContext, 'router' | 'proxy'>, memory: Memory): PluginRouter {
  const passOn = ctx.proxy({ base })

  // An agent shows who it is to the service itself.
  const agents = ctx.router({ security: [] })
  agents.get('/ws', ctx.proxy({ path: '/ws' }))
  agents.get('/agent.ts', ctx.proxy({ path: '/agent.ts' }))

  const readers = ctx.router({ security: [{ bearer: ['clients.read'] }] })
  readers.get('/clients', passOn)
  readers.get('/clients/:client', passOn)

  // What may be run is the policy's to say.
  const runners = ctx.router({ security: [{ bearer: ['clients.run'] }] })
  runners.get('/commands/*', passOn)
  runners.post('/commands/*', passOn)

  // Whom to let in, and what may be run, is the owner's alone.
  const owners = ctx.router()
  owners.delete('/clients/:client', passOn)
  owners.delete('/commands/:id', passOn)
  owners.all('/enrollments/*', passOn)
  owners.get('/policy', passOn)
  owners.put('/policy', passOn)

  const router = ctx.router()
  router.openapi(listLog, (c) => {
    const { limit, before } = c.req.valid('query')
    const commands = memory.commands(limit + 1, before)
    const more = commands.length > limit
    if (more) commands.pop()
    return c.json({ commands, next: more ? commands.at(-1)!.id : null }, 200)
  })
  for (const part of [agents, readers, runners, owners]) router.route('/', part)
  return router
}

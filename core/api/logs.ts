// The last log lines, and those to come.

import { createRoute, z } from '@home-console/sdk'
import type { DeclaringRouter } from '../http/routing/plugin-router.ts'
import { problems } from './answers.ts'
import type { CoreApi } from './core-api.ts'
import { eventStream } from './event-stream.ts'
import { LogLine, Page } from './schemas.ts'

const listLogs = createRoute({
  method: 'get',
  path: '/api/core/logs',
  operationId: 'listLogs',
  summary: 'The last log lines; with `Accept: text/event-stream`, live',
  request: {
    query: z.object({
      ...Page(2_000, 200),
      plugin: z.string().optional().openapi({ description: 'Lines about this plugin only.' }),
      level: z
        .enum(['debug', 'info', 'warn', 'error'])
        .optional()
        .openapi({ description: 'The least level.' }),
      before: z.coerce
        .number()
        .int()
        .optional()
        .openapi({ type: 'integer', description: 'The id of a line: those before it.' }),
    }),
  },
  responses: {
    200: {
      description: 'Newest first; as a stream, one line each as it is written.',
      content: {
        'application/json': {
          schema: z.object({ logs: z.array(LogLine), next: z.number().int().nullable() }),
        },
        'text/event-stream': { schema: z.string() },
      },
    },
    ...problems(400, 401),
  },
})

export function logRoutes(router: DeclaringRouter, { app, log }: CoreApi): void {
  router.openapi(listLogs, (c) => {
    const { limit, plugin, level, before = Number.POSITIVE_INFINITY } = c.req.valid('query')
    const filter = { plugin, level }
    if (c.req.header('Accept')?.includes('text/event-stream')) {
      return eventStream(app, (client) =>
        log.watch(filter, (line) => client.send(JSON.stringify(line), String(line.id))),
      )
    }
    const found = log.lines(filter).filter((line) => line.id < before)
    const logs = found.slice(-limit).reverse()
    return c.json({ logs, next: found.length > limit ? logs.at(-1)!.id : null }, 200)
  })
}

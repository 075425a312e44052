// The least that the Core could weigh: its framework, one described route, and nothing else.

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'

const app = new OpenAPIHono()
app.openapi(
  createRoute({
    method: 'get',
    path: '/health',
    responses: {
      200: {
        description: 'Well',
        content: { 'application/json': { schema: z.object({ status: z.literal('ok') }) } },
      },
    },
  }),
  (c) => c.json({ status: 'ok' as const }, 200),
)
app.doc31('/openapi.json', { openapi: '3.1.0', info: { title: 'Bare', version: '0' } })

Bun.serve({ hostname: '127.0.0.1', port: Number(process.env['PORT']), development: false, fetch: app.fetch })

// The rival: the route and nothing else.

import { OpenAPIHono } from '@hono/zod-openapi'
import { addItems } from './plugins/catalog/route.ts'

const items = new OpenAPIHono()
addItems(items)
const app = new OpenAPIHono()
app.route('/api/plugins/catalog', items)

Bun.serve({ hostname: '127.0.0.1', port: Number(process.env['PORT']), development: false, fetch: app.fetch })

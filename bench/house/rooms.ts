// Makes plugins of twenty documented routes each, with schemas of their own.

import type { Files } from '../lib/workspace.ts'

const ROUTES = 20

/** A plugin whose version stands in a file of its own. */
export function room(number: number): Files {
  return { 'index.ts': entry(number), 'version.ts': version(0) }
}

export const version = (value: number) => `export const version = ${value}\n`

const entry = (number: number) => `
import { createRoute, definePlugin, z } from '@home-console/sdk'
import { version } from './version.ts'

const Device = z.object({
  id: z.string().min(1).max(40),
  name: z.string().openapi({ example: 'Lamp of room ${number}' }),
  powerW: z.number().min(0),
  since: z.iso.datetime().optional(),
}).openapi('Device')

export default definePlugin({
  onLoad(ctx) {
    const router = ctx.router({ security: [] })
    router.get('/version', (c) => c.text(String(version)))
    for (let route = 0; route < ${ROUTES / 2}; route++) {
      const params = z.object({ id: z.string().min(1).max(40) })
      const Change = z.object({ name: z.string().optional(), powerW: z.number().max(route + 1).optional() }).openapi('Change' + route)
      router.openapi(createRoute({
        method: 'get',
        path: '/shelf-' + route + '/devices/{id}',
        operationId: 'getDevice' + route,
        summary: 'A device on shelf ' + route,
        request: { params },
        responses: { 200: { description: 'The device', content: { 'application/json': { schema: Device } } } },
      }), (c) => c.json({ id: c.req.valid('param').id, name: 'lamp', powerW: route }, 200))
      router.openapi(createRoute({
        method: 'patch',
        path: '/shelf-' + route + '/devices/{id}',
        operationId: 'changeDevice' + route,
        summary: 'Changes a device on shelf ' + route + ', version ' + version,
        request: { params, body: { required: true, content: { 'application/json': { schema: Change } } } },
        responses: { 200: { description: 'The device', content: { 'application/json': { schema: Device } } } },
      }), (c) => c.json({ id: c.req.valid('param').id, name: 'lamp', powerW: route }, 200))
    }
    return router
  },
})
`

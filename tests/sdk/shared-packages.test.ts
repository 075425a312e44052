// The packages that plugins get from the Core: the same instance, whichever way they name it.

import { expect, test } from 'bun:test'
import { startTestHouse } from '@home-console/sdk/testing'

test('a schema named through @hono/zod-openapi itself is as good as one through the SDK', async () => {
  await using house = await startTestHouse({
    plugins: {
      lamp: {
        'index.ts': `
          import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
          import { createRoute as theirs, z as same } from '@home-console/sdk'
          const Item = z.object({ id: z.number(), same: z.boolean() }).openapi('Item')
          const route = (path) => createRoute({ method: 'get', path, security: [], responses: { 200: { description: 'x', content: { 'application/json': { schema: Item } } } } })
          export default { onLoad(ctx) {
            const router = ctx.router()
            const own = new OpenAPIHono()
            own.openapi(route('/inner'), (c) => c.json({ id: 2, same: z === same && createRoute === theirs }, 200))
            router.openapi(route('/outer'), (c) => c.json({ id: 1, same: z === same }, 200))
            router.route('/sub', own)
            return router
          } }
        `,
      },
    },
  })
  const get = async (path: string) =>
    (await house.request(`/api/plugins/lamp${path}`, { headers: { Authorization: '' } })).json()
  expect(await get('/outer')).toEqual({ id: 1, same: true })
  expect(await get('/sub/inner')).toEqual({ id: 2, same: true })
  const document: any = await (await house.request('/openapi.json')).json()
  expect(document.components.schemas['lamp.Item'].properties).toHaveProperty('same')
  expect(document.paths['/api/plugins/lamp/sub/inner'].get.security).toEqual([])
})

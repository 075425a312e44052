// A parameter may be written in the path as OpenAPI writes it or as Hono does, with a pattern or without.

import { expect, test } from 'bun:test'
import { houseOf } from './kit.ts'

test.each([
  ['/lamps/{id}', '/lamps/7'],
  ['/lamps/:id', '/lamps/7'],
  ['/lamps/:id{[0-9]+}', '/lamps/7'],
  ['/rooms/{room}/lamps/{id}', '/rooms/hall/lamps/7'],
])('%s', async (path, asked) => {
  const params = path.includes('room') ? 'id: z.string(), room: z.string()' : 'id: z.string()'
  await using house = await houseOf({
    lamp: `
      const router = ctx.router()
      router.openapi(createRoute({
        method: 'get', path: '${path}', request: { params: z.object({ ${params} }) },
        responses: { 200: { description: 'It.' } },
      }), (c) => c.text(c.req.valid('param').id))
      return router`,
  })
  const response = await house.request(`/api/plugins/lamp${asked}`)
  expect([response.status, await response.text()]).toEqual([200, '7'])
})

// The route that both sides serve: parameter, query and answer are described, and what comes in is checked.

import { createRoute, z } from '@home-console/sdk'
import type { OpenAPIHono } from '@hono/zod-openapi'

const Item = z
  .object({ id: z.number(), name: z.string(), tags: z.array(z.string()), inStock: z.boolean() })
  .openapi('Item')

const getItem = createRoute({
  method: 'get',
  path: '/items/{id}',
  request: {
    params: z.object({ id: z.coerce.number().int().positive() }),
    query: z.object({ tags: z.coerce.number().int().min(0).max(10).default(3) }),
  },
  responses: { 200: { description: 'The item', content: { 'application/json': { schema: Item } } } },
})

export function addItems(router: OpenAPIHono<any, any, any>): void {
  router.openapi(getItem, (c) => {
    const { id } = c.req.valid('param')
    const { tags } = c.req.valid('query')
    return c.json(
      {
        id,
        name: `Item ${id}`,
        tags: Array.from({ length: tags }, (_, index) => `tag-${index}`),
        inStock: id % 2 === 0,
      },
      200,
    )
  })
}

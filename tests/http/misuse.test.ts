// A plugin that calls the SDK wrongly in a handler: that is its own mistake, and told as such; its client cannot help it.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'

const MISUSES: Record<string, [call: string, message: RegExp]> = {
  db: ['ctx.db.select()', /ctx\.db needs tables/],
  every: ['ctx.every(-5, () => {})', /-5/],
  task: ["ctx.task('poll', 7)", /ctx\.task takes a function/],
  kv: ["ctx.kv.set('', 1)", /key/],
  external: ["ctx.external.fetch('/x')", /needs an external service/],
  services: ["ctx.services.use('a..b')", /a\.\.b/],
}

let house: TestHouse
beforeAll(async () => {
  const routes = Object.entries(MISUSES).map(
    ([name, [call]]) => `router.get('/${name}', async (c) => c.json(await ${call}))`,
  )
  house = await startTestHouse({
    plugins: {
      lamp: {
        'index.ts': `
import { definePlugin } from '@home-console/sdk'
export default definePlugin({
  onLoad(ctx) {
    const router = ctx.router()
    ${routes.join('\n    ')}
    return router
  },
})`,
      },
    },
  })
})
afterAll(() => house.stop())

test.each(Object.entries(MISUSES))('of %s', async (name, [_call, message]) => {
  const response = await house.request(`/api/plugins/lamp/${name}`)
  expect(response.status).toBe(500)
  const answer = (await response.json()) as { code: string; detail: string }
  expect(answer.code).toBe('handler_failed')
  expect(answer.detail).not.toMatch(message)
  const told = house.logs.find(({ level, message: text }) => level === 'error' && message.test(text))
  expect(told).toMatchObject({ plugin: 'lamp' })
  expect(JSON.stringify(told)).toContain('index.ts')
})

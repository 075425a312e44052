// Streams that say nothing for longer than the platform's patience; side by side, as each takes its time.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { TestHouse } from '@home-console/sdk/testing'
import { EventReader } from '../api/sse.ts'
import { houseOf, until } from './kit.ts'

let house: TestHouse
beforeAll(async () => {
  house = await houseOf({
    lamp: `
      const router = ctx.router({ security: [] })
      router.get('/quiet', () => new Response(new ReadableStream({
        async pull(controller) { await Bun.sleep(13_000); controller.enqueue(new TextEncoder().encode('late')); controller.close() },
      })))
      return router`,
  })
})
afterAll(() => house.stop())

test.concurrent(
  "a plugin's stream that is quiet for 13 s is not cut",
  async () => {
    expect(await (await house.request('/api/plugins/lamp/quiet')).text()).toBe('late')
  },
  20_000,
)

test.concurrent(
  'a stream of events without events lives on, with a comment every 15 s',
  async () => {
    await using stream = await EventReader.open((signal) =>
      house.request('/api/core/events?pattern=never.*', { signal }),
    )
    await Bun.sleep(16_500)
    expect(stream.ended).toBe(false)
    expect(stream.text.match(/^:.*$/gm)).toHaveLength(1)
    house.runtime.bus.emit({ type: 'never.mind', source: '/clients/test' })
    await until(() => stream.frames.length === 1, 'the event')
  },
  20_000,
)

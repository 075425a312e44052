// Answers that say nothing for longer than the platform's patience; side by side, as each takes its time.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { TestHouse } from '@home-console/sdk/testing'
import { connect } from 'node:net'
import { EventReader } from '../api/sse.ts'
import { until } from '../until.ts'
import { houseOf } from './kit.ts'

let house: TestHouse
beforeAll(async () => {
  house = await houseOf({
    lamp: `
      const router = ctx.router({ security: [] })
      router.get('/quiet', () => new Response(new ReadableStream({
        async pull(controller) { await Bun.sleep(13_000); controller.enqueue(new TextEncoder().encode('late')); controller.close() },
      })))
      router.get('/slow', async (c) => { await Bun.sleep(13_000); return c.text('late') })
      router.get('/endless', () => new Response(new ReadableStream({
        pull(controller) { controller.enqueue(new Uint8Array(100_000)) },
      })))
      router.get('/silent-events', () => new Response(new ReadableStream({}), { headers: { 'Content-Type': 'text/event-stream' } }))
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
  'a handler may take 13 s',
  async () => {
    expect(await (await house.request('/api/plugins/lamp/slow')).text()).toBe('late')
  },
  20_000,
)

test.concurrent(
  'a client that stops reading is let go of, unless it is a stream of events that says nothing',
  async () => {
    // The same app behind a server of less patience.
    await using server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      idleTimeout: 4,
      fetch: house.runtime.app.fetch as never,
    })
    const ask = (path: string) => {
      const socket = connect(server.port!, '127.0.0.1', () =>
        socket.pause().write(`GET /api/plugins/lamp${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`),
      )
      return socket.on('error', () => {})
    }
    const clients = [ask('/endless'), ask('/silent-events')]
    const isHeld = (path: string) =>
      house.runtime.loader.view('lamp')!.holds.some(({ label }) => label.endsWith(path))
    await until('both streams', () => isHeld('/endless') && isHeld('/silent-events'))
    await until('the reader that does not read to be let go of', () => !isHeld('/endless'), 14_000)
    expect(isHeld('/silent-events')).toBe(true)
    for (const client of clients) client.destroy()
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
    await until('the event', () => stream.frames.length === 1)
  },
  20_000,
)

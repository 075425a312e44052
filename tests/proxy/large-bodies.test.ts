// Large bodies on their way through: all of them arrives, and next to nothing of it is kept.

import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { SIZE } from './far-ends.ts'
import { houseBefore } from './kit.ts'

/** What a house may need for its buffers, in bytes; a body that was kept would be more than twice as much. */
const BUFFERS = 80 * 1024 * 1024

const farEnd = (...args: string[]) =>
  Bun.spawn([process.execPath, join(import.meta.dir, 'far-ends.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })

test('200 MB go up and down, whole, without being kept', async () => {
  await using service = farEnd('serve')
  const { value } = await service.stdout.getReader().read()
  const house = await houseBefore({ svc: { url: new TextDecoder().decode(value).trim() } })
  Bun.gc(true)
  const before = process.memoryUsage.rss()
  let most = 0
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss() - before)), 5)
  await using client = farEnd('ask', `${house.url}/api/plugins/svc`, house.token)
  const told: unknown = await new Response(client.stdout).json()
  clearInterval(watch)
  await house.stop()
  expect(told).toEqual({ up: true, down: true })
  expect(most).toBeLessThan(BUFFERS)
  expect(SIZE).toBeGreaterThan(2 * BUFFERS)
}, 30_000)

// The plugin that is swapped under load: answers its version, and numbers what it says and hears.

import { definePlugin } from '@home-console/sdk'
import { version } from './version.ts'

/** Of all generations together: a number that is missing or comes twice was lost or doubled in a swap. */
const shared = globalThis as typeof globalThis & { ticksOfBench?: number }

export default definePlugin({
  onLoad(ctx) {
    ctx.every(5, () => {
      shared.ticksOfBench = (shared.ticksOfBench ?? 0) + 1
      ctx.events.emit('swapped.tick', { n: shared.ticksOfBench })
    })
    // Each tick of the other plugin must be heard by one generation and by one only.
    ctx.events.on('other.tick', ({ data }) => ctx.events.emit('swapped.heard', data))
    const router = ctx.router()
    router.get('/version', (c) => c.text(String(version)))
    return router
  },
})

// Watches the Core's event loop from inside: a timer of 1 ms, and how late it came at worst.

import { definePlugin } from '@home-console/sdk'

const PERIOD_MS = 1

export default definePlugin({
  onLoad(ctx) {
    let longest = 0
    let last = 0
    let timer: Timer | undefined
    const router = ctx.router()
    router.post('/start', (c) => {
      longest = 0
      last = performance.now()
      clearInterval(timer)
      timer = setInterval(() => {
        const now = performance.now()
        longest = Math.max(longest, now - last - PERIOD_MS)
        last = now
      }, PERIOD_MS)
      return c.json({})
    })
    router.post('/stop', (c) => {
      clearInterval(timer)
      return c.json({ longestMs: Math.max(longest, performance.now() - last - PERIOD_MS) })
    })
    ctx.defer(() => clearInterval(timer))
    return router
  },
})

// Provides its version, at once and after a while; tells of it in the tick of its commit.

import { definePlugin } from '@home-console/sdk'
import { version } from './version.ts'

export default definePlugin({
  provides: ['version'],
  onLoad(ctx) {
    ctx.services.provide('version', {
      now: () => version,
      async soon() {
        await Bun.sleep(1 + Math.random() * 4)
        return version
      },
    })
    ctx.events.emit('bench.served', version)
    const router = ctx.router()
    router.get('/version', (c) => c.text(String(version)))
    return router
  },
})

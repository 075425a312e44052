// Emits from a plugin, to itself: so many patterns subscribed, so many events, and how long that took.

import { definePlugin } from '@home-console/sdk'
import { rounds } from '../../rounds.ts'

export default definePlugin({
  onLoad(ctx) {
    const router = ctx.router()
    router.get('/emits', (c) =>
      c.json(
        rounds({
          subscribe: (pattern, handler) => ctx.events.on(pattern, handler),
          emit: (type, data) => ctx.events.emit(type, data),
        }),
      ),
    )
    return router
  },
})

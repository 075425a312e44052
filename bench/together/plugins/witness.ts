// Hears of every reload while the Core tells of it, and so knows which of them were told in one turn of its event loop.

import { definePlugin } from '@home-console/sdk'

export default definePlugin({
  onLoad(ctx) {
    /** Ids of plugins by turn, since the last time that somebody asked. */
    let turns: string[][] = []
    let isSameTurn = false
    ctx.events.on('plugin.*', ({ subject, type }) => {
      if (!isSameTurn) {
        turns.push([])
        isSameTurn = true
        setImmediate(() => (isSameTurn = false))
      }
      turns.at(-1)!.push(type === 'plugin.reloaded' ? subject! : `${type} of ${subject}`)
    })
    const router = ctx.router()
    router.post('/turns', (c) => {
      const told = turns
      turns = []
      return c.json({ turns: told })
    })
    return router
  },
})

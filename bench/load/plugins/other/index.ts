// The plugin beside it, which nobody touches: its requests, its events and its streams must not notice anything.

import { definePlugin } from '@home-console/sdk'

export default definePlugin({
  onLoad(ctx) {
    let n = 0
    ctx.every(5, () => ctx.events.emit('other.tick', { n: ++n }))
    const router = ctx.router()
    router.get('/version', (c) => c.text('0'))
    router.get('/stream', () => {
      let stop = () => {}
      const body = new ReadableStream({
        start(controller) {
          stop = ctx.events.on('other.tick', (event) =>
            controller.enqueue(`data: ${JSON.stringify(event)}\n\n`),
          )
        },
        cancel: () => stop(),
      })
      return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } })
    })
    return router
  },
})

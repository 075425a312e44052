// Notifications: any plugin sends one, and it reaches the owner's phone, however often that takes.

import { definePlugin, problem, z } from '@home-console/sdk'
import { Message, type NotifyService, events } from './contract.ts'
import { Courier } from './courier.ts'
import { Floodgate } from './floodgate.ts'
import { Outbox } from './outbox.ts'
import { addRoutes } from './routes.ts'
import { Targets } from './targets.ts'

export default definePlugin({
  version: '1.0.0',
  name: 'Notify',
  description: 'Notifications to ntfy and whatever takes them likewise',
  scopes: { 'notify.send': 'Send notifications to the owner' },
  events,
  provides: ['notify'],

  onLoad(ctx) {
    const targets = new Targets(ctx.kv)
    const outbox = new Outbox(ctx)
    const courier = new Courier(ctx, targets, outbox)
    const gate = new Floodgate()

    const notify: NotifyService = {
      send(input) {
        const { success, data: message, error } = Message.safeParse(input)
        if (!success) throw problem(400, 'invalid_argument', z.prettifyError(error))
        const id = Bun.randomUUIDv7()
        const now = Date.now()
        const same = gate.pass(message, id, now)
        if (same !== null) return { id: same }
        const { source, title, priority } = message
        ctx.events.emit('notify.sent', { id, source, title, priority })
        for (const { name } of targets.for(message)) {
          const sentAt = new Date(now).toISOString()
          const victim = outbox.add({ id, target: name, message, sentAt })
          if (victim !== null) courier.fail(victim, 'too much waits to be delivered, and others matter more')
        }
        courier.wake()
        return { id }
      },
    }
    ctx.services.provide('notify', notify)
    ctx.task('deliver', (signal) => courier.run(signal))
    // By then the version before has finished, and what it still took in stands in the outbox.
    ctx.after(15_000, () => {
      outbox.load()
      courier.wake()
    })

    const router = ctx.router()
    addRoutes(router, notify, { targets, outbox, courier })
    return router
  },
})

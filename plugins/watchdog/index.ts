// Watches the house for its owner: says once when something goes wrong, and once when it is over.

import { type CloudEvent, type PluginEvent, createRoute, definePlugin, z } from '@home-console/sdk'
import type { Sample } from '../host/contract.ts'
import { Condition, events } from './contract.ts'
import { type Finding, OF_PLUGINS, endedBy, faultIn } from './faults.ts'
import { rules } from './rules.ts'
import { Watch } from './watch.ts'

/** Whoever is at work on a plugin sees for himself that it fails; what is mended by then is no news. */
const FAULT_HOLD_MS = 60_000

const listConditions = createRoute({
  method: 'get',
  path: '/conditions',
  operationId: 'listConditions',
  summary: 'What is wrong now',
  security: [{ bearer: ['watchdog.read'] }],
  responses: {
    200: {
      description: 'Oldest first; none when all is well',
      content: { 'application/json': { schema: z.object({ conditions: z.array(Condition) }) } },
    },
  },
})

export default definePlugin({
  version: '1.0.0',
  name: 'Watchdog',
  description: 'Tells the owner when a disk fills, memory runs out, the machine gets hot or a plugin fails',
  scopes: { 'watchdog.read': 'See what is wrong with the house' },
  events,
  dependsOn: ['host'],
  requires: ['notify'],

  onLoad(ctx) {
    const notify = ctx.services.use('notify')
    const watch = new Watch(ctx)
    /** What is wrong with plugins, by the condition's name, whether it has lasted or not. */
    const faults = new Map<string, Finding>()

    const begun = (condition: Condition | null) => {
      if (condition !== null) ctx.events.emit('watchdog.raised', condition)
    }
    const over = (condition: Condition | null) => {
      if (condition !== null) ctx.events.emit('watchdog.cleared', condition)
    }

    const examine = (sample: Sample, now: number) => {
      for (const { name, title, priority, holdMs, ...rule } of rules) {
        const value = rule.value(sample)
        if (value === null) continue
        const isSo = watch.isRaised(name) ? value > rule.clearAt : value >= rule.raiseAt
        const changed = watch.note(
          { name, title, priority, message: rule.message(sample) },
          isSo,
          holdMs,
          now,
        )
        if (isSo) begun(changed)
        else over(changed)
      }
    }

    let telling = false
    /** Tells what is untold, in order. What cannot be told now is told with a later sample. */
    const tell = async () => {
      if (telling) return
      telling = true
      try {
        for (const notice of watch.untold) {
          await notify.send({ ...notice, source: ctx.id })
          watch.told(notice)
        }
        ctx.status('alerts', 'ok')
      } catch (error) {
        ctx.status('alerts', 'degraded', `The owner could not be told: ${(error as Error).message}`)
      } finally {
        telling = false
      }
    }

    // The pulse: a sample comes every five seconds.
    ctx.events.on('host.sample', ({ data }) => {
      const now = Date.now()
      examine(data, now)
      for (const fault of faults.values()) begun(watch.note(fault, true, FAULT_HOLD_MS, now))
      return tell()
    })

    ctx.events.on('plugin.*', (event: CloudEvent<PluginEvent>) => {
      for (const name of endedBy(event)) {
        faults.delete(name)
        over(watch.end(name))
      }
      const fault = faultIn(event)
      if (fault !== null) faults.set(fault.name, fault)
    })

    // A start loads every plugin anew: what was wrong with one before says nothing any more.
    ctx.events.on('core.started', () => watch.forget(OF_PLUGINS))

    const router = ctx.router()
    router.openapi(listConditions, (c) => c.json({ conditions: [...watch.raised] }, 200))
    return router
  },
})

// What can be asked over HTTP: the targets, a try, what waits, and a notification from outside.

import { type PluginRouter, createRoute, problems, z } from '@home-console/sdk'
import { Message, type NotifyService } from './contract.ts'
import type { Courier } from './courier.ts'
import { Letter, type Outbox } from './outbox.ts'
import { post } from './post.ts'
import { TargetChanges, TargetShown, type Targets } from './targets.ts'

const json = <Schema extends z.ZodType>(schema: Schema) => ({ 'application/json': { schema } })

const TargetList = z.object({ targets: z.array(TargetShown) })

// Nothing said about security: where notifications go is the owner's business alone.
const listTargets = createRoute({
  method: 'get',
  path: '/targets',
  operationId: 'listTargets',
  summary: 'Where notifications go',
  responses: { 200: { description: 'The targets, without their tokens', content: json(TargetList) } },
})

const setTargets = createRoute({
  method: 'put',
  path: '/targets',
  operationId: 'setTargets',
  summary: 'Say where notifications go',
  description: 'Any address that takes a POST as ntfy does, be it on the internet or in the house.',
  request: { body: { required: true, content: json(z.object({ targets: TargetChanges })) } },
  responses: { 200: { description: 'The targets as they are now', content: json(TargetList) } },
})

const Result = z
  .object({ target: z.string(), delivered: z.boolean(), reason: z.string().nullable() })
  .openapi('Result')

const tryTargets = createRoute({
  method: 'post',
  path: '/test',
  operationId: 'tryTargets',
  summary: 'Send a notification to every target now, and say how it went',
  responses: {
    200: { description: 'How it went', content: json(z.object({ results: z.array(Result) })) },
  },
})

const listOutbox = createRoute({
  method: 'get',
  path: '/outbox',
  operationId: 'listOutbox',
  summary: 'What waits to be delivered',
  responses: {
    200: { description: 'What goes next first', content: json(z.object({ letters: z.array(Letter) })) },
  },
})

const send = createRoute({
  method: 'post',
  path: '/messages',
  operationId: 'send',
  summary: 'Send a notification',
  security: [{ bearer: ['notify.send'] }],
  request: { body: { required: true, content: json(Message) } },
  responses: {
    202: { description: 'It will be delivered', content: json(z.object({ id: z.string() })) },
    ...problems({ 429: 'Too many from this source' }),
  },
})

const TRIAL: Message = {
  title: 'Home Console',
  message: 'This is a test: notifications arrive here.',
  priority: 'default',
  tags: ['house'],
  source: 'notify',
}

export function addRoutes(
  router: PluginRouter,
  notify: NotifyService,
  { targets, outbox, courier }: { targets: Targets; outbox: Outbox; courier: Courier },
): void {
  router.openapi(listTargets, (c) => c.json({ targets: targets.shown }, 200))

  router.openapi(setTargets, (c) => {
    targets.replace(c.req.valid('json').targets)
    courier.startAnew()
    return c.json({ targets: targets.shown }, 200)
  })

  router.openapi(tryTargets, async (c) => {
    const tries = targets.list.map(async (target) => {
      const outcome = await post(target, Bun.randomUUIDv7(), TRIAL, c.req.raw.signal)
      const reason = outcome.kind === 'delivered' ? null : outcome.reason
      return { target: target.name, delivered: reason === null, reason }
    })
    return c.json({ results: await Promise.all(tries) }, 200)
  })

  router.openapi(listOutbox, (c) => c.json({ letters: outbox.list() }, 200))

  router.openapi(send, (c) => c.json(notify.send(c.req.valid('json')), 202))
}

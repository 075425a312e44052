// The plugin to read first, and to copy: three routes, an event and a timer. Save this file while the Core runs, and
// the house runs what you wrote.

import { createRoute, definePlugin, problem, problems, z } from '@home-console/sdk'
import { events } from './contract.ts'

// Schemas stand at the top: this file is read afresh for every version, so nothing here outlives it. A schema with a
// name becomes a component of the document at /openapi.json. The name is this plugin's own; others may use it too.
const Name = z.string().trim().min(1).max(60).openapi({ example: 'Ada' })
const Greeting = z.object({ text: z.string().openapi({ example: 'Hello, Ada!' }) }).openapi('Greeting')
const Guest = z.object({ name: Name, since: z.iso.datetime() }).openapi('Guest')

// A route is described before it is written: what does not fit the description never reaches the handler, and whoever
// calls the route, person or program, can read what it takes and gives.
const greet = createRoute({
  method: 'get',
  path: '/greetings/{name}',
  operationId: 'greet',
  summary: 'A greeting',
  security: [], // open: everybody may call it
  request: { params: z.object({ name: Name }) },
  responses: { 200: { description: 'The greeting', content: { 'application/json': { schema: Greeting } } } },
})

const welcome = createRoute({
  method: 'post',
  path: '/guests',
  operationId: 'welcome',
  summary: 'Greets a guest and tells the house',
  security: [{ bearer: ['hello.welcome'] }], // for whoever was given this right
  request: {
    body: { required: true, content: { 'application/json': { schema: z.object({ name: Name }) } } },
  },
  responses: {
    201: { description: 'The guest', content: { 'application/json': { schema: Guest } } },
  },
})

const latest = createRoute({
  method: 'get',
  path: '/guests/latest',
  operationId: 'latestGuest',
  summary: 'Who came last',
  // Nothing said about security: only an owner may call it. What you forget stays closed.
  responses: {
    200: { description: 'The guest', content: { 'application/json': { schema: Guest } } },
    ...problems({ 404: 'Nobody came yet' }),
  },
})

export default definePlugin({
  version: '1.0.0',
  name: 'Hello',
  description: 'Greets people. A template for plugins of your own',
  scopes: { 'hello.welcome': 'Welcome guests' },
  events,

  onLoad(ctx) {
    // What stands here is gone with the next version. What must stay belongs in `ctx.files`.
    let guest: z.infer<typeof Guest> | undefined
    const router = ctx.router()

    router.openapi(greet, (c) => {
      const { name } = c.req.valid('param')
      return c.json({ text: `Hello, ${name}!` }, 200)
    })

    router.openapi(welcome, (c) => {
      const { name } = c.req.valid('json')
      guest = { name, since: new Date().toISOString() }
      // An event is a fact, told to whoever listens. It never waits and never fails: the answer does not hang on others.
      ctx.events.emit('hello.greeted', { name, by: c.var.caller.name })
      return c.json(guest, 201)
    })

    router.openapi(latest, (c) => {
      // Clients see the code as `hello.nobody_yet`.
      if (!guest) throw problem(404, 'nobody_yet', 'Nobody has been welcomed since this version was loaded.')
      return c.json(guest, 200)
    })

    // Patterns work too: `hello.*` is every event of this plugin, `**` every event of the house.
    ctx.events.on('hello.greeted', ({ data }) => ctx.log.info(`${data.name} was welcomed`, { by: data.by }))

    // At four in the morning, by the clock of the house. In ms it would be `ctx.every(60_000, …)`.
    ctx.every('0 4 * * *', () => {
      guest = undefined
    })

    // Nothing of this has to be undone by hand: the Core takes back all that `ctx` gave when this version makes way.
    return router
  },
})

// What the types know of a plugin: its definition in each of its forms, its routes, and the services that it uses.

import { expect, test } from 'bun:test'
import { complaintsAbout, pluginOf } from './type-checker.ts'

test('definePlugin, a plain object and an instance of a class are as good as each other', () => {
  const files = {
    'defined.ts': pluginOf('ctx.log.info(ctx.id)', { members: "version: '1.0.0'," }),
    'plain.ts': `import type { PluginContext, PluginDefinition } from '@home-console/sdk'
export default { onLoad(ctx: PluginContext) { ctx.log.info(ctx.id) } } satisfies PluginDefinition
`,
    'instance.ts': `import { definePlugin, type PluginContext, type PluginDefinition } from '@home-console/sdk'
class Lamp implements PluginDefinition {
  readonly version = '1.0.0'
  #on = false
  onLoad(ctx: PluginContext) {
    ctx.events.on('door.opened', () => { this.#on = true })
    return ctx.router()
  }
  async onUnload(ctx: PluginContext) { ctx.log.info(String(this.#on)) }
}
export default new Lamp()
export const same = definePlugin(new Lamp())
`,
  }
  expect(complaintsAbout(files)).toEqual([])
})

test('a definition without onLoad, with a misspelt member or a member of a wrong kind is refused', () => {
  const files = {
    'a.ts': `import { definePlugin } from '@home-console/sdk'
export default definePlugin({ version: '1.0.0' })
export const b = definePlugin({ onLoad() {}, evnets: {} })
export const c = definePlugin({ onLoad() {}, version: 1 })
export const d = definePlugin({ onLoad() {}, events: { 'a.b': { on: true } } })
export const e = definePlugin({ onLoad() { return 'router' } })
`,
  }
  expect(complaintsAbout(files)).toEqual([
    expect.stringMatching(/^a\.ts:2 TS2741 Property 'onLoad' is missing/),
    expect.stringMatching(/^a\.ts:3 TS2561 .*'evnets'.* Did you mean to write 'events'\?$/),
    "a.ts:4 TS2322 Type 'number' is not assignable to type 'string'.",
    expect.stringMatching(/^a\.ts:5 TS2353 .*'on' does not exist in type/),
    expect.stringMatching(/^a\.ts:6 TS2322 Type '\(\) => string' is not assignable to type .*PluginRouter/),
  ])
})

test('ctx is read-only, and its functions take what they say', () => {
  const files = {
    'a.ts': pluginOf(`
    ctx.every('*/5 * * * *', () => {}, { missed: 'once' })
    const undo: () => void = ctx.after(10, async () => {})
    ctx.task('mqtt', async (signal) => { signal.throwIfAborted() }, { restart: 'always' })
    ctx.id = 'other'
    ctx.every('* * * * *', () => {}, { missed: 'never' })
    ctx.status('broker', 'broken')
    ctx.events.on('a.b', 'not a function')`),
  }
  expect(complaintsAbout(files)).toEqual([
    "a.ts:7 TS2540 Cannot assign to 'id' because it is a read-only property.",
    expect.stringMatching(/^a\.ts:8 TS2322 Type '"never"'/),
    expect.stringMatching(/^a\.ts:9 TS2345 .*'"broken"'.*'Health'/),
    expect.stringMatching(/^a\.ts:10 TS2345 /),
  ])
})

test('a route gives its handler what it describes, and takes no other answer', () => {
  const route = `const route = createRoute({
  method: 'put', path: '/state', request: { body: { content: { 'application/json': { schema: z.object({ on: z.boolean() }) } } } },
  responses: { 200: { description: 'It', content: { 'application/json': { schema: z.object({ on: z.boolean() }) } } } },
})`
  const files = {
    'a.ts': `import { createRoute, definePlugin, z } from '@home-console/sdk'
${route}
export default definePlugin({
  onLoad(ctx) {
    const router = ctx.router({ security: [{ bearer: ['lamp.switch'] }] })
    router.openapi(route, (c) => c.json({ on: c.req.valid('json').on }, 200))
    router.openapi(route, (c) => c.json({ on: c.req.valid('json').off }, 200))
    router.openapi(route, (c) => c.json({ on: 'yes' }, 200))
    router.get('/who', (c) => c.text(c.var.caller.name + c.var.requestId))
    router.get('/what', (c) => c.text(c.var.nobody))
    router.ws('/live', { message: (socket, message) => void socket.send(message.toString()) })
    return router
  },
})
`,
  }
  expect(complaintsAbout(files)).toEqual([
    "a.ts:10 TS2339 Property 'off' does not exist on type '{ on: boolean; }'.",
    expect.stringMatching(/^a\.ts:11 TS2322 .*\{ on: string; \}/),
    expect.stringMatching(/^a\.ts:13 TS2339 Property 'nobody'/),
  ])
})

test('problems say what else a route answers, and do not loosen what it gives', () => {
  const files = {
    'a.ts': `import { createRoute, definePlugin, problem, problems, z } from '@home-console/sdk'
const content = { 'application/json': { schema: z.object({ on: z.boolean() }) } }
const route = createRoute({ method: 'get', path: '/', responses: { 200: { description: 'It', content }, ...problems({ 404: 'No such lamp' }) } })
export default definePlugin({
  onLoad(ctx) {
    const router = ctx.router()
    router.openapi(route, (c) => { if (c.req.url === '') throw problem(404, 'no_such_lamp'); return c.json({ on: true }, 200) })
    router.openapi(route, (c) => c.json({ on: 1 }, 200))
    router.openapi(route, (c) => c.json({ on: true }, 409))
    return router
  },
})
export const wrong = problems({ 404: 7 })
`,
  }
  expect(complaintsAbout(files)).toEqual([
    expect.stringMatching(/^a\.ts:8 TS2322 .*\{ on: number; \}/),
    expect.stringMatching(/^a\.ts:9 TS2322 .*409/),
    "a.ts:13 TS2322 Type 'number' is not assignable to type 'string'.",
  ])
})

const lampContract = `export interface Lamp { isOn(): boolean; set(on: boolean): Promise<void>; changes(): AsyncIterable<boolean>; label: string }
declare module '@home-console/sdk' { interface Services { lamp: Lamp; 'lamp.dimmer': { level(): number } } }
`

test('a service that a contract tells of is used by its methods, each of which gives a promise', () => {
  const use = pluginOf(
    `
    const lamp = ctx.services.use('lamp')
    ctx.task('watch', async () => {
      const on: boolean = await lamp.isOn()
      await lamp.set(!on)
      for await (const change of lamp.changes()) change satisfies boolean
      const level: number = await ctx.services.use('lamp.dimmer').level()
    })
    if (lamp.isOn()) lamp.set('on')
    lamp.label
    const now: boolean = lamp.isOn()
    lamp.dim()`,
    { head: "import type {} from './lamp/contract.ts'", members: "requires: ['lamp', 'lamp.dimmer']," },
  )
  expect(complaintsAbout({ 'lamp/contract.ts': lampContract, 'a.ts': use })).toEqual([
    expect.stringMatching(/^a\.ts:11 TS2801 /),
    expect.stringMatching(/^a\.ts:11 TS2345 .*'string'.*'boolean'/),
    expect.stringMatching(/^a\.ts:12 TS2339 Property 'label'/),
    "a.ts:13 TS2322 Type 'Promise<boolean>' is not assignable to type 'boolean'.",
    expect.stringMatching(/^a\.ts:14 TS2339 Property 'dim'/),
  ])
})

test('who provides a service offers what the contract says', () => {
  const provide = (implementation: string) =>
    pluginOf(`ctx.services.provide('lamp.dimmer', ${implementation})`, {
      head: "import type {} from './lamp/contract.ts'",
      members: "provides: ['lamp.dimmer'],",
    })
  expect(
    complaintsAbout({
      'lamp/contract.ts': lampContract,
      'a.ts': provide('{ level: () => 1 }'),
      'b.ts': provide('{ level: async () => 1 }'),
      'c.ts': provide("{ level: () => 'full' }"),
      'd.ts': provide('{}'),
    }),
  ).toEqual([
    expect.stringMatching(/^c\.ts:3 TS2322 Type '"?\w+"?' is not assignable to type .*number/),
    expect.stringMatching(
      /^d\.ts:3 TS2345 .*Property 'level' is missing|^d\.ts:3 TS2741 Property 'level' is missing/,
    ),
  ])
})

test('ctx.db knows the tables that the definition declares, and nothing where it declares none', () => {
  const files = {
    'a.ts': `import { definePlugin } from '@home-console/sdk'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
const rooms = sqliteTable('rooms', { id: integer().primaryKey(), name: text().notNull() })
export default definePlugin({
  db: { schema: { rooms }, durability: 'normal' },
  onLoad(ctx) {
    const names: string[] = ctx.db.select().from(rooms).all().map(({ name }) => name)
    const first: { id: number; name: string } | undefined = ctx.db.query.rooms.findFirst().sync()
    ctx.db.transaction((tx) => tx.insert(rooms).values({ name: 'hall' }).run())
    ctx.kv.set('names', [names, first], { ttl: 1_000 })
    const count: number | undefined = ctx.kv.get<number>('count')
    ctx.log.info(String(count))
    ctx.db.insert(rooms).values({ nmae: 'hall' }).run()
    ctx.db.query.lamps
    ctx.kv.set('a', 1, { ttl: '1 h' })
  },
  onUnload(ctx) { ctx.db.delete(rooms).run() },
})
export const b = definePlugin({ onLoad(ctx) { ctx.db.select() } })
export const c = definePlugin({ db: { tables: {} }, onLoad() {} })
export const d = definePlugin({ db: { schema: {}, durability: 'off' }, onLoad() {} })
`,
  }
  expect(complaintsAbout(files)).toEqual([
    expect.stringMatching(/^a\.ts:13 TS2769/),
    expect.stringMatching(/^a\.ts:14 TS2339 .*'lamps'/),
    expect.stringMatching(/^a\.ts:15 TS2322/),
    expect.stringMatching(/^a\.ts:19 TS2339 .*'select'/),
    expect.stringMatching(/^a\.ts:20 TS(2353|2741|2769)/),
    expect.stringMatching(/^a\.ts:21 TS(2322|2769)/),
  ])
})

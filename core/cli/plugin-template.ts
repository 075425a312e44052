// What `hc plugin new` writes: a plugin with a documented route, an event and a test, to be changed into something else.

/** The files of a plugin in a folder, by name. */
export function pluginFolder(id: string): Record<string, string> {
  return { 'contract.ts': contract(id), 'index.ts': index(id), 'index.test.ts': test(id) }
}

/** The same plugin in one file, without a test and without a contract for others. */
export function singleFile(id: string): string {
  return `// ${id}: a switch. It can be read and set over HTTP, and tells the house when it changes.

import { createRoute, definePlugin, z } from '@home-console/sdk'

const Switch = z.object({ on: z.boolean() }).openapi('Switch')
const events = { '${id}.changed': Switch }
${definition(id)}`
}

function contract(id: string): string {
  return `// What others may know of ${id}. Another plugin may \`import type\` this file and nothing else.

import { type EventsOf, z } from '@home-console/sdk'

export const Switch = z.object({ on: z.boolean() }).openapi('Switch')

export const events = { '${id}.changed': Switch }

declare module '@home-console/sdk' {
  interface Events extends EventsOf<typeof events> {}
}
`
}

function index(id: string): string {
  return `// ${id}: a switch. It can be read and set over HTTP, and tells the house when it changes.

import { createRoute, definePlugin } from '@home-console/sdk'
import { events, Switch } from './contract.ts'
${definition(id)}`
}

function definition(id: string): string {
  return `
const content = { 'application/json': { schema: Switch } }
const responses = { 200: { description: 'How it stands', content } }

const getState = createRoute({
  method: 'get',
  path: '/state',
  operationId: 'getState',
  summary: 'Is it on?',
  responses,
})

const setState = createRoute({
  method: 'put',
  path: '/state',
  operationId: 'setState',
  summary: 'Switch it',
  request: { body: { required: true, content } },
  responses,
})

export default definePlugin({
  version: '0.1.0',
  description: 'A switch',
  events,

  onLoad(ctx) {
    let on = false
    const router = ctx.router()

    router.openapi(getState, (c) => c.json({ on }, 200))

    router.openapi(setState, (c) => {
      on = c.req.valid('json').on
      ctx.events.emit('${id}.changed', { on })
      return c.json({ on }, 200)
    })

    return router
  },
})
`
}

function test(id: string): string {
  const key = id.includes('-') ? `'${id}'` : id
  return `import { expect, test } from 'bun:test'
import { startTestHouse } from '@home-console/sdk/testing'

test('tells the house when it is switched', async () => {
  await using house = await startTestHouse({ plugins: { ${key}: import.meta.dir } })

  const response = await house.send('PUT', '/api/plugins/${id}/state', { on: true })

  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({ on: true })
  const { data } = await house.event('${id}.changed')
  expect(data).toEqual({ on: true })
})
`
}

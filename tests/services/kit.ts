// Plugins for the tests of services: one that provides, one that lets a test do things as a user.

import type { PluginEvent } from '@home-console/sdk'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'

/** A plugin that provides `name`: its members, as source, within an object. */
export const provider = (members: string, name = 'lamp', before = '') => `
import { definePlugin, problem } from '@home-console/sdk'
export default definePlugin({
  provides: ['${name}'],
  onLoad(ctx) {
    ${before}
    ctx.services.provide('${name}', { ${members} })
  },
})
`

/** A plugin whose `GET /<path>` gives as JSON what the source of a function body returns; it has `ctx` and `lamp`. */
export const user = (routes: Readonly<Record<string, string>>, requires = `'lamp'`) => `
import { definePlugin } from '@home-console/sdk'
export default definePlugin({
  requires: [${requires}],
  onLoad(ctx) {
    const lamp = ctx.services.use('lamp')
    const router = ctx.router({ security: [] })
    ${Object.entries(routes)
      .map(
        ([path, body]) =>
          `router.get('/${path}', async (c) => c.json((await (async () => { ${body} })()) ?? null))`,
      )
      .join('\n')}
    return router
  },
})
`

export const houseOf = (plugins: Readonly<Record<string, string>>): Promise<TestHouse> =>
  startTestHouse({
    plugins: Object.fromEntries(Object.entries(plugins).map(([id, text]) => [id, { 'index.ts': text }])),
  })

/** What `GET` gives, as JSON. */
export const ask = async (house: TestHouse, path: string): Promise<any> =>
  (await house.request(`/api/plugins/${path}`)).json()

/** What a promise is rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<any> {
  let value: unknown
  try {
    value = await promise
  } catch (error) {
    return error
  }
  throw new Error(`It was not rejected, but gave ${Bun.inspect(value)}.`)
}

/** The mistakes that were charged, as `<plugin>: <message>`. */
export const mistakes = (house: TestHouse): string[] =>
  house.logs
    .filter(({ level, message }) => level === 'error' && message.startsWith('A mistake'))
    .map(({ plugin, message }) => `${plugin}: ${message.split('\n')[0]}`)

/** What was leaked, as `<plugin>: <kind>`. */
export const leaked = (house: TestHouse): string[] =>
  house.events
    .filter(({ type }) => type === 'plugin.leaked')
    .map(({ data }) => data as PluginEvent)
    .flatMap(({ plugin, reload }) => reload.leaks.map(({ kind }) => `${plugin}: ${kind}`))

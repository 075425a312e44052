// A house with a plugin that has nothing to do with what happens, and goes on as if nothing had.

import { expect } from 'bun:test'
import {
  startTestHouse,
  type PluginFiles,
  type TestHouse,
  type TestHouseOptions,
} from '@home-console/sdk/testing'

const BYSTANDER = `
import { definePlugin } from '@home-console/sdk'
export default definePlugin({
  onLoad(ctx) {
    ctx.events.on('bystander.ping', ({ data }) => ctx.events.emit('bystander.pong', data))
    const router = ctx.router({ security: [] })
    router.get('/word', (c) => c.text('still here'))
    return router
  },
})
`

export function houseWith(plugins: Readonly<Record<string, PluginFiles>>, options: TestHouseOptions = {}) {
  return startTestHouse({ ...options, plugins: { ...plugins, bystander: { 'index.ts': BYSTANDER } } })
}

let pings = 0

/** Asserts that the bystander answers and hears events, and was never touched. */
export async function expectUntouchedBystander(house: TestHouse): Promise<void> {
  const answer = await house.request('/api/plugins/bystander/word')
  expect(await answer.text()).toBe('still here')
  const ping = ++pings
  house.runtime.bus.emit({ type: 'bystander.ping', source: '/clients/test', data: ping })
  for (;;) if ((await house.event('bystander.pong')).data === ping) break
  expect(house.runtime.loader.view('bystander')).toMatchObject({
    state: 'active',
    generation: 1,
    error: null,
  })
  expect(house.runtime.loader.faults.get('bystander')).toBeUndefined()
}

/** A plugin that answers `GET /word` with a text, and does something more in `onLoad`. */
export function answering(text: string, more = '', top = ''): string {
  return `import { definePlugin } from '@home-console/sdk'
${top}
export default definePlugin({
  async onLoad(ctx) {
    const router = ctx.router({ security: [] })
    router.get('/word', (c) => c.text('${text}'))
    ${more}
    return router
  },
})
`
}

export async function answerOf(house: TestHouse, id = 'lamp', path = '/word'): Promise<string> {
  return (await house.request(`/api/plugins/${id}${path}`)).text()
}

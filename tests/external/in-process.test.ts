// A plugin that can do its work in the Core or leave it to its external service: out, and home again.

import { afterEach, expect, test } from 'bun:test'
import type { TestHouse } from '@home-console/sdk/testing'
import { gone } from '../processes.ts'
import { until } from '../until.ts'
import { Clients } from './clients.ts'
import { adapterOf, clientsOf, embedded, houseWithAdapter, server } from './kit.ts'

let house: TestHouse
afterEach(() => house.stop())

const choose = (mode: string) => house.send('PATCH', '/api/core/plugins/adapter', { mode })

/** Answers by itself in_process, and passes on in the other modes, as ctx.external says. */
const wanderer = (load = '') => `
  import { definePlugin } from '@home-console/sdk'
  export default definePlugin({
    external: 'clients',
    modes: ['in_process', 'embedded'],
    onLoad(ctx) {
      const mode = ctx.external.mode
      ${load}
      const router = ctx.router({ security: [] })
      router.get('/where', async (c) => { await Bun.sleep(20); return c.text(mode) })
      return router
    },
  })`

test('out of the Core and home again: another version of the plugin takes over once the service is up', async () => {
  house = await houseWithAdapter(embedded(), { plugin: wanderer() })
  expect(adapterOf(house)).toMatchObject({ mode: 'in_process', kind: 'adapter', status: [], generation: 1 })
  expect(clientsOf(house)).toMatchObject({ state: 'stopped', mode: 'in_process' })
  const where = async () => (await house.request('/api/plugins/adapter/where')).text()
  expect(await where()).toBe('in_process')

  expect(await (await choose('embedded')).json()).toMatchObject({
    mode: 'embedded',
    generation: 2,
    state: 'active',
  })
  expect(clientsOf(house)).toMatchObject({ state: 'up', mode: 'embedded' })
  expect(await where()).toBe('embedded')
  const { pid } = clientsOf(house)

  const late = where()
  expect(await (await choose('in_process')).json()).toMatchObject({ mode: 'in_process', generation: 3 })
  expect(await late).toBe('embedded')
  expect(await where()).toBe('in_process')
  await gone(pid!)
  expect(clientsOf(house)).toMatchObject({ state: 'stopped', mode: 'in_process', adapter: 'adapter' })
})

test('a plugin that does not load in its new mode stays in the one before, and the service stops again', async () => {
  house = await houseWithAdapter(embedded(), {
    plugin: wanderer(`if (mode === 'embedded') throw new Error('not out there')`),
  })
  const answer = await choose('embedded')
  expect(answer.status).toBe(422)
  expect(await answer.json()).toMatchObject({ code: 'mode_refused', detail: 'not out there' })
  expect(adapterOf(house)).toMatchObject({ mode: 'in_process', generation: 1, state: 'active' })
  expect(clientsOf(house)).toMatchObject({ state: 'stopped' })
})

test('in_process needs no service.json; the other mode is refused for want of it', async () => {
  house = await houseWithAdapter(null, { plugin: wanderer() })
  expect(adapterOf(house)).toMatchObject({ mode: 'in_process', state: 'active' })
  const answer = await choose('embedded')
  expect(answer.status).toBe(422)
  expect(((await answer.json()) as { detail: string }).detail).toContain('service.json')
  expect(adapterOf(house)).toMatchObject({ mode: 'in_process', state: 'active' })
})

test('one that waits for its service.json need not wait at home', async () => {
  const plugin = wanderer().replace(`['in_process', 'embedded']`, `['embedded', 'in_process']`)
  house = await houseWithAdapter(null, { plugin })
  expect(adapterOf(house)).toMatchObject({ state: 'waiting', mode: 'embedded' })
  expect(await (await choose('in_process')).json()).toMatchObject({ state: 'active', mode: 'in_process' })
})

test('home and out again under load: no request is lost, and each is answered where it began', async () => {
  const plugin = `
    import { definePlugin } from '@home-console/sdk'
    export default definePlugin({
      external: 'clients',
      modes: ['in_process', 'embedded'],
      onLoad(ctx) {
        const router = ctx.router({ security: [] })
        if (ctx.external.mode === 'in_process')
          router.get('/*', async (c) => { await Bun.sleep(Number(c.req.query('ms') ?? 0)); return c.text('home') })
        else router.get('/*', ctx.proxy())
        return router
      },
    })`
  house = await houseWithAdapter(embedded(server('out')), { plugin })
  const clients = new Clients(house, ['/', '/', '/slow?ms=30', '/slow?ms=200'])
  for (const mode of ['embedded', 'in_process', 'embedded', 'in_process']) {
    const answer = mode === 'embedded' ? '200 out' : '200 home'
    expect((await choose(mode)).status).toBe(200)
    const before = clients.countOf(answer)
    await until('it is answered there', () => clients.countOf(answer) > before + 20)
  }
  expect(await clients.stop()).toEqual(['200 home', '200 out'])
  expect(clientsOf(house)).toMatchObject({ state: 'stopped' })
})

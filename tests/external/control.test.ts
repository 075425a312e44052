// The owner's word on external services: over HTTP, on the command line, and in numbers.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { z } from '@home-console/sdk'
import type { TestHouse } from '@home-console/sdk/testing'
import { External, Plugin } from '../../core/api/schemas.ts'
import { hc, type Options } from '../cli/hc.ts'
import { until } from '../until.ts'
import {
  adapter,
  clientsOf,
  CREDENTIAL,
  embedded,
  folderOf,
  houseWithAdapter,
  inState,
  startable,
} from './kit.ts'

let house: TestHouse
let here: Options
const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('elsewhere') })
beforeAll(async () => {
  const service = startable({}, { url: server.url.origin })
  house = await houseWithAdapter(embedded(undefined, service), {
    config: { external: { clients: { credential: CREDENTIAL } } },
  })
  here = { url: house.url, env: { HC_TOKEN: house.token } }
  await inState(house, 'up')
})
afterAll(async () => {
  await house.stop()
  await server.stop(true)
})

test('what is listed fits what the document says of it, and holds no secret', async () => {
  const text = await (await house.request('/api/core/external')).text()
  const refused = z.strictObject({ name: z.string(), fault: z.string() })
  const { external } = z
    .strictObject({ external: z.array(z.strictObject(External.shape)), refused: z.array(refused) })
    .parse(JSON.parse(text))
  expect(external).toMatchObject([
    { name: 'clients', state: 'up', mode: 'embedded', adapter: 'adapter', restarts: 0, breaker: 'closed' },
  ])
  expect(text).not.toContain(house.runtime.external.find('clients')!.reach!.credential)
  const plugin = await (await house.request('/api/core/plugins/adapter')).json()
  expect(z.strictObject(Plugin.shape).parse(plugin)).toMatchObject({ modes: ['embedded', 'microservice'] })
})

test('nobody but the owner sees it or starts it again', async () => {
  const headers = { Authorization: '' }
  expect((await house.request('/api/core/external', { headers })).status).toBe(401)
  expect(
    (await house.request('/api/core/external/clients/restart', { method: 'POST', headers })).status,
  ).toBe(401)
})

test('hc external list is a table; restart says what is up', async () => {
  const list = await hc(['external', 'list'], here)
  expect(list.out.split('\n').map((line) => line.split(/\s+/).slice(0, 4))).toEqual([
    ['service', 'state', 'mode', 'version'],
    ['clients', 'up', 'embedded', '1.0.0'],
    [''],
  ])
  const { pid } = clientsOf(house)
  const restart = await hc(['external', 'restart', 'clients'], here)
  expect([restart.code, restart.out]).toEqual([0, `clients up ${clientsOf(house).url}\n`])
  expect(clientsOf(house).pid).not.toBe(pid)
  const nobody = await hc(['external', 'restart', 'nobody'], here)
  expect(nobody).toMatchObject({ code: 1, out: '' })
  expect(nobody.err).toContain('(no_such_external, 404)')
  expect(nobody.err).toContain(`There is no ${folderOf(house, 'nobody', 'service.json')}.`)
})

test('hc plugin mode shows the mode and the others, and chooses', async () => {
  const show = await hc(['plugin', 'mode', 'adapter'], here)
  expect([show.code, show.out]).toEqual([0, 'adapter runs embedded; it can run microservice\n'])
  const choose = await hc(['plugin', 'mode', 'adapter', 'microservice'], here)
  expect([choose.code, choose.out]).toEqual([0, 'adapter runs microservice; it can run embedded\n'])
  expect(clientsOf(house)).toMatchObject({ mode: 'microservice', url: server.url.origin })
  const refused = await hc(['plugin', 'mode', 'adapter', 'in_process'], here)
  expect(refused.code).toBe(1)
  expect(refused.err).toContain('(mode_not_supported, 409)')
})

test('metrics tell whether it is up and how often it died', async () => {
  const text = await (await house.request('/metrics')).text()
  expect(text).toContain('home_console_external_up{service="clients"} 1\n')
  expect(text).toContain('home_console_external_restarts_total{service="clients"} 0\n')
})

test('one that is left alone for a while is listed so', async () => {
  const broken = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: { open: (socket) => void socket.end('nonsense'), data() {} },
  })
  const url = `http://127.0.0.1:${broken.port}`
  const passing = `const router = ctx.router({ security: [] }); router.all('/*', ctx.proxy()); return router`
  await using other = await houseWithAdapter(
    { 'service.json': startable({}, { url }) },
    {
      plugin: adapter(`modes: ['microservice']`, passing),
      config: { external: { clients: { credential: CREDENTIAL } } },
    },
  )
  await until('it was looked at', () => clientsOf(other).url !== null)
  for (let call = 0; call < 5; call++) await other.request('/api/plugins/adapter/x')
  const list = await (await other.request('/api/core/external')).json()
  expect(list).toMatchObject({ external: [{ breaker: 'open' }] })
  const words = await hc(['external', 'list'], { url: other.url, env: { HC_TOKEN: other.token } })
  expect(words.out).toContain('left alone for a while')
  broken.stop(true)
})

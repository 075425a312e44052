// What somebody is told who begins a service and makes a mistake: what it is, and where.

import { afterEach, expect, test } from 'bun:test'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'
import { parseServiceManifest } from '../../core/external/manifest.ts'
import { hc } from '../cli/hc.ts'
import { until } from '../until.ts'
import { adapter, embedded, folderOf, houseWithAdapter, manifest, server, startable } from './kit.ts'

let house: TestHouse | undefined
afterEach(() => house?.stop())

test.each([
  [{ start: { comand: ['bun'] } }, 'start.command: is missing; start.comand: there is no such key.'],
  [{ port: 80 }, 'port: there is no such key.'],
  [{ version: undefined }, 'version: is missing.'],
  [
    { start: { command: 'bun main.ts' } },
    'start.command: Invalid type: Expected Array but received "bun main.ts".',
  ],
  [{ name: 'Clients' }, 'name: must be small letters, digits and hyphens, the first one a letter.'],
  [{ name: 'client' }, 'name: must be that of its folder, "clients", and is "client".'],
])('service.json with %j is told %j', (members, told) => {
  expect(() => parseServiceManifest(manifest(members), 'clients')).toThrow(told)
})

test('service.json that is no JSON is told in which line', () => {
  const broken = '{\n  "name": "clients",\n  "version": "1.0.0",\n}'
  expect(() => parseServiceManifest(broken, 'clients')).toThrow(/^It is no JSON, in line 4: /)
})

test('a proxy that was put on a route without being called is the mistake of its plugin, and of no client', async () => {
  const load = `const router = ctx.router(); router.all('/*', ctx.proxy); return router`
  house = await houseWithAdapter({ 'service.json': manifest() }, { plugin: adapter('', load) })
  const response = await house.request('/api/plugins/adapter/x')
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
    500,
    'handler_failed',
  ])
  expect(house.logs.map(({ message }) => message).join()).toContain(
    "ctx.proxy makes a handler and is none: router.all('/*', ctx.proxy())",
  )
})

test('a proxy to a path with a parameter that its route does not have is refused, with the line', async () => {
  const load = (route: string) => `
    const router = ctx.router()
    router.get('${route}', ctx.proxy({ path: '/v2/things/{id}' }))
    return router`
  house = await houseWithAdapter({ 'service.json': manifest() }, { plugin: adapter('', load('/things/:id')) })
  expect(house.runtime.loader.view('adapter')!.state).toBe('active')
  const { outcome, error } = await house.save('adapter/index.ts', adapter('', load('/things/:thing')))
  expect(outcome).toBe('kept_old')
  expect(error).toMatchObject({
    code: 'invalid_router',
    message: 'ctx.proxy: "/v2/things/{id}" has {id}, but the route /things/:thing has no such parameter.',
    line: 8,
  })
})

test('hc external list says why the document of a service is not taken', async () => {
  const main = server('<html>')
  const service = startable({}, { openapi: '/openapi.json' })
  house = await houseWithAdapter(embedded(main, service))
  await until('the document was read', () => house!.runtime.external.find('clients')!.view().document)
  const { out } = await hc(['external', 'list'], { url: house.url, env: { HC_TOKEN: house.token } })
  expect(out).toContain('Its OpenAPI document is not taken: It is no JSON')
})

test('hc lists a service that nobody stands for, one whose service.json was never good, and who waits for what', async () => {
  house = await startTestHouse({
    plugins: {
      misspelt: { 'index.ts': adapter().replace("'clients'", "'cleints'") },
      early: { 'index.ts': adapter().replace("'clients'", "'broken'") },
    },
    external: {
      clients: { 'service.json': manifest({ start: { command: ['bun', 'main.ts'] } }) },
      broken: { 'service.json': '{}' },
    },
    config: { external: { cleints: { url: 'http://127.0.0.1:9' } } },
  })
  const here = { url: house.url, env: { HC_TOKEN: house.token } }
  const lines = async (...args: string[]) =>
    (await hc(args, here)).out.split('\n').map((line) => line.replaceAll(/ +/g, ' '))

  const services = await lines('external', 'list')
  expect(services).toContain(
    "clients stopped 1.0.0 0 No plugin stands for it now: one that says external: 'clients' would.",
  )
  expect(services).toContain('broken refused service.json: name: is missing; version: is missing.')

  const plugins = await lines('plugin', 'list')
  const file = folderOf(house, 'broken', 'service.json')
  expect(plugins).toContain(
    `early waiting adapter 0 for external broken: ${file} is refused: name: is missing; version: is missing.`,
  )
  const none = `There is no ${folderOf(house, 'cleints', 'service.json')}.`
  expect(plugins).toContain(`misspelt waiting adapter 0 for external cleints: ${none}`)
  expect(house.logs.map(({ message }) => message)).toContain(
    `The environment speaks of the external service "cleints". ${none}`,
  )
  expect((await hc(['external', 'restart', 'broken'], here)).err).toContain(`${file} is refused: name`)
})

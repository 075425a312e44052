// The one document of a house with an adapter and its service, each in the process where it runs: what it shows, and how it follows.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { TestHouse } from '@home-console/sdk/testing'
import type { ExternalView } from '../../core/external/external-service.ts'
import { CREDENTIAL, houseWithAdapter, inState, manifest } from '../external/kit.ts'
import { ServiceProcess } from '../external/service-process.ts'
import { until } from '../until.ts'

const adapter = (load: string) => `
  import { createRoute, definePlugin, z } from '@home-console/sdk'
  export default definePlugin({
    external: 'clients',
    onLoad(ctx) {
      const router = ctx.router()
      ${load}
      return router
    },
  })`
const PASS_ALL = `router.all('/*', ctx.proxy({ base: '/api' }))`
/** A documented route that needs one operation of the service. */
const ONE = `
  router.openapi(createRoute({
    method: 'get', path: '/one/{id}', request: { params: z.object({ id: z.string() }) },
    responses: { 200: { description: 'One.' } },
  }), ctx.proxy({ path: '/api/clients/{id}' }))
  router.all('/*', ctx.proxy({ base: '/api' }))`

const Client = { type: 'object', properties: { name: { type: 'string', nullable: true } } }
const answer = {
  responses: {
    200: {
      description: 'Fine.',
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Client' } } },
    },
  },
}
const documentOf = (version: string, paths: object) =>
  JSON.stringify({
    openapi: '3.0.3',
    info: { title: 'Clients', version },
    paths,
    components: { schemas: { Client } },
  })
const CLIENTS = { '/api/clients': { get: { ...answer, operationId: 'listClients' } } }
const parameters = [{ name: 'clientId', in: 'path', required: true, schema: { type: 'string' } }]
const BOTH = {
  ...CLIENTS,
  '/api/clients/{clientId}': { get: { ...answer, operationId: 'getClient', parameters } },
}

let house: TestHouse
let service: ServiceProcess
beforeEach(async () => {
  service = await ServiceProcess.start({ OPENAPI: documentOf('1.0.0', BOTH) })
})
afterEach(async () => {
  await house.stop()
  await service[Symbol.asyncDispose]()
})

async function begin(load: string, state = 'up'): Promise<void> {
  house = await houseWithAdapter(
    { 'service.json': manifest({ openapi: '/openapi.json' }) },
    {
      plugin: adapter(load),
      config: { external: { clients: { url: service.url, credential: CREDENTIAL } } },
    },
  )
  await inState(house, state)
}

interface Document {
  paths: Record<string, Record<string, any>>
  components: { schemas: Record<string, unknown> }
}
const read = async () => (await (await house.request('/openapi.json')).json()) as Document
const pathsOf = async () =>
  Object.keys((await read()).paths).flatMap((path) =>
    path.startsWith('/api/plugins/adapter/') ? [path.slice('/api/plugins/adapter'.length)] : [],
  )
const viewed = async () => {
  const { external } = (await (await house.request('/api/core/external')).json()) as {
    external: ExternalView[]
  }
  return external[0]!
}
/** The document says this of the adapter's paths. */
const shows = (what: string, paths: string[]) =>
  until(what, async () => Bun.deepEquals((await pathsOf()).sort(), paths.sort()))
/** The house looks again, as it does every five minutes. */
const later = () => house.clock.advance(300_000)

describe('the one document', () => {
  test('shows what the adapter’s routes lead to at the service, and it is really there', async () => {
    await begin(PASS_ALL)
    await shows('the service', ['/clients', '/clients/{clientId}'])
    const { paths, components } = await read()
    const operation = paths['/api/plugins/adapter/clients/{clientId}']!['get']
    expect(operation).toMatchObject({
      operationId: 'adapter.getClient',
      tags: ['adapter'],
      security: [{ bearer: [] }],
      responses: {
        200: { content: { 'application/json': { schema: { $ref: '#/components/schemas/adapter.Client' } } } },
      },
    })
    expect(components.schemas['adapter.Client']).toEqual({
      type: 'object',
      properties: { name: { type: ['string', 'null'] } },
    })
    const called = await house.request('/api/plugins/adapter/clients/7')
    expect(await called.json()).toEqual({ method: 'GET', path: '/api/clients/7' })
    expect(await viewed()).toMatchObject({ document: { version: '1.0.0', fault: null }, incompatible: null })
  })

  test('follows the service when it comes back as another version, and when it changes on the way', async () => {
    await begin(PASS_ALL)
    await shows('the first version', ['/clients', '/clients/{clientId}'])
    await service.kill()
    await inState(house, 'down')
    // What cannot be asked is what it was.
    expect(await pathsOf()).toHaveLength(2)
    service = await ServiceProcess.start({ PORT: service.port, OPENAPI: documentOf('2.0.0', CLIENTS) })
    await shows('the second version', ['/clients'])
    await service.put('/openapi.json', documentOf('3.0.0', BOTH))
    await later()
    await shows('the third version', ['/clients', '/clients/{clientId}'])
    expect((await viewed()).document).toEqual({ version: '3.0.0', fault: null })
  })

  test('stays as it was when the service talks nonsense, and the owner can see why', async () => {
    await begin(PASS_ALL)
    await shows('the service', ['/clients', '/clients/{clientId}'])
    await service.put(
      '/openapi.json',
      JSON.stringify({ openapi: '3.1.0', info: { title: 'x', version: '2' }, paths: { x: 1 } }),
    )
    await later()
    const fault = await until('the fault', async () => (await viewed()).document?.fault)
    expect(fault).toContain('must be a path that begins with a slash')
    expect((await viewed()).document!.version).toBe('1.0.0')
    expect(await pathsOf()).toHaveLength(2)
    expect(house.logs).toContainEqual(
      expect.objectContaining({ level: 'warn', plugin: 'adapter', message: expect.stringContaining(fault) }),
    )
    await service.put('/openapi.json', documentOf('2.0.0', CLIENTS))
    await later()
    await shows('the mended one', ['/clients'])
  })

  test('follows a swap of the adapter at once, and is without the service when the adapter goes', async () => {
    await begin(PASS_ALL)
    await shows('the service', ['/clients', '/clients/{clientId}'])
    await house.save('adapter/index.ts', adapter(`router.get('/all', ctx.proxy({ path: '/api/clients' }))`))
    expect(await pathsOf()).toEqual(['/all'])
    await house.save(
      'adapter/index.ts',
      adapter(`router.get('/clients', (c) => c.text('mine')); ${PASS_ALL}`),
    )
    expect(await pathsOf()).toEqual(['/clients/{clientId}'])
    await house.send('PATCH', '/api/core/plugins/adapter', { enabled: false })
    expect(await pathsOf()).toEqual([])
    await house.send('PATCH', '/api/core/plugins/adapter', { enabled: true })
    await shows('the service again', ['/clients/{clientId}'])
  })
})

describe('a service that no longer has what its adapter uses', () => {
  test('is incompatible, says of what, and the route that leads there answers so; all others go on', async () => {
    await begin(ONE)
    // An operation stands where the adapter put it, and not a second time.
    await shows('the service', ['/one/{id}', '/clients'])
    await service.put('/openapi.json', documentOf('2.0.0', CLIENTS))
    await later()
    const why = `Its OpenAPI document no longer has what "adapter" uses: GET /api/clients/{id}.`
    expect(await inState(house, 'incompatible')).toMatchObject({ error: why, incompatible: why })
    expect(house.runtime.loader.view('adapter')!.status).toMatchObject([
      { label: 'external', state: 'degraded', message: why },
    ])
    expect(house.events).toContainEqual(
      expect.objectContaining({
        type: 'core.external',
        data: expect.objectContaining({ state: 'incompatible', error: why }),
      }),
    )
    const refused = await house.request('/api/plugins/adapter/one/7')
    expect([refused.status, await refused.json()]).toEqual([
      502,
      expect.objectContaining({
        code: 'external_incompatible',
        detail:
          'The external service "clients" no longer has GET /api/clients/{id}, says the OpenAPI document of its version 2.0.0.',
      }),
    ])
    expect((await house.request('/api/plugins/adapter/clients')).status).toBe(200)
    await service.put('/openapi.json', documentOf('3.0.0', BOTH))
    await later()
    await inState(house, 'up')
    // What a document decides is no reason to ask for it again.
    await Bun.sleep(100)
    expect((await service.got()).documents).toBe(3)
    expect((await house.request('/api/plugins/adapter/one/7')).status).toBe(200)
  })

  test('is what it was when another version of the adapter can do without', async () => {
    await service.put('/openapi.json', documentOf('2.0.0', CLIENTS))
    await begin(ONE, 'incompatible')
    await house.save('adapter/index.ts', adapter(PASS_ALL))
    expect(house.runtime.external.find('clients')!.state).toBe('up')
    await house.save(
      'adapter/index.ts',
      adapter(`ctx.external.uses('GET /api/clients', 'POST /api/clients')`),
    )
    expect(await inState(house, 'incompatible')).toMatchObject({
      error: expect.stringContaining('uses: POST /api/clients.'),
    })
  })

  test('is none, where it gives no document', async () => {
    await begin(ONE)
    await shows('the service', ['/one/{id}', '/clients'])
    house.write('clients/service.json', manifest({ version: '2.0.0' }), 'external')
    await shows('the adapter alone', ['/one/{id}'])
    expect(house.runtime.external.find('clients')!.state).toBe('up')
    expect((await viewed()).document).toBeNull()
  })

  test.each([`'GET clients'`, `'/clients'`, `7`, `'GET /a?b'`])('cannot be told by %s', async (operation) => {
    await begin(PASS_ALL)
    const { error } = await house.save('adapter/index.ts', adapter(`ctx.external.uses(${operation})`))
    expect(error!.message).toContain(`ctx.external.uses takes operations such as 'GET /clients/{id}'`)
  })
})

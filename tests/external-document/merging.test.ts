// A service's document in its adapter's part: what the adapter's routes really lead to, under names of the adapter's.

import { describe, expect, test } from 'bun:test'
import { createRoute, z } from '@home-console/sdk'
import type { Handler } from 'hono'
import { readExternalDocument } from '../../core/http/document/external-document.ts'
import { withExternal } from '../../core/http/document/external-part.ts'
import { describeRouter } from '../../core/http/document/openapi.ts'
import { Mount } from '../../core/http/mount.ts'
import type { MountOwner } from '../../core/http/request-info.ts'
import { DeclaringRouter } from '../../core/http/routing/plugin-router.ts'
import { markProxied, type ProxiedPath } from '../../core/http/routing/proxied.ts'

const PREFIX = '/api/plugins/cm'
const proxy = (path: ProxiedPath = {}) => markProxied(((c) => c.text('passed on')) as Handler, path) as any

const ok = { responses: { 200: { description: 'Fine.' } } }
const service = (more: object = {}) => ({
  openapi: '3.1.0',
  info: { title: 'Clients', version: '1' },
  paths: {
    '/api/clients': { get: { ...ok, operationId: 'listClients' }, post: { ...ok, operationId: 'addClient' } },
    '/api/clients/{clientId}': {
      parameters: [{ name: 'clientId', in: 'path', required: true, schema: { type: 'string' } }],
      get: { ...ok, operationId: 'getClient' },
      delete: ok,
    },
    '/health': { get: { ...ok, operationId: 'health' } },
  },
  ...more,
})

/** What the adapter's part says, once the service's document is in it. */
function merged(
  register: (router: DeclaringRouter) => void,
  document: object = service(),
  security: any = [{ bearer: [] }],
) {
  const router = new DeclaringRouter({ security })
  register(router)
  const mount = new Mount(PREFIX, router, {} as MountOwner)
  const part = describeRouter(router, {
    id: 'cm',
    prefix: PREFIX,
    accessAt: (method, path) => mount.accessAt(method, path),
  })
  const { proxied, proxiedAt } = mount
  const read = readExternalDocument(JSON.stringify(document))
  const joined = withExternal(part, { id: 'cm', prefix: PREFIX, document: read, proxied, proxiedAt })
  const components = Object.fromEntries(
    Array.from(joined.components, ([section, members]) => [section, JSON.parse(`{${members}}`)]),
  )
  const paths = JSON.parse(`{${joined.paths}}`) as Record<string, Record<string, any>>
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path.slice(PREFIX.length)}`),
  )
  expect(joined.operations).toBe(operations.length)
  return { paths, operations, components, at: (path: string) => paths[PREFIX + path]! }
}

describe('a catch-all', () => {
  test('shows all that the service has, under the prefix', () => {
    const { operations, at } = merged((router) => router.all('/*', proxy()))
    expect(operations).toEqual([
      'GET /api/clients',
      'POST /api/clients',
      'GET /api/clients/{clientId}',
      'DELETE /api/clients/{clientId}',
      'GET /health',
    ])
    expect(at('/api/clients')['get']).toMatchObject({
      operationId: 'cm.listClients',
      tags: ['cm'],
      responses: {
        200: { description: 'Fine.' },
        401: { $ref: '#/components/responses/core.Unauthorized' },
        502: { $ref: '#/components/responses/core.ExternalUnreachable' },
      },
    })
    expect(at('/api/clients/{clientId}')['delete'].operationId).toBe('cm.deleteApiClientsClientId')
    expect(at('/api/clients/{clientId}')['delete'].parameters).toMatchObject([
      { name: 'clientId', in: 'path' },
    ])
  })

  test('with a base shows what is below it there', () => {
    const { operations } = merged((router) => router.all('/*', proxy({ base: '/api' })))
    expect(operations).toEqual([
      'GET /clients',
      'POST /clients',
      'GET /clients/{clientId}',
      'DELETE /clients/{clientId}',
    ])
    expect(merged((router) => router.all('/*', proxy({ base: '/ap' }))).operations).toEqual([])
  })

  test('for one method shows that one, and a HEAD goes with GET', () => {
    const head = service({ paths: { '/x': { head: ok, get: ok, post: ok, trace: ok } } })
    expect(merged((router) => router.get('/*', proxy()), head).operations.sort()).toEqual([
      'GET /x',
      'HEAD /x',
    ])
  })

  test('shows nothing where something else answers first', () => {
    const own: Handler = (c) => c.text('own')
    const { operations } = merged((router) => {
      router.get('/api/clients/:id', own)
      router.use('/health', (_, next) => next())
      router.all('/*', proxy())
    })
    expect(operations).toEqual(['GET /api/clients', 'POST /api/clients', 'DELETE /api/clients/{clientId}'])
  })

  test('that is registered under a path leads only from there', () => {
    const { operations } = merged((router) => router.all('/api/clients/*', proxy()))
    expect(operations).toEqual([
      'GET /api/clients',
      'POST /api/clients',
      'GET /api/clients/{clientId}',
      'DELETE /api/clients/{clientId}',
    ])
  })
})

describe('a route with a path of its own', () => {
  test('shows that operation where it is, with the service’s name for the parameter', () => {
    const { operations, at } = merged((router) => {
      router.get('/computers/:id', proxy({ path: '/api/clients/{id}' }))
      router.post('/computers', proxy({ path: '/api/clients' }))
      router.get('/nothing', proxy({ path: '/api/nothing' }))
    })
    expect(operations).toEqual(['POST /computers', 'GET /computers/{clientId}'])
    expect(at('/computers/{clientId}')['get'].parameters[0].name).toBe('clientId')
  })

  test('takes the place of what a catch-all behind it would lead to', () => {
    const { operations, at } = merged((router) => {
      router.get('/clients', proxy({ path: '/health' }))
      router.all('/*', proxy({ base: '/api' }))
    })
    expect(operations.filter((operation) => operation.endsWith('/clients')).sort()).toEqual([
      'GET /clients',
      'POST /clients',
    ])
    expect(at('/clients')['get'].operationId).toBe('cm.health')
  })

  test('leaves an operation out whose parameters the route does not have', () => {
    const { operations } = merged((router) => {
      router.get('/one', proxy({ path: '/api/clients/{id}' }))
      router.get('/of/:house/:id', proxy({ path: '/api/clients/{id}' }))
    })
    expect(operations.filter((operation) => operation.includes('of'))).toEqual([])
  })
})

describe("the adapter's own word", () => {
  const getClient = createRoute({
    method: 'get',
    path: '/clients/{id}',
    operationId: 'getClient',
    request: { params: z.object({ id: z.string() }) },
    responses: {
      200: {
        description: 'Mine.',
        content: { 'application/json': { schema: z.object({ mine: z.string() }).openapi('Client') } },
      },
    },
  })

  test('wins over that of the service, also where it passes the request on', () => {
    const { paths, at } = merged((router) => {
      router.openapi(getClient, proxy({ path: '/api/clients/{id}' }))
      router.all('/*', proxy({ base: '/api' }))
    })
    expect(Object.keys(paths)).toEqual([`${PREFIX}/clients/{id}`, `${PREFIX}/clients`])
    expect(at('/clients/{id}')['get'].responses[200].description).toBe('Mine.')
    // The other method of the path has the adapter's name for the parameter.
    expect(at('/clients/{id}')['delete'].parameters).toMatchObject([{ name: 'id', in: 'path' }])
  })

  test('keeps its names: what the service calls alike is renamed apart', () => {
    const body = { content: { 'application/json': { schema: { $ref: '#/components/schemas/Client' } } } }
    const { at, components } = merged(
      (router) => {
        router.openapi(getClient, ((c: any) => c.json({ mine: '' }, 200)) as any)
        router.all('/*', proxy())
      },
      service({
        paths: { '/x': { post: { ...ok, operationId: 'getClient', requestBody: body } } },
        components: {
          schemas: {
            Client: { type: 'object', properties: { theirs: { $ref: '#/components/schemas/Client' } } },
          },
        },
      }),
    )
    expect(at('/x')['post'].operationId).toBe('cm.service.getClient')
    const theirs = { $ref: '#/components/schemas/cm.service.Client' }
    expect(at('/x')['post'].requestBody.content['application/json'].schema).toEqual(theirs)
    expect(components['schemas']['cm.service.Client'].properties.theirs).toEqual(theirs)
    expect(Object.keys(components['schemas']['cm.Client'].properties)).toEqual(['mine'])
  })
})

test('security is what the guard enforces, not what the service says', () => {
  const open = service({ security: [], paths: { '/x': { get: { ...ok, security: [] } } } })
  const securityWith = (security?: any) =>
    merged((router) => router.all('/*', proxy()), open, security).at('/x')['get'].security
  expect(securityWith()).toEqual([{ bearer: [] }])
  expect(securityWith([{ bearer: ['clients.read'] }])).toEqual([{ bearer: ['clients.read'] }])
  expect(securityWith([])).toEqual([])
})

test('components come along when an operation that is shown refers to them, and only then', () => {
  const { components } = merged(
    (router) => router.get('/shown', proxy()),
    service({
      paths: {
        '/shown': { get: { responses: { 200: { $ref: '#/components/responses/Ok' } } } },
        '/hidden': { get: { responses: { 200: { $ref: '#/components/responses/Hidden' } } } },
      },
      components: {
        responses: {
          Ok: {
            description: '',
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Pet' } } },
          },
          Hidden: { description: '' },
        },
        schemas: {
          Pet: {
            discriminator: { propertyName: 'kind', mapping: { cat: 'Cat', dog: '#/components/schemas/Dog' } },
            properties: { kind: { $ref: '#/components/schemas/Kind/properties/name' } },
          },
          Cat: {},
          Dog: {},
          Kind: { properties: { name: {} } },
          Unused: {},
        },
      },
    }),
  )
  expect(Object.keys(components['responses'])).toEqual(['cm.Ok'])
  expect(Object.keys(components['schemas']).sort()).toEqual(['cm.Cat', 'cm.Dog', 'cm.Kind', 'cm.Pet'])
  expect(components['schemas']['cm.Pet']).toEqual({
    discriminator: {
      propertyName: 'kind',
      mapping: { cat: '#/components/schemas/cm.Cat', dog: '#/components/schemas/cm.Dog' },
    },
    properties: { kind: { $ref: '#/components/schemas/cm.Kind/properties/name' } },
  })
})

test('no path of a service leads out of the prefix, or where no request can go', () => {
  const paths = Object.fromEntries(
    ['/../../core/plugins', '/a/./b', '/%2e%2e/core', '//elsewhere.example', '/a%2Fb', '/fine'].map(
      (path) => [path, { delete: ok }],
    ),
  )
  expect(merged((router) => router.all('/*', proxy()), service({ paths })).operations).toEqual([
    'DELETE /fine',
  ])
})

test('an operation is called what a client can say, and no two are called alike', () => {
  const named = (operationId: string) => ({ ...ok, operationId })
  const { paths } = merged(
    (router) => router.all('/*', proxy()),
    service({
      paths: { '/a': { get: named('x'), post: named('x') }, '/b': { get: named('<img onerror=x>') } },
    }),
  )
  const ids = Object.values(paths).flatMap((item) =>
    Object.values(item).map(({ operationId }) => operationId),
  )
  expect(ids).toEqual(['cm.x', 'cm.service.x', 'cm._img_onerror_x_'])
})

test('thousands that are called alike hold up nobody', () => {
  const paths = Object.fromEntries(
    Array.from({ length: 5_000 }, (_, index) => [`/${index}`, { get: { ...ok, operationId: 'x' } }]),
  )
  const joined = merged((router) => router.all('/*', proxy()), service({ paths }))
  const ids = Object.values(joined.paths).map(({ get }) => get.operationId)
  expect(ids.slice(0, 3)).toEqual(['cm.x', 'cm.service.x', 'cm.service2.x'])
  expect(new Set(ids).size).toBe(5_000)
})

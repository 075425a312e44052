// The one OpenAPI document: what it holds, how it follows the plugins, and that the guard does what it says.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { ProblemBody } from '@home-console/sdk'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'
import { houseOf, NO_TOKEN, pluginOf, raw, statusOf } from './kit.ts'

const withItem = (extra: string) => `
  const Item = z.object({ ${extra}: z.string(), self: z.string().optional() }).openapi('Item')
  const Two = z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('a'), item: Item }).openapi('A'),
    z.object({ kind: z.literal('b'), items: z.array(Item) }).openapi('B'),
  ]).openapi('Two')
  const router = ctx.router()
  router.openapi(createRoute({
    method: 'get', path: '/items/{id}', operationId: 'getItem', tags: ['own tag'],
    request: { params: z.object({ id: z.string() }) },
    responses: { 200: { description: 'It.', content: json(Item) } },
  }), (c) => c.json({ ${extra}: 'x' }, 200))
  router.openapi(createRoute({
    method: 'post', path: '/items/{id}/parts', security: [{ bearer: ['${extra}.write'] }],
    request: { params: z.object({ id: z.string() }), body: { content: json(Two) } },
    responses: { 200: { description: 'It.', content: { 'application/json': { schema: Two, example: { $ref: '#/components/schemas/Item' } } } } },
  }), (c) => c.json({ kind: 'a', item: { ${extra}: 'x' } }, 200))
  router.openapi(text('/', []), (c) => c.text('root'))
  router.openapi(text('/hidden', [], { hide: true }), (c) => c.text('hidden'))
  return router`

let house: TestHouse
beforeAll(async () => {
  house = await houseOf({ lamp: withItem('colour'), 'heat-pump': withItem('power'), quiet: '' })
})
afterAll(() => house.stop())

const answering = `
import { createRoute, definePlugin, problem, problems, z } from '@home-console/sdk'
const body = { request: { body: { required: true, content: { 'application/json': { schema: z.object({ a: z.string() }) } } } } }
const ok = { 200: { description: 'Text.' } }
export default definePlugin({
  onLoad(ctx) {
    const router = ctx.router()
    const answer = (c) => c.text('')
    router.openapi(createRoute({ method: 'get', path: '/open', security: [], responses: ok }), answer)
    router.openapi(createRoute({ method: 'get', path: '/closed', responses: { ...ok, ...problems({ 404: 'No such lamp' }) } }), answer)
    router.openapi(createRoute({ method: 'post', path: '/open', security: [], ...body, responses: ok }), answer)
    router.openapi(createRoute({ method: 'post', path: '/told', ...body, responses: { ...ok, ...problems({ 400: 'My own' }) } }), answer)
    return router
  },
})
`

interface Document {
  openapi: string
  tags: { name: string }[]
  paths: Record<string, Record<string, any>>
  components: Record<string, Record<string, unknown>>
  security: unknown
}
const read = async (of = house) => (await (await of.request('/openapi.json', NO_TOKEN)).json()) as Document

const operationsOf = ({ paths }: Document) =>
  Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  )

function* referencesIn(value: unknown, key = ''): Generator<string> {
  if (key === 'example' || typeof value !== 'object' || value === null) return
  for (const [name, member] of Object.entries(value)) {
    if (name === '$ref') yield String(member)
    else if (name === 'mapping') yield* Object.values(member as Record<string, string>)
    else yield* referencesIn(member, name)
  }
}

describe('the document', () => {
  test('is OpenAPI 3.1 as JSON, for everybody', async () => {
    const response = await house.request('/openapi.json', NO_TOKEN)
    expect(response.headers.get('Content-Type')).toStartWith('application/json')
    const document = (await response.json()) as Document
    expect(document).toMatchObject({
      openapi: '3.1.0',
      info: { title: 'Home Console', version: expect.stringMatching(/^\d+\.\d+\.\d+/) },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    })
  })

  test('has an id, a tag, an answer and a declared security for each operation, and no id twice', async () => {
    const operations = operationsOf(await read())
    expect(operations.length).toBeGreaterThan(15)
    for (const { path, operation } of operations) {
      const owner = /^\/api\/plugins\/([^/]+)/.exec(path)?.[1]
      const id = owner === undefined || owner === '{id}' ? 'core' : owner
      expect(operation.operationId).toStartWith(`${id}.`)
      expect(operation.tags).toEqual([id])
      expect(Object.keys(operation.responses).length).toBeGreaterThan(0)
      expect(operation.security).toBeArray()
      for (const requirement of operation.security) expect(Object.keys(requirement)).toEqual(['bearer'])
    }
    const ids = operations.map(({ operation }) => operation.operationId)
    expect(ids).toEqual([...new Set(ids)])
  })

  test('names the problems that any operation of the Core may answer with', async () => {
    for (const { path, operation } of operationsOf(await read())) {
      if (!operation.operationId.startsWith('core.')) continue
      const said = Object.keys(operation.responses)
      const may = [
        operation.security.length > 0 && '401',
        (operation.requestBody !== undefined ||
          operation.parameters?.some(({ in: at }: any) => at === 'query')) &&
          '400',
        operation.requestBody !== undefined && '415',
        path.includes('{id}') && '404',
      ].filter((status) => status !== false)
      expect([operation.operationId, may.filter((status) => !said.includes(status))]).toEqual([
        operation.operationId,
        [],
      ])
    }
  })

  test("names what the Core answers in a plugin's place, and lets the plugin's own word stand", async () => {
    await using house = await startTestHouse({ plugins: { lamp: { 'index.ts': answering } } })
    const document = await read(house)
    const responses = (path: string, method = 'get') =>
      document.paths[`/api/plugins/lamp${path}`]![method]!['responses']
    const core = (name: string) => ({ $ref: `#/components/responses/core.${name}` })
    expect(responses('/open')).toEqual({ 200: { description: 'Text.' } })
    expect(responses('/closed')).toEqual({
      200: { description: 'Text.' },
      401: core('Unauthorized'),
      403: core('Forbidden'),
      404: {
        description: 'No such lamp',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/core.Problem' } } },
      },
    })
    expect(responses('/open', 'post')).toMatchObject({ 400: core('InvalidRequest') })
    expect(responses('/told', 'post')).toMatchObject({ 400: { description: 'My own' } })
    expect(Object.keys(document.components['schemas']!).filter((name) => name.startsWith('lamp.'))).toEqual(
      [],
    )
    // What it says is what comes.
    const problem = await house.request('/api/plugins/lamp/open', {
      method: 'POST',
      body: '{}',
      headers: { Authorization: '', 'Content-Type': 'application/json' },
    })
    expect([problem.status, ProblemBody.parse(await problem.json()).code]).toEqual([400, 'invalid_request'])
  })

  test('declares each parameter of a path, once', async () => {
    for (const { path, operation } of operationsOf(await read())) {
      const inPath = (operation.parameters ?? []).filter((parameter: any) => parameter.in === 'path')
      const names = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name!)
      expect([path, inPath.map((parameter: any) => parameter.name)]).toEqual([path, names])
      for (const parameter of inPath) expect(parameter.required).toBe(true)
    }
  })

  test('resolves every reference, and holds no component that nobody owns', async () => {
    const document = await read()
    const references = [...referencesIn(document)]
    expect(references.length).toBeGreaterThan(10)
    for (const reference of references) {
      const [, section, name] = /^#\/components\/([^/]+)\/(.+)$/.exec(reference) ?? []
      expect([reference, document.components[section!]?.[name!]]).toEqual([reference, expect.anything()])
    }
    for (const name of Object.keys(document.components['schemas']!))
      expect(name).toMatch(/^(core|lamp|heat-pump)\./)
  })

  test("keeps two plugins' Item apart, and leaves a plugin's example as it is", async () => {
    const document = await read()
    const schemas = document.components['schemas'] as Record<string, any>
    expect(Object.keys(schemas['lamp.Item'].properties)).toEqual(['colour', 'self'])
    expect(Object.keys(schemas['heat-pump.Item'].properties)).toEqual(['power', 'self'])
    const parts = document.paths['/api/plugins/lamp/items/{id}/parts']!['post']
    expect(parts.operationId).toBe('lamp.postItemsIdParts')
    expect(parts.responses['200'].content['application/json'].example).toEqual({
      $ref: '#/components/schemas/Item',
    })
  })

  test('names the tags of those who have routes', async () => {
    expect((await read()).tags.map(({ name }) => name).sort()).toEqual(['core', 'heat-pump', 'lamp'])
  })

  test('serves what it names: the root of a plugin too, and hides what is hidden', async () => {
    const document = await read()
    expect(Object.keys(document.paths)).toContain('/api/plugins/lamp')
    expect(await (await house.request('/api/plugins/lamp', NO_TOKEN)).text()).toBe('root')
    expect(Object.keys(document.paths)).not.toContain('/api/plugins/lamp/hidden')
    expect(await (await house.request('/api/plugins/lamp/hidden', NO_TOKEN)).text()).toBe('hidden')
  })
})

describe('the guard', () => {
  const sampleOf = (path: string) => path.replaceAll('{id}', 'lamp').replaceAll(/\{[^}]*\}/g, 'x')
  const spell = (path: string) => {
    const last = path.lastIndexOf('/') + 1
    const [head, tail] = [path.slice(0, last), path.slice(last)]
    const escaped = `%${tail.charCodeAt(0).toString(16)}${tail.slice(1)}`
    return [
      path,
      head + escaped,
      head + escaped.replaceAll('%', '%25'),
      `/${path}`,
      path.replaceAll('/', '//'),
      `${head}./${tail}`,
      `${head}x/../${tail}`,
      `${head}%2e/${tail}`,
      `${head}%2E%2E/x/${tail}`,
      `${head.slice(0, -1)}%2f${tail}`,
      path.toUpperCase(),
      `${path}/`,
      `${path}//`,
      `${path}%20`,
      `${path}?x=1`,
      `${path};x=1`,
    ]
  }

  test('answers no stranger on any operation that is not open, under no spelling and with no method', async () => {
    const operations = operationsOf(await read())
    const closed = operations.filter(({ operation }) => operation.security.length > 0)
    const open = new Set(operations.filter((one) => !closed.includes(one)).map(({ path }) => sampleOf(path)))
    expect(closed.length).toBeGreaterThan(12)
    for (const { path, method } of closed) {
      const plain = sampleOf(path)
      expect([
        path,
        (await house.request(plain, { ...NO_TOKEN, method: method.toUpperCase() })).status,
      ]).toEqual([path, 401])
      for (const spelling of spell(plain)) {
        // A dotted spelling may be that of an open neighbour, which is no secret.
        if (open.has(spelling.split('?')[0]!)) continue
        const requests = [method.toUpperCase(), 'HEAD', 'OPTIONS', 'DELETE', 'PROPFIND'].map(
          (verb) =>
            `${verb} ${spelling} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
        )
        const statuses = await Promise.all(requests.map(async (text) => statusOf(await raw(house.url, text))))
        for (const [index, status] of statuses.entries()) {
          if (![400, 401].includes(status))
            throw new Error(`${requests[index]!.split('\r')[0]} answered ${status}`)
        }
      }
    }
  }, 60_000)

  test('lets everybody call what is open', async () => {
    const open = operationsOf(await read()).filter(({ operation }) => operation.security.length === 0)
    expect(open.map(({ path, method }) => `${method} ${path}`).sort()).toEqual([
      'get /api/plugins/heat-pump',
      'get /api/plugins/lamp',
      'get /asyncapi.json',
      'get /docs',
      'get /health',
      'get /openapi.json',
    ])
    for (const { path } of open) {
      for (const method of ['GET', 'HEAD']) {
        expect([path, (await house.request(path, { ...NO_TOKEN, method })).status]).toEqual([path, 200])
      }
    }
  })

  test('has a route of the control plane in the document for each that answers', async () => {
    const documented = new Set(
      operationsOf(await read()).map(({ path, method }) => `${method.toUpperCase()} ${path}`),
    )
    for (const path of [
      'GET /health',
      'GET /openapi.json',
      'GET /asyncapi.json',
      'GET /docs',
      'GET /metrics',
      'GET /api/core/plugins',
      'GET /api/core/plugins/{id}',
      'PATCH /api/core/plugins/{id}',
      'POST /api/core/plugins/{id}/reload',
      'GET /api/core/plugins/{id}/reloads',
      'GET /api/core/events',
      'POST /api/core/events',
      'GET /api/core/events/log',
      'GET /api/core/logs',
      'GET /api/core/home',
      'PATCH /api/core/home',
    ]) {
      expect(documented).toContain(path)
    }
  })
})

test('the document follows a swap, an unload and a refusal at once', async () => {
  const route = (path: string) =>
    pluginOf(
      `const router = ctx.router(); router.openapi(text('${path}', []), (c) => c.text('')); return router`,
    )
  await using house = await startTestHouse({ plugins: { lamp: { 'index.ts': route('/one') } } })
  const paths = async () => Object.keys((await read(house)).paths).filter((path) => path.includes('lamp'))
  expect(await paths()).toEqual(['/api/plugins/lamp/one'])
  await house.save('lamp/index.ts', route('/two'))
  expect(await paths()).toEqual(['/api/plugins/lamp/two'])
  await house.save('lamp/index.ts', 'export default 7')
  expect(await paths()).toEqual(['/api/plugins/lamp/two'])
  await house.save('lamp/index.ts', pluginOf(''))
  expect(await paths()).toEqual([])
  await house.save('lamp/index.ts', route('/three'))
  await house.send('PATCH', '/api/core/plugins/lamp', { enabled: false })
  expect(await paths()).toEqual([])
  expect(await (await house.request('/api/plugins/lamp/three')).json()).toMatchObject({
    code: 'plugin_unavailable',
    status: 503,
  })
})

test('a schema that cannot be described refuses its plugin, with the line, and not the document', async () => {
  await using house = await houseOf({
    lamp: withItem('colour'),
    odd: `const router = ctx.router()
      router.openapi(createRoute({ method: 'get', path: '/x', responses: { 200: { description: 'x', content: json(z.map(z.string(), z.string())) } } }), (c) => c.json({}))
      return router`,
    twice: `const router = ctx.router()
      router.openapi(text('/x/{a}'), (c) => c.text(''))
      router.openapi(text('/x/{b}'), (c) => c.text(''))
      return router`,
  })
  const error = (id: string) => house.runtime.loader.view(id)!.error
  expect(error('odd')).toMatchObject({
    code: 'undescribable_schema',
    file: house.path('odd/index.ts'),
    line: expect.any(Number),
  })
  expect(error('odd')!.message).toContain('GET /x')
  expect(error('twice')).toMatchObject({ code: 'route_collision', line: expect.any(Number) })
  expect(Object.keys((await read(house)).paths)).toContain('/api/plugins/lamp/items/{id}')
})

// Who may call: security belongs to the handler that answers, whatever stands around it.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { TestHouse } from '@home-console/sdk/testing'
import { houseOf, NO_TOKEN } from './kit.ts'

let house: TestHouse
beforeAll(async () => {
  house = await houseOf({
    lamp: `
      const router = ctx.router()
      router.get('/plain', (c) => c.text('plain'))
      router.openapi(text('/open', []), (c) => c.text('open to ' + c.var.caller.kind))
      router.openapi(text('/said-nothing'), (c) => c.text('owner'))
      router.openapi(text('/scoped', [{ bearer: ['lights.write'] }]), (c) => c.text('scoped'))
      router.openapi(text('/either', [{ bearer: ['a'] }, {}]), (c) => c.text('either'))
      router.openapi(text('/hidden', undefined, { hide: true }), (c) => c.text('hidden'))
      router.openapi(text('/hidden-open', [], { hide: true }), (c) => c.text('hidden but open'))

      router.all('/before/*', (c) => c.text('the catch-all'))
      router.openapi(text('/before/open', []), (c) => c.text('never'))

      router.openapi(text('/after/open', []), (c) => c.text('after'))
      router.all('/after/*', (c) => c.text('the catch-all'))

      router.use('/used/*', async (c, next) => { await next(); c.header('X-Used', 'yes') })
      router.openapi(text('/used/open', []), (c) => c.text('used'))

      const shared = (c) => c.text('shared')
      router.openapi(text('/shared/open', []), shared)
      router.openapi(text('/shared/closed'), shared)
      router.get('/shared/plain', shared)

      const plain = new Hono()
      plain.get('/x', (c) => c.text('plain sub'))
      router.route('/plain-sub', plain)

      const own = new OpenAPIHono()
      own.openapi(text('/open', []), (c) => c.text('own open'))
      own.openapi(text('/closed'), (c) => c.text('own closed'))
      own.get('/plain', (c) => c.text('own plain'))
      router.route('/own-sub', own)

      const open = ctx.router({ security: [] })
      open.get('/plain', (c) => c.text('open sub'))
      open.openapi(text('/closed', [{ bearer: [] }]), (c) => c.text('closed in open'))
      router.route('/open-sub', open)

      const angry = new OpenAPIHono()
      angry.onError((error, c) => c.text('angry ' + error.message, 418))
      angry.openapi(text('/open', []), () => { throw new Error('with you') })
      angry.openapi(text('/closed'), () => { throw new Error('with you') })
      router.route('/angry', angry)

      router.openapi(text('/numbers/{n{[0-9]+}}', []), (c) => c.text('number ' + c.req.param('n')))
      router.openapi(text('/colon/:n{[0-9]+}', []), (c) => c.text('number ' + c.req.param('n')))
      router.get('/env', (c) => c.json(Object.keys(Object.getOwnPropertyDescriptors(c.env))))
      router.get('/reach', (c) => {
        const found = []
        const look = (value, depth) => {
          if (value === null || typeof value !== 'object' || depth > 4) return
          for (let at = value; at && at !== Object.prototype; at = Object.getPrototypeOf(at))
            for (const key of Reflect.ownKeys(at)) {
              if (['stop', 'reload', 'upgrade', 'publish', 'requestIP'].includes(String(key))) found.push(String(key))
              try { look(value[key], depth + 1) } catch {}
            }
        }
        look(c.env, 0)
        try { look(c.executionCtx, 0) } catch {}
        return c.json(found)
      })
      return router`,
    open: `
      const router = ctx.router({ security: [] })
      router.use('*', async (c, next) => { await next() })
      router.get('/plain', (c) => c.text('plain'))
      router.openapi(text('/default'), (c) => c.text('default'))
      router.openapi(text('/closed', [{ bearer: [] }]), (c) => c.text('closed'))
      router.openapi(text('/scoped', [{ bearer: ['a', 'b'] }, { bearer: ['c'] }]), (c) => c.text('scoped'))
      const own = new OpenAPIHono()
      own.get('/plain', (c) => c.text('follows'))
      own.openapi(text('/closed', [{ bearer: [] }]), (c) => c.text('own closed'))
      router.route('/own', own)
      const strict = ctx.router()
      strict.get('/plain', (c) => c.text('strict'))
      router.route('/strict', strict)
      return router`,
    scoped: `
      const router = ctx.router({ security: [{ bearer: ['scoped.read'] }] })
      router.get('/plain', (c) => c.text('plain'))
      router.openapi(text('/open', []), (c) => c.text('open'))
      router.use('/mw/*', async (c, next) => { await next() })
      router.openapi(text('/mw/both', [{ bearer: ['more'] }]), (c) => c.text('both'))
      return router`,
    based: `
      const router = ctx.router().basePath('/v1')
      router.openapi(text('/open', []), (c) => c.text('open v1 ' + c.var.caller.kind))
      router.get('/plain', (c) => c.text('plain v1'))
      return router`,
  })
})
afterAll(() => house.stop())

const at = (path: string, init?: RequestInit) => house.request(`/api/plugins/${path}`, init)
const stranger = async (path: string, method = 'GET') => (await at(path, { ...NO_TOKEN, method })).status
const owner = async (path: string, method = 'GET') => (await at(path, { method })).status

test('every plugin of this file is up', () => {
  expect(house.runtime.loader.list().map(({ id, state, error }) => [id, state, error])).toEqual(
    ['based', 'lamp', 'open', 'scoped'].map((id) => [id, 'active', null]),
  )
})

describe('a stranger', () => {
  test.each([
    'lamp/open',
    'lamp/either',
    'lamp/hidden-open',
    'lamp/after/open',
    'lamp/shared/open',
    'lamp/own-sub/open',
    'lamp/open-sub/plain',
    'lamp/numbers/12',
    'lamp/colon/12',
    'open/plain',
    'open/default',
    'open/own/plain',
    'scoped/open',
    'based/v1/open',
  ])('may call %s', async (path) => {
    expect([await stranger(path), await stranger(path, 'HEAD')]).toEqual([200, 200])
  })

  test('may call an open route whose own error handler answers', async () => {
    const response = await at('lamp/angry/open', NO_TOKEN)
    expect([response.status, await response.text()]).toEqual([418, 'angry with you'])
  })

  test.each([
    'lamp/plain',
    'lamp/said-nothing',
    'lamp/scoped',
    'lamp/hidden',
    'lamp/before/open',
    'lamp/before/anything',
    'lamp/after/anything',
    'lamp/used/open',
    'lamp/shared/closed',
    'lamp/shared/plain',
    'lamp/plain-sub/x',
    'lamp/own-sub/closed',
    'lamp/own-sub/plain',
    'lamp/open-sub/closed',
    'lamp/angry/closed',
    'lamp/numbers/abc',
    'lamp/colon/abc',
    'lamp/nowhere',
    'lamp',
    'lamp/',
    'open/closed',
    'open/scoped',
    'open/own/closed',
    'open/strict/plain',
    'scoped/plain',
    'scoped/mw/both',
    'based/v1/plain',
    'based/open',
    'nobody/open',
  ])('may not call %s, with GET or with HEAD', async (path) => {
    expect([await stranger(path), await stranger(path, 'HEAD')]).toEqual([401, 401])
  })

  test('learns nothing from other methods of a path', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      for (const path of ['lamp/open', 'lamp/plain', 'lamp/nowhere']) {
        expect([method, path, await stranger(path, method)]).toEqual([method, path, 401])
      }
    }
  })
})

test.each([
  'lamp/plain',
  'lamp/said-nothing',
  'lamp/scoped',
  'lamp/hidden',
  'lamp/shared/closed',
  'lamp/shared/plain',
  'lamp/plain-sub/x',
  'lamp/own-sub/closed',
  'lamp/own-sub/plain',
  'lamp/open-sub/closed',
  'open/closed',
  'open/scoped',
  'open/own/closed',
  'open/strict/plain',
  'scoped/plain',
  'scoped/mw/both',
  'based/v1/plain',
])('the owner may call %s, whatever scope it asks for', async (path) => {
  expect(await owner(path)).toBe(200)
})

test('a catch-all before a documented route answers in its place, and middleware runs for the owner', async () => {
  expect(await (await at('lamp/before/open')).text()).toBe('the catch-all')
  expect((await at('lamp/used/open')).headers.get('X-Used')).toBe('yes')
})

test('the handler knows who calls', async () => {
  expect(await (await at('lamp/open', NO_TOKEN)).text()).toBe('open to anonymous')
  expect(await (await at('lamp/open')).text()).toBe('open to owner')
  expect(await (await at('based/v1/open')).text()).toBe('open v1 owner')
})

test('the document says what the guard enforces, also where something else answers first', async () => {
  const { paths } = (await (await house.request('/openapi.json')).json()) as any
  const said = (path: string) => paths[`/api/plugins/${path}`]?.get?.security
  expect({
    open: said('lamp/open'),
    nothing: said('lamp/said-nothing'),
    scoped: said('lamp/scoped'),
    before: said('lamp/before/open'),
    after: said('lamp/after/open'),
    used: said('lamp/used/open'),
    based: said('based/v1/open'),
    default: said('open/default'),
    closed: said('open/closed'),
    ways: said('open/scoped'),
    both: said('scoped/mw/both'),
    hidden: said('lamp/hidden'),
  }).toEqual({
    open: [],
    nothing: [{ bearer: [] }],
    scoped: [{ bearer: ['lights.write'] }],
    before: [{ bearer: [] }],
    after: [],
    used: [{ bearer: [] }],
    based: [],
    default: [],
    closed: [{ bearer: [] }],
    ways: [{ bearer: ['a', 'b'] }, { bearer: ['c'] }],
    both: [{ bearer: ['scoped.read', 'more'] }],
    hidden: undefined,
  })
})

test('a parameter with a pattern stands in the document as a plain template', async () => {
  const { paths } = (await (await house.request('/openapi.json')).json()) as any
  expect(Object.keys(paths).filter((path) => /numbers|colon/.test(path))).toEqual([
    '/api/plugins/lamp/numbers/{n}',
    '/api/plugins/lamp/colon/{n}',
  ])
})

test('what a handler finds in c.env can stop nothing', async () => {
  expect(await (await at('lamp/reach')).json()).toEqual([])
})

test.each([
  ['names another scheme', `ctx.router().openapi(text('/x', [{ basic: [] }]), (c) => c.text(''))`, 'basic'],
  ['asks the router for one', `ctx.router({ security: [{ cookie: [] }] })`, 'cookie'],
])('a plugin whose security %s is refused', async (_, code, named) => {
  await using house = await houseOf({ odd: code })
  const [plugin] = house.runtime.loader.list()
  expect(plugin).toMatchObject({ state: 'failed' })
  expect(plugin!.error!.message).toContain(named)
})

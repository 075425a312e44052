// One shape of error, whatever went wrong and whoever threw it.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { TestHouse } from '@home-console/sdk/testing'
import { connect } from 'node:net'
import { ProblemBody } from '../../core/api/answers.ts'
import { until } from '../until.ts'
import { houseOf, NO_TOKEN } from './kit.ts'

const THROWS = {
  error: `new Error('secret-in-message')`,
  type: `new TypeError('secret-in-message', { cause: new Error('secret-in-message') })`,
  string: `'secret-in-message'`,
  undefined: 'undefined',
  null: 'null',
  object: `{ status: 200, message: 'secret-in-message', toString() { throw new Error('odd') } }`,
  number: '7',
  problem: 'new Problem(200, "secret_in_code", "secret-in-message")',
  exception: 'new HTTPException(204, { message: "secret-in-message" })',
}
const GIVES = {
  nothing: 'undefined',
  null: 'null',
  string: `'text'`,
  empty: `''`,
  number: '7',
  zero: '0',
  false: 'false',
  object: `({ status: 200 })`,
}
/** What looks like a promise, and is none. */
const THENABLES = {
  throws: `{ then() { throw new Error('secret-in-message') } }`,
  'throws-when-read': `{ get then() { throw new Error('secret-in-message') } }`,
  'throws-when-read-again': `{ reads: 0, get then() { if (this.reads++ > 0) throw new Error('secret-in-message'); return (_, reject) => reject(new Error('secret-in-message')) } }`,
  rejects: `{ then(_, reject) { reject(new Error('secret-in-message')) } }`,
}

let house: TestHouse
beforeAll(async () => {
  const ways = (kind: string, cases: Record<string, string>, act: (value: string) => string) =>
    Object.entries(cases)
      .map(
        ([name, value]) => `
        router.get('/${kind}/${name}', (c) => { ${act(value)} })
        router.get('/${kind}-async/${name}', async (c) => { await Bun.sleep(1); ${act(value)} })
        router.openapi(text('/${kind}-documented/${name}', [], { request: { query: z.object({ q: z.string().optional() }) } }), async (c) => { ${act(value)} })`,
      )
      .join('\n')
  house = await houseOf({
    lamp: `
      const router = ctx.router({ security: [] })
      ${ways('throw', THROWS, (value) => `throw ${value}`)}
      ${ways('give', GIVES, (value) => `return ${value}`)}
      ${ways('thenable', THENABLES, (value) => `return ${value}`)}
      router.get('/thenable/answers', (c) => ({ then(resolve) { resolve(c.text('then')) } }))
      router.get('/problem', () => { throw problem(409, 'already_on', 'The lamp is on.') })
      router.get('/problem-late', async () => { await Bun.sleep(1); throw problem(404, 'no_such_lamp') })
      for (const status of [400, 401, 403, 404, 418, 422, 500, 503])
        router.get('/exception/' + status, () => { throw new HTTPException(status, { message: 'said' }) })
      router.post('/body', async (c) => c.text(await c.req.text()))
      router.get('/waits', async (c) => { await fetch(c.req.query('url'), { signal: c.req.raw.signal }); return c.text('') })
      router.get('/not-found', (c) => c.notFound())
      router.get('/swallowed', async (c, next) => { await next() })
      router.post('/only-post', (c) => c.text('posted'))
      router.put('/only-post', (c) => c.text('put'))
      router.openapi(createRoute({
        method: 'post', path: '/things/{id}', security: [],
        request: {
          params: z.object({ id: z.coerce.number().int() }),
          query: z.object({ limit: z.coerce.number().max(10).optional() }),
          headers: z.object({ 'X-Kind': z.enum(['a', 'b']) }),
          body: { required: true, content: json(z.object({ name: z.string(), 'a/b~c': z.object({ deep: z.array(z.number()) }) })) },
        },
        responses: { 200: { description: 'It.', content: json(z.object({ name: z.string() })) } },
      }), (c) => c.json({ name: c.req.valid('json').name }, 200))
      return router`,
  })
})
afterAll(() => house.stop())

const lamp = (path: string, init?: RequestInit) => house.request(`/api/plugins/lamp${path}`, init)

async function problemFrom(response: Response) {
  expect(response.headers.get('Content-Type')).toBe('application/problem+json')
  expect(response.headers.get('Cache-Control')).toBe('no-store')
  const body = (await response.json()) as Record<string, unknown>
  expect(ProblemBody.parse(body)).toMatchObject({ type: 'about:blank', status: response.status })
  expect(response.headers.get('X-Request-Id')).toBe(String(body['requestId']))
  return body
}

const faults = () => house.runtime.loader.faults.get('lamp') ?? 0

describe('a handler that', () => {
  const WAYS = ['', '-async', '-documented']
  test.each(Object.keys(THROWS).flatMap((name) => WAYS.map((way) => [name, way])))(
    'throws (%s%s) is answered with handler_failed, charged, and nothing of it is told',
    async (name, way) => {
      const before = faults()
      const response = await lamp(`/throw${way}/${name}`)
      expect(response.status).toBe(500)
      expect(JSON.stringify(await problemFrom(response))).not.toContain('secret-in-message')
      expect(faults()).toBe(before + 1)
    },
  )

  test.each(Object.keys(GIVES).flatMap((name) => WAYS.map((way) => [name, way])))(
    'returns no Response (%s%s) is answered with a 500 and charged',
    async (name, way) => {
      const before = faults()
      const response = await lamp(`/give${way}/${name}`)
      expect([response.status, faults()]).toEqual([500, before + 1])
      expect(['odd_answer', 'handler_failed']).toContain(String((await problemFrom(response))['code']))
    },
  )

  test.each(Object.keys(THENABLES).flatMap((name) => ['', '-async'].map((way) => [name, way])))(
    'returns a thenable that fails (%s%s) is answered like one that throws, and its work is ended',
    async (name, way) => {
      const before = faults()
      const response = await lamp(`/thenable${way}/${name}`)
      const problem = await problemFrom(response)
      expect(problem).toMatchObject({ status: 500, code: 'handler_failed' })
      expect(JSON.stringify(problem)).not.toContain('secret-in-message')
      expect(faults()).toBe(before + 1)
      expect(house.runtime.loader.view('lamp')!.holds).toEqual([])
    },
  )

  test('returns a thenable of a Response answers with it', async () => {
    expect(await (await lamp('/thenable/answers')).text()).toBe('then')
  })

  test('returns nothing is named as odd_answer, with the route in the log', async () => {
    expect(await problemFrom(await lamp('/give/nothing'))).toMatchObject({ code: 'odd_answer' })
    expect(await problemFrom(await lamp('/give-async/nothing'))).toMatchObject({ code: 'odd_answer' })
    const line = house.logs.findLast(({ level }) => level === 'error')
    expect(line).toMatchObject({
      plugin: 'lamp',
      fields: { where: 'GET /api/plugins/lamp/give-async/nothing' },
    })
    expect(line!.message).toContain('answered with nothing')
  })

  test("throws a problem answers with it, under the plugin's name, and is charged with nothing", async () => {
    const before = faults()
    expect(await problemFrom(await lamp('/problem'))).toMatchObject({
      status: 409,
      title: 'Conflict',
      code: 'lamp.already_on',
      detail: 'The lamp is on.',
    })
    expect(await problemFrom(await lamp('/problem-late'))).toMatchObject({
      status: 404,
      code: 'lamp.no_such_lamp',
    })
    expect(faults()).toBe(before)
  })

  test.each([
    [400, 'invalid_request'],
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [404, 'not_found'],
    [418, 'lamp.http_418'],
    [422, 'lamp.http_422'],
    [500, 'lamp.http_500'],
    [503, 'lamp.http_503'],
  ])("throws Hono's exception of %d answers with the code %s", async (status, code) => {
    const response = await lamp(`/exception/${status}`)
    expect(await problemFrom(response)).toMatchObject({ status, code, detail: 'said' })
    expect(response.headers.has('WWW-Authenticate')).toBe(status === 401)
  })

  test('says that there is nothing, itself or by leaving it to nobody, is no mistake', async () => {
    const before = faults()
    for (const path of ['/not-found', '/swallowed']) {
      expect(await problemFrom(await lamp(path))).toMatchObject({ status: 404, code: 'not_found' })
    }
    expect(faults()).toBe(before)
  })
})

test('a client that leaves, be it in the middle of its own body, is no mistake of the plugin', async () => {
  const port = Number(new URL(house.url).port)
  using never = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    fetch: () => Promise.withResolvers<Response>().promise,
  })
  const before = faults()
  const left = () => Number(/plugin="lamp",status="499"} (\d+)/.exec(metrics)?.[1] ?? 0)
  let metrics = ''
  for (const request of [
    'POST /api/plugins/lamp/body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc',
    `GET /api/plugins/lamp/waits?url=${never.url.href} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
  ]) {
    const socket = connect(port, '127.0.0.1', () => socket.write(request))
    await Bun.sleep(50)
    socket.destroy()
  }
  await until('both to be noticed', async () => {
    metrics = await (await house.request('/metrics')).text()
    return left() === 2
  })
  expect(faults()).toBe(before)
})

describe('what is not there', () => {
  test('is not_found, in the Core and in a plugin', async () => {
    for (const path of ['/nothing', '/api', '/api/', '/api/core', '/api/core/']) {
      expect(await problemFrom(await house.request(path))).toMatchObject({ status: 404, code: 'not_found' })
    }
    expect(await problemFrom(await lamp('/nothing'))).toMatchObject({ status: 404, code: 'not_found' })
    expect(await problemFrom(await house.request('/api/plugins/nobody/x'))).toMatchObject({
      status: 404,
      code: 'no_such_plugin',
    })
  })

  test('is told to no stranger', async () => {
    const response = await house.request('/nothing', NO_TOKEN)
    expect(await problemFrom(response)).toMatchObject({ status: 401, code: 'unauthorized' })
    expect(response.headers.get('WWW-Authenticate')).toBe('Bearer realm="Home Console"')
  })

  test('for this method only is method_not_allowed, with Allow', async () => {
    const cases = [
      ['GET', '/api/plugins/lamp/only-post', 'POST, PUT'],
      ['DELETE', '/api/core/plugins', 'GET, HEAD'],
      ['PUT', '/api/core/home', 'GET, HEAD, PATCH'],
      ['POST', '/health', 'GET, HEAD'],
      ['PROPFIND', '/health', 'GET, HEAD'],
    ] as const
    for (const [method, path, allow] of cases) {
      const response = await house.request(path, { method })
      expect([method, path, response.headers.get('Allow')]).toEqual([method, path, allow])
      expect(await problemFrom(response)).toMatchObject({ status: 405, code: 'method_not_allowed' })
    }
  })
})

describe('a request that does not fit', () => {
  const good = { name: 'x', 'a/b~c': { deep: [1] } }
  const send = (
    path = '/things/1',
    { body = good, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
  ) =>
    lamp(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Kind': 'a', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  const pointers = async (response: Response) => {
    const body = await problemFrom(response)
    expect(body).toMatchObject({ status: 400, code: 'invalid_request' })
    const errors = body['errors'] as { pointer: string; detail: string }[]
    for (const { detail } of errors) expect(detail).not.toBe('')
    return errors.map(({ pointer }) => pointer)
  }

  test('and one that does', async () => {
    expect((await send()).status).toBe(200)
    expect(
      (await send('/things/1', { headers: { 'Content-Type': 'application/json; charset=utf-8' } })).status,
    ).toBe(200)
  })

  test('names what is wrong by pointer, in the path, the query, the headers and the body', async () => {
    expect(await pointers(await send('/things/one'))).toEqual(['/param/id'])
    expect(await pointers(await send('/things/1?limit=11'))).toEqual(['/query/limit'])
    expect(await pointers(await send('/things/1', { headers: { 'X-Kind': 'c' } }))).toEqual([
      '/header/X-Kind',
    ])
    expect(await pointers(await send('/things/1', { body: {} }))).toEqual(['/name', '/a~1b~0c'])
    expect(
      await pointers(await send('/things/1', { body: { name: 1, 'a/b~c': { deep: [1, 'x'] } } })),
    ).toEqual(['/name', '/a~1b~0c/deep/1'])
    expect(await pointers(await send('/things/1', { body: [] }))).toEqual([''])
  })

  test('with a body that is no JSON points at the whole of it', async () => {
    for (const body of ['{', '', 'undefined', '{"name":}']) {
      expect(await pointers(await send('/things/1', { body }))).toEqual([''])
    }
  })

  test('with a body of another type is unsupported_media_type', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/xml',
      'application/jsonx',
    ]) {
      const response = await send('/things/1', { headers: { 'Content-Type': type } })
      expect([type, (await problemFrom(response))['code']]).toEqual([type, 'unsupported_media_type'])
      expect(response.status).toBe(415)
    }
  })

  test('with a body that is too large is refused', async () => {
    const response = await send('/things/1', { body: 'x'.repeat(65 * 1024 * 1024) })
    expect(response.status).toBe(413)
  })
})

// What a service sees of a client, and a client of a service: both ways, what the other must not know or may not say.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { TestHouse } from '@home-console/sdk/testing'
import { verify } from 'hono/jwt'
import { raw, statusOf } from '../http/kit.ts'
import { CREDENTIAL, houseBefore } from './kit.ts'

let house: TestHouse
/** What the service answers with next. */
let answer: () => Response = () => new Response('ok')
let seen: { method: string; url: string; headers: Headers; body: string }
const service = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  async fetch(request) {
    if (new URL(request.url).pathname === '/health') return new Response('ok')
    const { method, url, headers } = request
    seen = { method, url, headers: new Headers(headers), body: await request.text() }
    return answer()
  },
})

beforeAll(async () => {
  const open = `
    const router = ctx.router()
    const open = ctx.router({ security: [] })
    open.all('/*', ctx.proxy())
    router.route('/open', open)
    router.get('/clients/{id}', (c) => c.text('never'))
    router.get('/mapped/:id/:file', ctx.proxy({ path: '/api/clients/{id}/files/{file}' }))
    router.all('/*', ctx.proxy())
    return router`
  house = await houseBefore({
    echo: { url: service.url.origin, load: open },
    based: {
      url: service.url.origin,
      load: `const router = ctx.router(); router.all('/*', ctx.proxy({ base: '/v2' })); return router`,
    },
  })
})
afterAll(async () => {
  await house.stop()
  await service.stop(true)
})

const ask = (path: string, init?: RequestInit) => house.request(`/api/plugins/echo${path}`, init)
const bytes = (path: string, headers: string, method = 'GET', body = '') =>
  raw(
    house.url,
    `${method} /api/plugins/echo${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${house.token}\r\n${headers}\r\n${body}`,
  )

describe('a service', () => {
  test('is told by the Core who calls, from where and by which name, whatever the client says of itself', async () => {
    const forged = [
      'X-Forwarded-For: 6.6.6.6',
      'X-Forwarded-Host: evil.example',
      'X-Forwarded-Proto: gopher',
      'X-Forwarded-Port: 1',
      'X-Forwarded-User: root',
      'X_Forwarded_For: 6.6.6.6',
      'X-Real-IP: 6.6.6.6',
      'Forwarded: for=6.6.6.6',
      'X-Request-Id: forged',
      'X-Home-Console-Caller: forged',
      'X_Home_Console_Caller: forged',
      'X-Home-Console-Anything: forged',
      'Cookie: session=secret',
      'Proxy-Authorization: Basic c2VjcmV0',
      'X-Original-URL: /admin',
      'X-Forwarded: for=6.6.6.6',
      'True-Client-IP: 6.6.6.6',
      'CF-Connecting-IP: 6.6.6.6',
      'X-Cluster-Client-IP: 6.6.6.6',
      'Remote-User: root',
      'X-Remote-User: root',
      'X-WebAuth-User: root',
      'X-Auth-Request-User: root',
      'X-HTTP-Method-Override: forged',
      'X-HTTP-Method: forged',
      'X-Method-Override: forged',
      'X-Kept: yes',
    ]
    const answered = await bytes('/a', forged.map((line) => `${line}\r\n`).join(''))
    expect(statusOf(answered)).toBe(200)
    const { headers } = seen
    const names = [...headers.keys()]
    expect(names.filter((name) => name.includes('_'))).toEqual([])
    expect(JSON.stringify([...headers])).not.toMatch(
      /6\.6\.6\.6|evil|gopher|root|forged|secret|admin"|\/admin/,
    )
    expect(headers.get('Authorization')).toBe(`Bearer ${CREDENTIAL}`)
    expect(JSON.stringify([...headers])).not.toContain(house.token)
    expect(headers.get('X-Forwarded-For')).toBe('127.0.0.1')
    expect(headers.get('X-Forwarded-Host')).toBe('localhost')
    expect(headers.get('X-Forwarded-Proto')).toBe('http')
    expect(headers.get('X-Forwarded-Prefix')).toBe('/api/plugins/echo')
    expect(headers.get('X-Kept')).toBe('yes')
    expect(headers.get('Host')).toBe(service.url.host)
    expect(answered).toContain(`X-Request-Id: ${headers.get('X-Request-Id')}`)
    const caller = await verify(headers.get('X-Home-Console-Caller')!, CREDENTIAL, 'HS256')
    expect(caller).toMatchObject({ aud: 'echo', sub: 'admin', kind: 'owner', scopes: ['*'] })
    expect(caller.exp! - Date.now() / 1_000).toBeWithin(50, 130)
  })

  test('is told of a stranger that it is one, on an open route', async () => {
    await ask('/open/a', { headers: { Authorization: '' } })
    const caller = await verify(seen.headers.get('X-Home-Console-Caller')!, CREDENTIAL, 'HS256')
    expect(caller).toMatchObject({ sub: 'anonymous', kind: 'anonymous', scopes: [] })
  })

  test('sees no header of the connection, nor one that Connection names', async () => {
    const of =
      'Connection: close, X-Named, authorization, content-length\r\nX-Named: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nTrailer: X\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n'
    expect(statusOf(await bytes('/a', `${of}Content-Length: 2\r\n`, 'POST', 'hi'))).toBe(200)
    expect([...seen.headers.keys()].join()).not.toMatch(/named|keep-alive|\bte\b|trailer|upgrade|http2/)
    expect([seen.body, seen.headers.get('Authorization')]).toEqual(['hi', `Bearer ${CREDENTIAL}`])
  })

  test('is sent no second request inside of a first', async () => {
    const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
    const before = service.pendingRequests
    // A GET with a body; both lengths; two lengths; a length of its own kind.
    await bytes('/a', `Content-Length: ${smuggled.length}\r\n`, 'GET', smuggled)
    expect([seen.url.endsWith('/a'), seen.body]).toEqual([true, ''])
    await bytes('/b', `Content-Length: 4\r\nTransfer-Encoding: chunked\r\n`, 'POST', `0\r\n\r\n${smuggled}`)
    expect(seen.url).not.toContain('smuggled')
    await bytes('/c', `Content-Length: 4\r\nContent-Length: ${smuggled.length}\r\n`, 'POST', smuggled)
    await bytes('/d', `Transfer-Encoding: xchunked\r\n`, 'POST', smuggled)
    expect(seen.url).not.toContain('smuggled')
    expect(service.pendingRequests).toBe(before)
  })

  test('is asked for the same path and query, escapes included', async () => {
    await ask('/a%20b/%C3%BC?q=%2F%20&x=1+2&x=%')
    expect(seen.url).toBe(`${service.url.origin}/a%20b/%C3%BC?q=%2F%20&x=1+2&x=%`)
    await house.request('/api/plugins/based/items?x=1')
    expect(seen.url).toBe(`${service.url.origin}/v2/items?x=1`)
    await ask('/mapped/a%20b%2F..%2Fc/f?x=1').then((response) => response.body?.cancel())
    await ask('/mapped/one%20two/f.txt?x=1')
    expect(seen.url).toBe(`${service.url.origin}/api/clients/one%20two/files/f.txt?x=1`)
  })

  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'HEAD'])(
    'is asked with %s as the client asked',
    async (method) => {
      answer = () => new Response('answer', { headers: { 'X-Own': 'yes' } })
      const response = await ask('/m', { method, ...(method.startsWith('P') && { body: 'body' }) })
      expect([response.status, seen.method, response.headers.get('X-Own')]).toEqual([200, method, 'yes'])
      expect(await response.text()).toBe(method === 'HEAD' ? '' : 'answer')
      expect(seen.body).toBe(method.startsWith('P') ? 'body' : '')
    },
  )

  test('is asked for no TRACE', async () => {
    expect(statusOf(await bytes('/t', '', 'TRACE'))).toBe(405)
    expect(seen.method).not.toBe('TRACE')
  })
})

describe('a client', () => {
  test('gets no header that speaks of the connection behind, nor for the whole origin', async () => {
    answer = () =>
      new Response('ok', {
        headers: [
          ['Connection', 'X-Named'],
          ['X-Named', '1'],
          ['Keep-Alive', 'timeout=5'],
          ['Set-Cookie', 'session=fixed; Path=/'],
          ['Alt-Svc', 'h3=":1"'],
          ['Clear-Site-Data', '"*"'],
          ['Strict-Transport-Security', 'max-age=1'],
          ['Service-Worker-Allowed', '/'],
          ['WWW-Authenticate', 'Basic realm="give me"'],
          ['Access-Control-Allow-Origin', '*'],
          ['Access-Control-Allow-Credentials', 'true'],
          ['Accept-CH', 'Device-Memory'],
          ['NEL', '{"report_to":"evil","max_age":1}'],
          ['Report-To', '{"group":"evil","max_age":1,"endpoints":[{"url":"https://evil.example/"}]}'],
          ['Set-Login', 'logged-in'],
          ['Use-As-Dictionary', 'match="/*"'],
          ['X-Accel-Redirect', '/internal/secret'],
          ['X-LIGHTTPD-send-file', '/etc/passwd'],
          ['X-Reproxy-URL', 'http://127.0.0.1/'],
          ['X-Sendfile', '/etc/passwd'],
          ['X-Request-Id', 'theirs'],
          ['X-Kept', 'yes'],
          ['ETag', '"1"'],
        ],
      })
    const { headers } = await ask('/a')
    expect([...headers.keys()].sort()).toEqual(
      ['content-length', 'content-type', 'date', 'etag', 'x-kept', 'x-request-id'].sort(),
    )
    expect(headers.get('X-Request-Id')).toBe(seen.headers.get('X-Request-Id'))
  })

  test.each([200, 201, 204, 206, 304, 400, 401, 404, 418, 429, 500, 503])(
    'gets the status %d of the service as it is',
    async (status) => {
      const body = [204, 304].includes(status) ? null : 'said'
      answer = () => new Response(body, { status })
      const response = await ask('/s')
      expect([response.status, await response.text()]).toEqual([status, body ?? ''])
    },
  )

  test('gets the length of what a HEAD asks about, and the piece that a range asks for', async () => {
    answer = () => new Response('x'.repeat(100), { headers: { 'Accept-Ranges': 'bytes' } })
    const head = await ask('/file', { method: 'HEAD' })
    expect([head.headers.get('Content-Length'), await head.text()]).toEqual(['100', ''])
    answer = () => new Response('cde', { status: 206, headers: { 'Content-Range': 'bytes 2-4/26' } })
    const piece = await ask('/file', { headers: { Range: 'bytes=2-4', 'If-Range': '"1"' } })
    expect([seen.headers.get('Range'), seen.headers.get('If-Range')]).toEqual(['bytes=2-4', '"1"'])
    expect([piece.status, piece.headers.get('Content-Range'), await piece.text()]).toEqual([
      206,
      'bytes 2-4/26',
      'cde',
    ])
  })

  test.each([100, 100_000])('gets what was compressed of %d bytes as it was', async (length) => {
    const packed = Bun.gzipSync(crypto.getRandomValues(new Uint8Array(Math.min(length, 60_000))))
    answer = () => new Response(packed, { headers: { 'Content-Encoding': 'gzip' } })
    const asWas: BunFetchRequestInit = { headers: { 'Accept-Encoding': 'gzip' }, decompress: false }
    const response = await ask('/z', asWas)
    expect(seen.headers.get('Accept-Encoding')).toBe('gzip')
    expect(response.headers.get('Content-Encoding')).toBe('gzip')
    expect(Buffer.from(await response.arrayBuffer()).equals(Buffer.from(packed))).toBe(true)
  })
})

// The door: what is turned away before any route is looked for.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { TestHouse } from '@home-console/sdk/testing'
import { houseOf, NO_TOKEN, raw, statusOf } from './kit.ts'

let house: TestHouse
beforeAll(async () => {
  house = await houseOf(
    {
      lamp: `
        const router = ctx.router()
        router.openapi(text('/open', []), (c) => c.text('open'))
        router.openapi(text('/names/{name}', []), (c) => c.text(c.req.valid ? c.req.param('name') : ''))
        router.get('/closed', (c) => c.text('closed ' + c.var.caller.name))
        router.post('/open', (c) => c.text('posted'))
        return router`,
    },
    { allowedHosts: ['nas.home'], publicUrl: new URL('https://home.example/') },
  )
})
afterAll(() => house.stop())

const get = (target: string, headers = 'Host: 127.0.0.1\r\n', version = '1.1') =>
  raw(house.url, `GET ${target} HTTP/${version}\r\n${headers}Connection: close\r\n\r\n`)
const withToken = () => `Host: 127.0.0.1\r\nAuthorization: Bearer ${house.token}\r\n`

describe('Host', () => {
  test.each([
    '127.0.0.1',
    '127.0.0.1:11000',
    'localhost',
    'LOCALHOST:1',
    '[::1]',
    '192.168.1.7',
    'nas.home',
    'home.example',
  ])('%s is this house', async (host) => {
    expect(statusOf(await get('/health', `Host: ${host}\r\n`))).toBe(200)
  })

  test.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'nas.home.evil.example',
    'evil.example:80',
    'localhost.',
  ])('%s is not, even with the token: a name can be pointed at any address', async (host) => {
    const answer = await get('/api/core/plugins', `Host: ${host}\r\nAuthorization: Bearer ${house.token}\r\n`)
    expect(statusOf(answer)).toBe(421)
    expect(answer).toContain('"code":"misdirected"')
  })

  test.each([
    'x/y',
    'x\\y',
    'a@127.0.0.1',
    '127.0.0.1/api',
    '127.0.0.1?',
    '127.0.0.1#',
    '',
    'a b',
    '127.0.0.1:99999999',
  ])('the malformed %j is refused', async (host) => {
    const status = statusOf(
      await get('/api/core/plugins', `Host: ${host}\r\nAuthorization: Bearer ${house.token}\r\n`),
    )
    expect([0, 400, 421]).toContain(status)
  })

  test('HTTP/1.0 without Host is refused, on open and on closed routes', async () => {
    expect(statusOf(await get('/health', '', '1.0'))).toBe(400)
    expect(statusOf(await get('/api/core/plugins', `Authorization: Bearer ${house.token}\r\n`, '1.0'))).toBe(
      400,
    )
  })

  test('two of them, or a foreign absolute target beside a good one, open nothing', async () => {
    expect(statusOf(await get('/api/core/plugins', 'Host: 127.0.0.1\r\nHost: evil.example\r\n'))).not.toBe(
      200,
    )
    expect(statusOf(await get('http://evil.example/api/core/plugins'))).not.toBe(200)
    expect(statusOf(await get('http://127.0.0.1/api/core/plugins'))).not.toBe(200)
    expect(statusOf(await get('http://evil.example/health', 'Host: evil.example\r\n'))).not.toBe(200)
  })
})

describe('the path', () => {
  const spellings = (path: string) => {
    const last = path.lastIndexOf('/') + 1
    const hex = (text: string, upper = true) =>
      Array.from(
        text,
        (char) => `%${char.charCodeAt(0).toString(16)[upper ? 'toUpperCase' : 'toLowerCase']()}`,
      ).join('')
    return [
      `/${path}`,
      path.replace('/api/', '//api//'),
      path.replace('/api/', '/api/./'),
      path.replace('/api/', '/api/x/../'),
      path.replace('/api/', '/api/%2e/'),
      path.replace('/api/', '/api/%2E%2e/api/'),
      path.replace('/api/', '/api%2f'),
      path.replace('/api/', '/api%5c'),
      path.replace('/api/', '/api\\'),
      path.replace('/api/', '/%61pi/'),
      path.slice(0, last) + hex(path.slice(last)),
      path.slice(0, last) + hex(path.slice(last), false),
      path.slice(0, last) + hex(hex(path.slice(last))),
      path.slice(0, last) + path.slice(last).toUpperCase(),
      `${path}/`,
      `${path}//`,
      `${path}/.`,
      `${path}/..`,
      `${path}%20`,
      `${path}%00`,
      `${path}%0a`,
      `${path}%`,
      `${path}%zz`,
      `${path}%c0%af`,
      `${path};a=b`,
      `${path}.json`,
      `${path}#x`,
      `${path}?`,
      `${path}?x=/../../health`,
      path.slice(1),
    ]
  }

  test.each(['/api/core/plugins', '/api/core/home', '/api/plugins/lamp/closed', '/metrics'])(
    'under no spelling does %s answer without a token',
    async (path) => {
      for (const spelling of spellings(path)) {
        const status = statusOf(await get(spelling, undefined))
        // Above /metrics is the root, which leads everybody to the page.
        if (spelling === '/metrics/..' && status === 302) continue
        if (![0, 400, 401, 404].includes(status)) throw new Error(`${spelling} answered ${status}`)
      }
    },
    20_000,
  )

  test('a name with spaces, umlauts and an escaped percent sign reaches its handler whole', async () => {
    for (const name of ['a b', 'grün', '100%', 'x%41', "it's", 'a+b', '猫']) {
      const response = await house.request(`/api/plugins/lamp/names/${encodeURIComponent(name)}`)
      expect([name, await response.text()]).toEqual([name, name])
    }
  })

  test.each(['/a%2fb', '/a%5Cb', '/a%00b', '/%0d%0aX', '/%61', '/%FF'])(
    'the escape in %s is refused',
    async (end) => {
      const answer = await get(`/api/plugins/lamp/names${end}`, withToken())
      expect(statusOf(answer)).toBe(400)
    },
  )

  test('no path, an asterisk, control bytes and endless ones end no process', async () => {
    for (const target of ['*', '', '?', '\x00', '/\x01', '/\x7f', '/\xff\xfe', `/${'a'.repeat(100_000)}`]) {
      expect(statusOf(await get(target, withToken()))).not.toBe(200)
    }
    await raw(house.url, new Uint8Array([0, 1, 2, 3, 255, 254, 10, 13, 10]))
    await raw(house.url, 'GET /health HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n')
    await raw(house.url, `GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Big: ${'a'.repeat(1_000_000)}\r\n\r\n`)
    await raw(house.url, 'POST /api/core/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -5\r\n\r\n')
    await raw(
      house.url,
      'POST /health HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n',
    )
    expect((await house.request('/health')).status).toBe(200)
  })
})

describe('Origin', () => {
  const post = (origin: string, type = 'application/json') =>
    house.request('/api/core/events', {
      method: 'POST',
      headers: { 'Content-Type': type, Origin: origin },
      body: JSON.stringify({
        specversion: '1.0',
        id: crypto.randomUUID(),
        source: '/clients/t',
        type: 'a.b',
      }),
    })

  test('a page of this house, or under a name that its owner gave, may change something', async () => {
    for (const origin of [house.url, 'https://home.example', 'http://nas.home:8080']) {
      expect([origin, (await post(origin)).status]).toEqual([origin, 202])
    }
  })

  test('a page of any other site may not: be it a name, an address, another port, or nothing at all', async () => {
    for (const origin of [
      'https://evil.example',
      'http://6.6.6.6',
      'http://127.0.0.1:9',
      'http://localhost:3000',
      'null',
      'https://home.example.evil.example',
      'https://evilhome.example',
      `${house.url}.evil.example`,
      `${house.url}/`,
      'file://',
      'chrome-extension://abc',
      '',
    ]) {
      const response = await post(origin)
      expect([origin, response.status]).toEqual([origin, 403])
      expect(await response.json()).toMatchObject({ code: 'cross_origin' })
    }
    expect(house.events.filter(({ type }) => type === 'a.b')).toHaveLength(3)
  })

  test('the content types of a plain form are no way around it', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
    ]) {
      expect((await post('https://evil.example', type)).status).toBe(403)
    }
  })

  test('a preflight of another site is refused, and no answer carries an Access-Control header', async () => {
    const preflight = await house.request('/api/core/events', {
      method: 'OPTIONS',
      headers: { Authorization: '', Origin: 'https://evil.example', 'Access-Control-Request-Method': 'POST' },
    })
    expect(preflight.status).toBe(403)
    const read = await house.request('/health', { headers: { Origin: 'https://evil.example' } })
    for (const { headers } of [preflight, read]) {
      expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
    }
  })

  test('an upgrade from another site makes no socket where there is none, and needs the token like any GET', async () => {
    const answer = await raw(
      house.url,
      `GET /api/core/events HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://evil.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    )
    expect(statusOf(answer)).toBe(401)
  })
})

describe('the token', () => {
  const status = async (authorization: string) =>
    (await house.request('/api/core/plugins', { headers: { Authorization: authorization } })).status

  test('opens everything, however the scheme is written', async () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER'])
      expect(await status(`${scheme} ${house.token}`)).toBe(200)
    const response = await house.request('/api/plugins/lamp/closed')
    expect(await response.text()).toBe('closed admin')
  })

  test('opens nothing when it is wrong, cut, doubled, of another scheme, or odd', async () => {
    for (const authorization of [
      'Bearer',
      'Bearer ',
      'Bearer x',
      `Bearer ${house.token.slice(0, -1)}`,
      `Bearer ${house.token}x`,
      `Bearer ${house.token} ${house.token}`,
      `Bearer ${house.token},`,
      `Bearer ${house.token.toUpperCase()}`,
      `Basic ${btoa(`admin:${house.token}`)}`,
      `Token ${house.token}`,
      house.token,
      `Bearer "${house.token}"`,
      `Bearer ${'a'.repeat(10_000)}`,
    ]) {
      expect([authorization, await status(authorization)]).toEqual([authorization, 401])
    }
  })

  test('does not count in the query or in a cookie', async () => {
    const response = await house.request(
      `/api/core/plugins?token=${house.token}&access_token=${house.token}`,
      {
        headers: { Authorization: '', Cookie: `token=${house.token}` },
      },
    )
    expect(response.status).toBe(401)
    expect(response.headers.get('WWW-Authenticate')).toStartWith('Bearer')
  })

  test('that is wrong does not close an open route', async () => {
    const response = await house.request('/api/plugins/lamp/open', { headers: { Authorization: 'Bearer x' } })
    expect(await response.text()).toBe('open')
    expect((await house.request('/health', NO_TOKEN)).status).toBe(200)
  })
})

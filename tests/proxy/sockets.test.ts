// WebSockets through the proxy: the service has the word on who gets in, and both sides hear how the other left.

import { afterEach, describe, expect, test } from 'bun:test'
import type { TestHouse } from '@home-console/sdk/testing'
import { raw, statusOf } from '../http/kit.ts'
import { until } from '../until.ts'
import { adapter, CREDENTIAL, houseBefore, warnings } from './kit.ts'

let house: TestHouse
let service: Bun.Server<undefined>
/** Heads of the upgrades that the service saw. */
let heads: Headers[] = []
let closed: { code: number; reason: string }[] = []
let there: Bun.ServerWebSocket | undefined
let received = 0

afterEach(async () => {
  await house.stop()
  await service.stop(true)
  heads = []
  closed = []
  received = 0
})

async function start(load?: string): Promise<void> {
  service = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request, server) {
      const { pathname } = new URL(request.url)
      if (pathname === '/health') return new Response('ok')
      heads.push(new Headers(request.headers))
      if (pathname === '/refuses') return new Response('no', { status: 403 })
      if (pathname === '/hangs') return new Promise(() => {})
      const chosen = request.headers.get('Sec-WebSocket-Protocol')?.includes('v2')
      server.upgrade(request, { ...(chosen && { headers: { 'Sec-WebSocket-Protocol': 'v2' } }) })
      return undefined
    },
    websocket: {
      maxPayloadLength: 16 * 1024 * 1024,
      backpressureLimit: 0,
      open: (socket) => {
        there = socket
        socket.send('hello at once')
      },
      message(socket, message) {
        received += message.length
        if (message === 'leave') socket.close(4005, 'enough')
        else if (message === 'die') socket.terminate()
        else if (message !== 'quiet' && message.length < 100_000) socket.send(message)
      },
      close: (_socket, code, reason) => void closed.push({ code, reason }),
    },
  })
  house = await houseBefore({
    svc: { url: service.url.origin, limits: { firstByteMs: 300 }, ...(load !== undefined && { load }) },
  })
}

class Client {
  readonly messages: (string | ArrayBuffer)[] = []
  end: { code: number; reason: string } | undefined
  opened = false
  readonly socket: WebSocket

  constructor(path: string, protocols: string[] = [], headers: Record<string, string> = {}) {
    this.socket = new WebSocket(`${house.url.replace('http', 'ws')}/api/plugins/svc${path}`, {
      headers: { Authorization: `Bearer ${house.token}`, ...headers },
      protocols,
    })
    this.socket.binaryType = 'arraybuffer'
    this.socket.addEventListener('open', () => (this.opened = true))
    this.socket.addEventListener('message', ({ data }) => this.messages.push(data as string | ArrayBuffer))
    this.socket.addEventListener('close', ({ code, reason }) => (this.end = { code, reason }))
    this.socket.addEventListener('error', () => {})
  }

  until(what: string, holds: () => boolean): Promise<boolean> {
    return until(what, holds)
  }
}

async function open(path = '/live', protocols?: string[]): Promise<Client> {
  const client = new Client(path, protocols)
  await client.until('an open socket', () => client.messages.length === 1)
  return client
}

const UPGRADE = (path: string, more = '') =>
  raw(
    house.url,
    `GET /api/plugins/svc${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${house.token}\r\n${more}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    1_000,
  )

const calls = () => house.runtime.proxy.stateOf(house.runtime.external.find('svc')!).inFlight
const none = () => until('no call to be under way', () => calls() === 0)

describe('a socket', () => {
  test('carries text and bytes both ways, and what the service says at once', async () => {
    await start()
    const client = await open()
    client.socket.send('text')
    client.socket.send(new Uint8Array([0, 1, 255]))
    await client.until('both', () => client.messages.length === 3)
    expect(client.messages.slice(0, 2)).toEqual(['hello at once', 'text'])
    expect([...new Uint8Array(client.messages[2] as ArrayBuffer)]).toEqual([0, 1, 255])
    expect(calls()).toBe(1)
    const [head] = heads
    expect(head!.get('Authorization')).toBe(`Bearer ${CREDENTIAL}`)
    expect(head!.get('X-Home-Console-Caller')).toContain('.')
    expect(JSON.stringify([...head!])).not.toContain(house.token)
    client.socket.close(4001, 'bye')
    await until('the service to hear of it', () => closed.length === 1)
    expect(closed).toEqual([{ code: 4001, reason: 'bye' }])
    await none()
  })

  test('speaks the subprotocol that the service chose', async () => {
    await start()
    expect((await open('/live', ['v1', 'v2'])).socket.protocol).toBe('v2')
    expect(heads[0]!.get('Sec-WebSocket-Protocol')).toMatch(/v1, ?v2/)
    expect((await open()).socket.protocol).toBe('')
  })

  test.each([
    ['leave', { code: 4005, reason: 'enough' }],
    ['die', { code: 1006, reason: '' }],
  ])('that the service ends with "%s" ends so for the client', async (word, end) => {
    await start()
    const client = await open()
    client.socket.send(word)
    await client.until('the end', () => client.end !== undefined)
    expect(client.end).toEqual(end)
    await none()
  })

  test('that its client drops is dropped at the service', async () => {
    await start()
    const client = await open()
    client.socket.terminate()
    await until('the service to hear of it', () => closed.length === 1)
    expect(closed[0]!.code).toBe(1006)
    await none()
  })

  test('carries a message of nothing, and what follows it', async () => {
    await start()
    const client = await open()
    client.socket.send('')
    client.socket.send('after')
    await client.until('the echo of both', () => client.messages.length === 3)
    expect(client.messages.slice(1)).toEqual(['', 'after'])
  })

  test('keeps the order of a thousand messages', async () => {
    await start()
    const client = await open()
    for (let count = 0; count < 1_000; count++) client.socket.send(String(count))
    await client.until('all', () => client.messages.length === 1_001)
    expect(client.messages.slice(1)).toEqual(Array.from({ length: 1_000 }, (_, index) => String(index)))
  })

  test('makes a service wait whose client reads slowly, and loses nothing', async () => {
    await start()
    const client = await open()
    client.socket.pause()
    const message = 'x'.repeat(64 * 1024)
    let sent = 0
    while (sent < 300 && there!.send(message) !== 0) {
      sent++
      await new Promise((resolve) => setImmediate(resolve))
    }
    await until('the service to have to wait', () => there!.getBufferedAmount() > 0)
    expect(client.messages.length).toBeLessThan(sent)
    client.socket.resume()
    await client.until('all', () => client.messages.length === sent + 1)
    expect(client.end).toBeUndefined()
  })

  test('makes a client wait whose service reads slowly, and loses nothing', async () => {
    await start()
    const client = await open()
    there!.pause()
    const message = 'x'.repeat(200 * 1024)
    for (let sent = 0; sent < 100; sent++) client.socket.send(message)
    await until('the client to have to wait', () => client.socket.bufferedAmount > 0)
    await Bun.sleep(100)
    expect(client.socket.bufferedAmount).toBeGreaterThan(0)
    there!.resume()
    await until('all', () => received === 100 * message.length)
    expect(client.end).toBeUndefined()
  })
})

describe('an upgrade', () => {
  test('that the service refuses is a 502 that names it', async () => {
    await start()
    const answer = await UPGRADE('/refuses')
    expect(statusOf(answer)).toBe(502)
    expect(answer).toContain('external_bad_answer')
    expect(answer).toContain('it answered 403')
    expect(warnings(house).at(-1)).toContain('"svc" opened no WebSocket')
    await none()
  })

  test('that the service does not answer is a 504', async () => {
    await start()
    const answer = await UPGRADE('/hangs')
    expect(statusOf(answer)).toBe(504)
    expect(answer).toContain('external_timeout')
    await none()
  })

  test('that offers what is no list of subprotocols is a mistake of the client, and of nobody else', async () => {
    await start()
    for (const offered of ['a b', 'a, a', ',', '"quoted"']) {
      const answer = await UPGRADE('/live', `Sec-WebSocket-Protocol: ${offered}\r\n`)
      expect([offered, statusOf(answer)]).toEqual([offered, 400])
    }
    expect(heads).toEqual([])
    expect(house.logs.filter(({ level }) => level === 'error')).toEqual([])
  }, 15_000)

  test.each([`c.res = new Response('mine')`, `throw new Error('on second thoughts')`])(
    'that the adapter answers otherwise in the end leaves nothing open at the service: %s',
    async (then) => {
      await start(
        `const router = ctx.router()
         router.use(async (c, next) => { await next(); ${then} })
         router.all('/*', ctx.proxy())
         return router`,
      )
      expect([200, 500]).toContain(statusOf(await UPGRADE('/live')))
      await until('the service to hear of it', () => closed.length === 1)
      await none()
    },
  )

  test('is a GET: of a request with another method nothing but that gets to the service', async () => {
    await start()
    for (const method of ['POST', 'DELETE']) {
      const answer = await raw(
        house.url,
        `${method} /api/plugins/svc/refuses HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${house.token}\r\nContent-Length: 0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
        1_000,
      )
      expect(statusOf(answer)).toBe(403)
    }
    expect(heads.map((head) => head.get('Upgrade'))).toEqual([null, null])
  })

  test('of a stranger, or from a page of another site, never gets to the service', async () => {
    await start()
    const stranger = await raw(
      house.url,
      `GET /api/plugins/svc/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    )
    expect(statusOf(stranger)).toBe(401)
    const foreign = await UPGRADE('/live', 'Origin: https://evil.example\r\n')
    expect(statusOf(foreign)).toBe(403)
    expect(foreign).toContain('cross_origin')
    expect(heads).toEqual([])
  })

  test('that is none in the end leaves nothing open at the service', async () => {
    await start()
    const broken = await raw(
      house.url,
      `GET /api/plugins/svc/live HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${house.token}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
    )
    expect(statusOf(broken)).toBe(426)
    await until('the service to hear of it', () => closed.length === 1)
    await none()
  })
})

test('a swap of the adapter sends its clients to come back, and the service is told', async () => {
  await start()
  const client = await open()
  await house.save(
    'svc/index.ts',
    adapter('svc', `const router = ctx.router(); router.all('/*', ctx.proxy()); /* again */ return router`),
  )
  await client.until('the end', () => client.end !== undefined)
  expect(client.end!.code).toBe(1012)
  await until('the service to hear of it', () => closed.length === 1)
  await none()
  expect((await open()).messages).toEqual(['hello at once'])
})

// WebSockets of plugins: behind the guard, charged to their owner, and sent to come back when it is swapped.

import { afterEach, describe, expect, test } from 'bun:test'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'
import { ProblemBody } from '../../core/api/answers.ts'
import { until } from '../until.ts'
import { houseOf, pluginOf, raw, statusOf } from './kit.ts'

let house: TestHouse
afterEach(() => house?.stop())

/** A WebSocket client that keeps all that it meets. */
class Client {
  readonly messages: unknown[] = []
  closed: { code: number; reason: string } | undefined
  opened = false
  readonly socket: WebSocket

  constructor(path: string, headers: Record<string, string> = { Authorization: `Bearer ${house.token}` }) {
    this.socket = new WebSocket(house.url.replace('http', 'ws') + path, { headers })
    this.socket.binaryType = 'arraybuffer'
    this.socket.addEventListener('open', () => (this.opened = true))
    this.socket.addEventListener('message', ({ data }) => this.messages.push(data))
    this.socket.addEventListener('close', ({ code, reason }) => (this.closed = { code, reason }))
    this.socket.addEventListener('error', () => {})
  }

  async until(holds: () => boolean): Promise<this> {
    await until(`a socket that is ${JSON.stringify([this.opened, this.messages.length, this.closed])}`, holds)
    return this
  }
}

const open = async (path: string, headers?: Record<string, string>) => {
  const client = new Client(path, headers)
  return client.until(() => client.opened || client.closed !== undefined)
}

const echo = (greeting: string) => `
  const router = ctx.router()
  router.ws('/echo/:room', {
    open(socket) { socket.data = { count: 0 }; socket.send('${greeting} ' + socket.params.room + ' ' + socket.caller.name) },
    message(socket, message) { socket.data.count++; socket.send(message) },
    close(socket, code, reason) { ctx.events.emit('socket.closed', { code, reason, count: socket.data.count }) },
  })
  router.ws('/leave', { message(socket, message) { socket.close(4001, String(message)) } })
  router.ws('/throws/:when', {
    open(socket) { if (socket.params.when === 'open') throw new Error('at open') },
    message(socket) { if (socket.params.when === 'message') throw new Error('at message') },
    async close(socket) { if (socket.params.when === 'close') throw new Error('at close') },
  })
  router.ws('/rejects', { async message() { await Bun.sleep(1); throw 'a string' } })
  const open = ctx.router({ security: [] })
  open.ws('/', { open(socket) { socket.send(socket.caller.kind) } })
  router.route('/open', open)
  return router`

const ECHO = '/api/plugins/lamp/echo/hall'

describe('a socket', () => {
  test('greets, echoes text and bytes, and says goodbye', async () => {
    house = await houseOf({ lamp: echo('hello') })
    const client = await open(ECHO)
    client.socket.send('text')
    client.socket.send(new Uint8Array([0, 1, 255]))
    await client.until(() => client.messages.length === 3)
    expect(client.messages[0]).toBe('hello hall admin')
    expect(client.messages[1]).toBe('text')
    expect([...new Uint8Array(client.messages[2] as ArrayBuffer)]).toEqual([0, 1, 255])
    expect(house.runtime.loader.view('lamp')!.holds).toContainEqual({
      kind: 'websocket',
      label: `GET ${ECHO}`,
    })
    client.socket.close(4000, 'bye')
    expect((await house.event('socket.closed')).data).toEqual({ code: 4000, reason: 'bye', count: 2 })
    await until('nothing to be held', () => house.runtime.loader.view('lamp')!.holds.length === 0)
  })

  test('is closed by its plugin with a code of its own', async () => {
    house = await houseOf({ lamp: echo('hello') })
    const client = await open('/api/plugins/lamp/leave')
    client.socket.send('enough')
    await client.until(() => client.closed !== undefined)
    expect(client.closed).toEqual({ code: 4001, reason: 'enough' })
  })

  test('carries a message of half a megabyte whole, and is closed by one that is too large', async () => {
    house = await houseOf({ lamp: echo('hello') })
    const client = await open(ECHO)
    const big = 'ü'.repeat(256 * 1024)
    client.socket.send(big)
    await client.until(() => client.messages.length === 2)
    expect(client.messages[1]).toBe(big)
    client.socket.send('x'.repeat(2 * 1024 * 1024))
    await client.until(() => client.closed !== undefined)
    expect((await open(ECHO)).messages.length).toBeLessThan(2)
  })

  test('keeps the order of a thousand messages', async () => {
    house = await houseOf({ lamp: echo('hello') })
    const client = await open(ECHO)
    for (let count = 0; count < 1_000; count++) client.socket.send(String(count))
    await client.until(() => client.messages.length === 1_001)
    expect(client.messages.slice(1)).toEqual(Array.from({ length: 1_000 }, (_, index) => String(index)))
  })
})

test.each(['/live/:room', '/live/{room}'])('at %s finds its parameter', async (path) => {
  house = await houseOf({
    lamp: `
      const router = ctx.router()
      router.ws('${path}', { open(socket) { socket.send(socket.params.room) } })
      return router`,
  })
  const client = await open('/api/plugins/lamp/live/hall')
  await client.until(() => client.messages.length === 1 || client.closed !== undefined)
  expect(client.messages).toEqual(['hall'])
})

describe('the guard', () => {
  test('lets no stranger in, nor a page of another site', async () => {
    house = await houseOf({ lamp: echo('hello') })
    const upgrade = (headers: string) =>
      raw(
        house.url,
        `GET ${ECHO} HTTP/1.1\r\nHost: localhost\r\n${headers}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      )
    const token = `Authorization: Bearer ${house.token}\r\n`
    expect(statusOf(await upgrade(''))).toBe(401)
    expect(statusOf(await upgrade('Authorization: Bearer x\r\n'))).toBe(401)
    const foreign = await upgrade(`${token}Origin: https://evil.example\r\n`)
    expect(statusOf(foreign)).toBe(403)
    expect(foreign).toContain('"cross_origin"')
    expect(house.runtime.loader.view('lamp')!.holds).toEqual([])
    expect(statusOf(await upgrade(`${token}Origin: http://localhost:1\r\n`))).toBe(403)
    expect(statusOf(await upgrade(`${token}Origin: http://localhost\r\n`))).toBe(101)
    expect(statusOf(await upgrade(token))).toBe(101)
  })

  test('lets everybody in where the router says so', async () => {
    house = await houseOf({ lamp: echo('hello') })
    const client = await open('/api/plugins/lamp/open', {})
    await client.until(() => client.messages.length === 1)
    expect(client.messages).toEqual(['anonymous'])
  })

  test('answers a request that is no upgrade, or a broken one, with upgrade_required', async () => {
    house = await houseOf({ lamp: echo('hello') })
    const response = await house.request(ECHO)
    expect([response.status, response.headers.get('Upgrade')]).toEqual([426, 'websocket'])
    expect(ProblemBody.parse(await response.json()).code).toBe('upgrade_required')
    const broken = await raw(
      house.url,
      `GET ${ECHO} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${house.token}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
    )
    expect(statusOf(broken)).toBe(426)
    expect(broken).toContain('upgrade_required')
  })
})

test.each([
  ['throws/open', 'open of'],
  ['throws/message', 'message of'],
  ['rejects', 'message of'],
])('a throw in %s closes the socket with 1011 and is charged to the plugin', async (path, where) => {
  house = await houseOf({ lamp: echo('hello') })
  const client = await open(`/api/plugins/lamp/${path}`)
  if (client.opened) client.socket.send('x')
  await client.until(() => client.closed !== undefined)
  expect(client.closed!.code).toBe(1011)
  expect(house.runtime.loader.faults.get('lamp')).toBe(1)
  expect(house.logs.find(({ level }) => level === 'error')).toMatchObject({
    plugin: 'lamp',
    message: expect.stringContaining(where),
  })
})

test('a throw at the goodbye is charged, and nothing is left', async () => {
  house = await houseOf({ lamp: echo('hello') })
  const client = await open('/api/plugins/lamp/throws/close')
  client.socket.close()
  await until('the fault', () => house.runtime.loader.faults.get('lamp') === 1)
  expect(house.runtime.loader.view('lamp')!.holds).toEqual([])
})

test('a swap closes with 1012, and the client that comes back meets the new code', async () => {
  house = await houseOf({ lamp: echo('old') })
  const clients = await Promise.all(Array.from({ length: 5 }, () => open(ECHO)))
  await house.save('lamp/index.ts', pluginOf(echo('new')))
  for (const client of clients) await client.until(() => client.closed !== undefined)
  expect(clients.map(({ closed }) => closed!.code)).toEqual([1012, 1012, 1012, 1012, 1012])
  const again = await open(ECHO)
  await again.until(() => again.messages.length === 1)
  expect(again.messages).toEqual(['new hall admin'])
  expect(house.runtime.loader.view('lamp')!.lastReload!.leaks).toEqual([])
  expect(house.runtime.loader.faults.get('lamp') ?? 0).toBe(0)
})

test('a client that reads nothing is let go of, and the plugin lives on', async () => {
  house = await startTestHouse({
    plugins: {
      lamp: {
        'index.ts': pluginOf(`
          const router = ctx.router()
          router.ws('/flood', { async open(socket) {
            const text = 'x'.repeat(100_000)
            for (let count = 0; count < 200; count++) { if (socket.send(text) === 0) break; await Bun.sleep(1) }
          } })
          router.get('/alive', (c) => c.text('yes'))
          return router`),
      },
    },
  })
  const { connect } = await import('node:net')
  const socket = connect(Number(new URL(house.url).port), '127.0.0.1', () =>
    socket.write(
      `GET /api/plugins/lamp/flood HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${house.token}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    ),
  )
  socket.pause()
  const holds = () => house.runtime.loader.view('lamp')!.holds.length
  await until('the socket', () => holds() === 1)
  await until('it to be let go of', () => holds() === 0)
  socket.destroy()
  expect(await (await house.request('/api/plugins/lamp/alive')).text()).toBe('yes')
})

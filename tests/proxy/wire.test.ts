// The wire over real sockets: what is kept, what is asked again, and what becomes of a connection in the middle of an answer.

import { afterEach, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import * as fc from 'fast-check'
import { BadAnswer, ConnectionLost } from '../../core/proxy/wire/failure.ts'
import type { Header } from '../../core/proxy/wire/header-line.ts'
import { headerLines, headText } from '../../core/proxy/wire/request-head.ts'
import { Wire } from '../../core/proxy/wire/wire.ts'
import { freePort } from '../processes.ts'
import { until } from '../until.ts'
import { FullHouse } from './kit.ts'

const IDLE_MS = 200
const SHORT = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

let far: FarEnd | undefined
afterEach(() => far?.stop())

/** Answers each request as it is told. */
class FarEnd {
  readonly #server: Server
  readonly sockets: Socket[] = []
  open = 0
  readonly heads: string[] = []

  private constructor(answer: (socket: Socket, head: string) => void) {
    this.#server = createServer((socket) => {
      this.sockets.push(socket)
      this.open++
      socket.on('close', () => this.open--)
      socket.on('error', () => {})
      let text = ''
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1')
        for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
          const head = text.slice(0, end)
          text = text.slice(end + 4)
          this.heads.push(head)
          answer(socket, head)
        }
      })
    })
  }

  static async start(answer: (socket: Socket, head: string) => void): Promise<Wire> {
    far = new FarEnd(answer)
    await new Promise<void>((resolve) => far!.#server.listen(0, '127.0.0.1', resolve))
    return new Wire('127.0.0.1', (far.#server.address() as { port: number }).port, IDLE_MS)
  }

  stop(): void {
    for (const socket of this.sockets) socket.destroy()
    this.#server.close()
  }
}

const question = (path = '/', method = 'GET', headers: Header[] = []) => ({
  method,
  path,
  host: 'far.example',
  lines: '',
  headers,
})
const ask = (wire: Wire, path = '/') => wire.ask(question(path), () => {})
const textOf = async (answer: Awaited<ReturnType<typeof ask>>) => Buffer.from(await answer.bytes()).toString()

test('a connection is asked again, and let go of when nobody asks', async () => {
  const wire = await FarEnd.start((socket) => socket.write(SHORT))
  for (let turn = 0; turn < 20; turn++) expect(await textOf(await ask(wire))).toBe('ok')
  expect(far!.sockets.length).toBe(1)
  await until('it to be let go of', () => far!.open === 0)
})

test('questions at once go on connections of their own, which are kept', async () => {
  const wire = await FarEnd.start((socket) => void setTimeout(() => socket.write(SHORT), 5))
  for (let turn = 0; turn < 3; turn++) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(wire)))
    expect(await Promise.all(answers.map(textOf))).toEqual(Array<string>(10).fill('ok'))
  }
  expect(far!.sockets.length).toBe(10)
})

test('one that the server gave up in the moment in which it is asked is made anew, once', async () => {
  const asked = new Map<Socket, number>()
  const wire = await FarEnd.start((socket) => {
    const count = (asked.get(socket) ?? 0) + 1
    asked.set(socket, count)
    if (count === 1) socket.write(SHORT)
    else socket.destroy()
  })
  for (let turn = 0; turn < 5; turn++) expect(await textOf(await ask(wire))).toBe('ok')
  expect(far!.sockets.length).toBe(5)
})

test('one that breaks at its first question is lost', async () => {
  const wire = await FarEnd.start((socket) => socket.destroy())
  const error: unknown = await ask(wire).catch((error: unknown) => error)
  expect(error).toBeInstanceOf(ConnectionLost)
  expect(far!.heads.length).toBe(1)
})

test('where nobody listens, the error says so', async () => {
  const error: unknown = await ask(new Wire('127.0.0.1', freePort(), IDLE_MS)).catch(
    (error: unknown) => error,
  )
  expect(error).toMatchObject({ name: 'ConnectionLost', code: 'ECONNREFUSED' })
})

test('who sends more than was asked for is not asked again, and nothing of that answers anybody', async () => {
  const wire = await FarEnd.start((socket, head) =>
    socket.write(
      head.startsWith('GET /more') ? `${SHORT}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil` : SHORT,
    ),
  )
  expect(await textOf(await ask(wire, '/more'))).toBe('ok')
  expect(await textOf(await ask(wire, '/next'))).toBe('ok')
  expect(far!.sockets.length).toBe(2)
})

test('what comes unasked on a kept connection ends it', async () => {
  const wire = await FarEnd.start((socket) => socket.write(SHORT))
  await ask(wire)
  far!.sockets[0]!.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')
  await until('it to be ended', () => far!.open === 0)
  expect(await textOf(await ask(wire))).toBe('ok')
})

test('who hangs up on an address that is silent leaves a bounded number of connections behind, and the rest are told', async () => {
  await using full = await FullHouse.start()
  await full.fill()
  const wire = new Wire('127.0.0.1', Number(new URL(full.url).port), IDLE_MS)
  const open = () => readdirSync('/proc/self/fd').length
  const before = open()
  const codes = new Map<string, number>()
  for (let turn = 0; turn < 200; turn++) {
    let hangUp = () => {}
    const answered = wire.ask(question(), (given) => (hangUp = given))
    setTimeout(hangUp, 1)
    const { code } = (await answered.catch((error: unknown) => error)) as ConnectionLost
    codes.set(code, (codes.get(code) ?? 0) + 1)
  }
  expect(Object.fromEntries(codes)).toEqual({ ECONNRESET: 128, ETIMEDOUT: 72 })
  expect(open() - before).toBeLessThanOrEqual(128)
})

test('a body that is broken off breaks for its reader, after all that came', async () => {
  const wire = await FarEnd.start((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
    setTimeout(() => socket.destroy(), 20)
  })
  const answer = await ask(wire)
  const reader = answer.body!.getReader()
  expect(Buffer.from((await reader.read()).value!).toString()).toBe('half')
  expect(await reader.read().catch((error: unknown) => error)).toBeInstanceOf(ConnectionLost)
})

test('a body that turns out to be none breaks for its reader', async () => {
  const wire = await FarEnd.start((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n')
    setTimeout(() => socket.write('nonsense\r\n'), 20)
  })
  const answer = await ask(wire)
  expect(await answer.bytes().catch((error: unknown) => error)).toBeInstanceOf(BadAnswer)
  await until('its connection to be ended', () => far!.open === 0)
})

test('a body that ends with its connection is whole by that', async () => {
  const wire = await FarEnd.start((socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nall of it'))
  expect(await textOf(await ask(wire))).toBe('all of it')
})

test('who hangs up is told so, and the server sees it, before the answer and in the middle of it', async () => {
  const wire = await FarEnd.start((socket, head) => {
    if (head.startsWith('GET /middle')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
  })
  for (const path of ['/never', '/middle']) {
    let hangUp = () => {}
    const answered = wire.ask(question(path), (given) => (hangUp = given))
    const outcome = answered.then((answer) => answer.bytes()).catch((error: unknown) => error)
    await until('it to be asked', () => far!.heads.at(-1)?.startsWith(`GET ${path}`) === true)
    if (path === '/middle') await answered
    hangUp()
    expect(await outcome).toBeInstanceOf(ConnectionLost)
    await until('the server to see it', () => far!.open === 0)
  }
})

test('who hangs up on an answer that is all there takes nobody else along', async () => {
  const wire = await FarEnd.start((socket, head) => {
    if (head.startsWith('GET /whole'))
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n${'a'.repeat(100_000)}`)
  })
  let hangUp = () => {}
  const answer = await wire.ask(question('/whole'), (given) => (hangUp = given))
  await answer.bytes()
  const other = ask(wire, '/other')
  await until('the other to be asked', () => far!.heads.length === 2)
  expect(far!.sockets.length).toBe(1)
  hangUp()
  far!.sockets[0]!.write(SHORT)
  expect(await textOf(await other)).toBe('ok')
})

test('a body that a HEAD must not have answers nobody', async () => {
  const evil = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'
  const wire = await FarEnd.start((socket, head) => {
    if (head.startsWith('HEAD')) socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${evil.length}\r\n\r\n`)
    else socket.write(socket === far!.sockets[0] ? evil : SHORT)
  })
  await wire.ask(question('/', 'HEAD'), () => {})
  expect(await textOf(await ask(wire))).toBe('ok')
})

test('who wants no more of a body ends its connection', async () => {
  const wire = await FarEnd.start((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\nthe beginning')
  })
  await (await ask(wire)).body!.cancel()
  await until('it to be ended', () => far!.open === 0)
})

/** Waits until no more is sent. */
function heldUp(sent: () => number): Promise<unknown> {
  let before = -1
  return until('it to be held up', async () => {
    if (sent() === before) return true
    before = sent()
    await Bun.sleep(50)
    return false
  })
}

test('a server is held up while nobody reads, and what was sent arrives whole when somebody does', async () => {
  const SIZE = 64 * 1024 * 1024
  let sent = 0
  const piece = Buffer.alloc(64 * 1024)
  const wire = await FarEnd.start((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`)
    const send = () => {
      while (sent < SIZE) {
        sent += piece.length
        piece.fill(sent / piece.length)
        if (!socket.write(Buffer.from(piece))) return void socket.once('drain', send)
      }
    }
    send()
  })
  const answer = await ask(wire)
  await heldUp(() => sent)
  // What the sockets of both ends hold, and the wire itself.
  expect(sent).toBeLessThan(SIZE / 2)
  let at = 0
  for await (const bytes of answer.body!) {
    for (let offset = 0; offset < bytes.length; offset += 4_096) {
      const place = at + offset
      if (bytes[offset] !== (Math.floor(place / piece.length) + 1) % 256)
        throw new Error(`Other bytes at ${place}.`)
    }
    at += bytes.length
  }
  expect(at).toBe(SIZE)
})

test('a server is held up as well where it says much and sends little', async () => {
  const SIZE = 64 * 1024 * 1024
  let sent = 0
  const pieces = Buffer.from(`1;${'a'.repeat(249)}\r\nb\r\n`.repeat(1_024))
  const wire = await FarEnd.start((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    const send = () => {
      while (sent < SIZE) {
        sent += pieces.length
        if (!socket.write(pieces)) return void socket.once('drain', send)
      }
    }
    send()
  })
  await ask(wire)
  await heldUp(() => sent)
  expect(sent).toBeLessThan(SIZE / 2)
})

test('a head that the socket does not take at once arrives whole', async () => {
  const wire = await FarEnd.start((socket) => socket.write(SHORT))
  const headers: Header[] = [['X-Long', 'a'.repeat(60_000)]]
  for (let turn = 0; turn < 3; turn++) {
    expect(await textOf(await wire.ask(question('/', 'GET', headers), () => {}))).toBe('ok')
    expect(far!.heads.at(-1)).toEndWith(`X-Long: ${'a'.repeat(60_000)}`)
  }
})

test('nothing gets into the head of a request that would end a line of it', () => {
  const odd = fc.string({
    unit: fc.constantFrom('a', ' ', ':', '\r', '\n', '\0', '\t', '\u0080', 'ÿ', 'ł', '☃'),
  })
  fc.assert(
    fc.property(odd, odd, odd, odd, (method, path, name, value) => {
      let text: string
      try {
        text = headText({
          ...question(path, method),
          lines: headerLines([[name, value]]),
          headers: [[name, value]],
        })
      } catch (error) {
        return expect(error).toBeInstanceOf(TypeError)
      }
      const line = `${name}: ${value}`
      expect(text.split('\r\n')).toEqual([
        `${method} ${path} HTTP/1.1`,
        'Host: far.example',
        line,
        line,
        '',
        '',
      ])
      expect(text).not.toMatch(/[^\r]\n|\r[^\n]|[^\0-\xff]/)
    }),
    { numRuns: 2_000 },
  )
})

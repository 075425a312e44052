// Bodies on their way through: as they come, both ways at once, large in little memory; and how large one may be elsewhere.

import { afterEach, describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import type { TestHouse } from '@home-console/sdk/testing'
import { pluginOf, statusOf } from '../http/kit.ts'
import { until } from '../until.ts'
import { houseBefore } from './kit.ts'

let house: TestHouse
let service: Bun.Server<undefined>
afterEach(async () => {
  await house.stop()
  await service.stop(true)
})

async function behind(
  answer: (request: Request) => Response | Promise<Response>,
  limits: Record<string, number> = {},
  load?: string,
): Promise<void> {
  service = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch: (request) => (request.url.endsWith('/health') ? new Response('ok') : answer(request)),
  })
  house = await houseBefore({ svc: { url: service.url.origin, limits, ...(load !== undefined && { load }) } })
}

const ask = (path: string, init?: RequestInit) => house.request(`/api/plugins/svc${path}`, init)
const inFlight = () => house.runtime.proxy.stateOf(house.runtime.external.find('svc')!).inFlight

test('a body that the adapter reads itself may take as long as something comes, and then its call is over', async () => {
  const pieces = 8
  await behind(
    () => {
      let left = pieces
      return new Response(
        new ReadableStream({
          async pull(controller) {
            await Bun.sleep(60)
            if (left-- === 0) controller.close()
            else controller.enqueue(new Uint8Array(10_000))
          },
        }),
      )
    },
    { silenceMs: 300 },
    `const router = ctx.router()
     const pass = ctx.proxy()
     router.get('/size', async (c) => c.text(String((await (await pass(c)).bytes()).length)))
     return router`,
  )
  expect(await (await ask('/size')).text()).toBe(String(pieces * 10_000))
  expect(inFlight()).toBe(0)
})

test('a body of which the adapter has read the beginning goes on with the rest', async () => {
  await behind(
    () => new Response('b'.repeat(2_000_000)),
    {},
    `const router = ctx.router()
     const pass = ctx.proxy()
     router.get('/rest', async (c) => {
       const answer = await pass(c)
       const reader = answer.body.getReader()
       const { value } = await reader.read()
       reader.releaseLock()
       answer.headers.set('X-Read', String(value.length))
       return answer
     })
     return router`,
  )
  const response = await ask('/rest')
  const rest = await response.text()
  expect(Number(response.headers.get('X-Read')) + rest.length).toBe(2_000_000)
  await until('the call to be over', () => inFlight() === 0)
})

test('server-sent events arrive one by one, and the service hears that their client has left', async () => {
  let left = false
  const send = Promise.withResolvers<(text: string) => void>()
  await behind(
    () =>
      new Response(
        new ReadableStream({
          start: (controller) => send.resolve((text) => controller.enqueue(new TextEncoder().encode(text))),
          cancel: () => void (left = true),
        }),
        { headers: { 'Content-Type': 'text/event-stream' } },
      ),
  )
  const leaving = new AbortController()
  const asked = ask('/events', { signal: leaving.signal })
  const say = await send.promise
  say('data: 1\n\n')
  const response = await asked
  expect(response.headers.get('Content-Type')).toBe('text/event-stream')
  const reader = response.body!.getReader()
  for (let count = 1; count < 5; count++) {
    const { value } = await reader.read()
    expect(new TextDecoder().decode(value)).toBe(`data: ${count}\n\n`)
    say(`data: ${count + 1}\n\n`)
  }
  expect(inFlight()).toBe(1)
  leaving.abort()
  await until('the service to hear of it', () => left)
  expect(inFlight()).toBe(0)
})

test('an event stream ends in good order when another process of the service takes over, and who comes back is led there', async () => {
  const stream = (word: string) => () =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode(`data: ${word}\n\n`)),
      }),
      { headers: { 'Content-Type': 'text/event-stream' } },
    )
  await behind(stream('old'))
  await using next = Bun.serve({ port: 0, hostname: '127.0.0.1', idleTimeout: 0, fetch: stream('new') })
  const read = async (reader: { read(): Promise<{ value?: Uint8Array | undefined }> }) =>
    new TextDecoder().decode((await reader.read()).value)
  const reader = (await ask('/events')).body!.getReader()
  expect(await read(reader)).toBe('data: old\n\n')
  const rest = reader.read()
  house.write(
    'svc/service.json',
    JSON.stringify({ name: 'svc', version: '1.0.1', url: next.url.origin }),
    'external',
  )
  expect((await rest).done).toBe(true)
  expect(await read((await ask('/events')).body!.getReader())).toBe('data: new\n\n')
  expect(house.logs.filter(({ level }) => level === 'warn')).toEqual([])
})

test('a client that reads no more is let go of, and the service is not blamed', async () => {
  await behind(() => new Response(new Uint8Array(30_000_000)), { silenceMs: 300 })
  const reader = (await ask('/')).body!.getReader()
  await reader.read()
  await until('it to be let go of', () => inFlight() === 0)
  expect(house.logs.filter(({ level }) => level === 'warn')).toEqual([])
  await reader.cancel().catch(() => {})
})

test('both bodies may flow at once', async () => {
  await behind((request) => new Response(request.body))
  const sending = Promise.withResolvers<ReadableStreamDefaultController<Uint8Array>>()
  const body = new ReadableStream<Uint8Array>({ start: (controller) => sending.resolve(controller) })
  const send = await sending.promise
  send.enqueue(new TextEncoder().encode('0'))
  const reader = (await ask('/echo', { method: 'POST', body })).body!.getReader()
  for (let count = 0; count < 5; count++) {
    expect(new TextDecoder().decode((await reader.read()).value)).toBe(String(count))
    send.enqueue(new TextEncoder().encode(String(count + 1)))
  }
  send.close()
})

test('an upload that takes longer than an answer may is no silence', async () => {
  await behind(async (request) => new Response(String((await request.bytes()).length)), {
    firstByteMs: 150,
    silenceMs: 1_000,
  })
  let left = 5
  const body = new ReadableStream({
    async pull(controller) {
      await Bun.sleep(100)
      if (left-- > 0) controller.enqueue(new Uint8Array(1_000))
      else controller.close()
    },
  })
  expect(await (await ask('/', { method: 'POST', body })).text()).toBe('5000')
})

test('an upload that stalls is cut when nothing was heard for so long', async () => {
  await behind(() => new Promise(() => {}), { firstByteMs: 100, silenceMs: 200 })
  const body = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(1_000)) })
  expect((await ask('/', { method: 'POST', body })).status).toBe(504)
  expect(inFlight()).toBe(0)
})

describe('an answer that streams', () => {
  const size = 48 * 1024 * 1024

  async function digestOf(
    body: ReadableStream<Uint8Array>,
    eachTurn = () => Promise.resolve(),
  ): Promise<string> {
    const hash = new Bun.CryptoHasher('md5')
    for await (const piece of body) {
      await eachTurn()
      hash.update(piece)
    }
    return hash.digest('hex')
  }

  test('is whole for a client that takes its time', async () => {
    await behind(() => new Response(pieces(size)))
    const slowly = () => Bun.sleep(2)
    expect(await digestOf((await ask('/')).body!, slowly)).toBe(await digestOf(pieces(size)))
  })

  test('is whole for its adapter and for the client, where the adapter keeps a copy or makes another of it', async () => {
    const load = `
      const router = ctx.router()
      const pass = ctx.proxy()
      const digest = async (body) => {
        const hash = new Bun.CryptoHasher('md5')
        for await (const piece of body) { await Bun.sleep(1); hash.update(piece) }
        return hash.digest('hex')
      }
      let kept = Promise.resolve('')
      router.get('/copied', async (c) => {
        const response = await pass(c)
        kept = digest(response.clone().body)
        return response
      })
      router.get('/same', async (c) => {
        const { body } = await pass(c)
        const reader = body.getReader()
        const pieces = []
        for (let next = await reader.read(); !next.done; next = await reader.read()) pieces.push(next.value)
        kept = digest(pieces)
        return new Response(new ReadableStream({
          pull: (controller) => pieces.length > 0 ? controller.enqueue(pieces.shift()) : controller.close(),
        }))
      })
      router.get('/kept', async (c) => c.text(await kept))
      return router`
    await behind(() => new Response(pieces(size)), {}, load)
    const expected = await digestOf(pieces(size))
    for (const path of ['/copied', '/same']) {
      expect([path, await digestOf((await ask(path)).body!)]).toEqual([path, expected])
    }
    await digestOf((await ask('/copied')).body!)
    expect(await (await ask('/kept')).text()).toBe(expected)
  }, 30_000)
})

function pieces(size: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  const piece = new Uint8Array(256 * 1024)
  let sent = 0
  return new ReadableStream({
    pull(controller) {
      if (sent >= size) return controller.close()
      piece.fill(sent / piece.length)
      controller.enqueue(piece.slice())
      sent += piece.length
    },
  })
}

test('a stranger who sends without end is told so, and not listened to', async () => {
  await behind(() => new Response('never'))
  const { port } = new URL(house.url)
  const { promise: closed, resolve } = Promise.withResolvers<string>()
  let answer = ''
  const socket = connect(Number(port), '127.0.0.1', () => {
    socket.write(
      'POST /api/plugins/svc/up HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n',
    )
  })
  socket.on('data', (chunk) => (answer += chunk.toString('latin1')))
  socket.on('error', () => {})
  socket.on('close', () => resolve(answer))
  expect(statusOf(await closed)).toBe(401)
})

describe('a body that is too large', () => {
  /** Sends so many MB, or as many as are taken. */
  async function send(path: string, mb: number, chunked: boolean): Promise<{ answer: string; sent: number }> {
    const { promise, resolve } = Promise.withResolvers<void>()
    let answer = ''
    let sent = 0
    const piece = Buffer.alloc(64 * 1024, '{')
    const total = mb * 1024 * 1024
    const { port } = new URL(house.url)
    const length = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${total}`
    const socket = connect(Number(port), '127.0.0.1', () => {
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${house.token}\r\nContent-Type: application/json\r\n${length}\r\n\r\n`,
      )
      go()
    })
    const go = () => {
      while (sent < total) {
        if (socket.destroyed) return
        sent += piece.length
        const taken = socket.write(
          chunked ? Buffer.concat([Buffer.from('10000\r\n'), piece, Buffer.from('\r\n')]) : piece,
        )
        if (!taken) return void socket.once('drain', go)
      }
      if (chunked) socket.write('0\r\n\r\n')
    }
    socket.on('error', () => {})
    socket.on('close', () => resolve())
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
      if (answer.includes('\r\n\r\n')) setTimeout(() => socket.destroy(), 50)
    })
    await promise
    return { answer, sent }
  }

  test.each([false, true])(
    'is refused by every route but one that passes it on (chunked: %p)',
    async (chunked) => {
      await behind(async (request) => {
        let bytes = 0
        for await (const chunk of request.body!) bytes += chunk.length
        return new Response(String(bytes))
      })
      await house.save(
        'lamp/index.ts',
        pluginOf(`
        const router = ctx.router()
        router.post('/reads', async (c) => c.json({ length: (await c.req.text()).length }))
        router.openapi(createRoute({
          method: 'post', path: '/checked',
          request: { body: { content: { 'application/json': { schema: z.object({}) } } } },
          responses: { 200: { description: 'Text.', content: { 'text/plain': { schema: z.string() } } } },
        }), (c) => c.text('ok'))
        return router`),
      )
      for (const path of ['/api/plugins/lamp/reads', '/api/plugins/lamp/checked', '/api/core/events']) {
        // Who only sends may meet the end of the connection before the answer.
        const answer = await until('an answer', async () => (await send(path, 70, chunked)).answer || null)
        expect([path, statusOf(answer)]).toEqual([path, 413])
        expect(answer).toContain('"payload_too_large"')
        expect(answer).toContain('application/problem+json')
      }
      const { answer } = await send('/api/plugins/svc/up', 70, chunked)
      expect([statusOf(answer), answer.endsWith(String(70 * 1024 * 1024))]).toEqual([200, true])
    },
    30_000,
  )
})

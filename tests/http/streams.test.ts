// Answers that are still to be read: whole, cut, left and swapped; and those that are there at once.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { TestHouse } from '@home-console/sdk/testing'
import { gzipSync } from 'bun'
import { writeFileSync } from 'node:fs'
import { EventReader } from '../api/sse.ts'
import { until } from '../until.ts'
import { houseOf, pluginOf, raw } from './kit.ts'

const plugin = (name: string) => `
  const router = ctx.router({ security: [] })
  const told = []
  const encode = (text) => new TextEncoder().encode(text)
  router.get('/told', (c) => c.json(told))
  router.get('/count/:n', (c) => {
    let sent = 0
    return new Response(new ReadableStream({
      pull(controller) {
        if (sent === Number(c.req.param('n'))) return controller.close()
        controller.enqueue(encode(sent++ + ' '))
      },
    }))
  })
  router.get('/slow', (c) => new Response(new ReadableStream({
    async pull(controller) { await Bun.sleep(5); controller.enqueue(encode('${name} ')) },
    cancel() { told.push('cancelled') },
  })))
  router.get('/finite', (c) => {
    let left = 20
    return new Response(new ReadableStream({
      async pull(controller) { await Bun.sleep(5); if (left-- > 0) controller.enqueue(encode('${name} ')); else controller.close() },
    }))
  })
  router.get('/generator', () => new Response((async function* () {
    try { for (let n = 0; n < 5; n++) { yield encode(n + ' '); await Bun.sleep(1) } } finally { told.push('generator done') }
  })()))
  router.get('/endless-generator', () => new Response((async function* () {
    try { for (;;) { yield encode('x'); await Bun.sleep(1) } } finally { told.push('generator left') }
  })()))
  router.get('/breaks', () => new Response(new ReadableStream({
    async start(controller) { controller.enqueue(encode('begin')); await Bun.sleep(5); controller.error(new Error('in the middle')) },
  })))
  router.get('/throws-in-pull', () => new Response(new ReadableStream({ pull() { throw new Error('in pull') } })))
  router.get('/sse', (c) => streamSSE(c, async (sse) => {
    sse.onAbort(() => { told.push('sse aborted') })
    for (let n = 0; !sse.aborted; n++) { await sse.writeSSE({ id: String(n), data: JSON.stringify({ type: '${name}' }) }); await sse.sleep(5) }
  }))
  router.get('/hono', (c) => stream(c, async (out) => { for (let n = 0; n < 3; n++) await out.write(n + ' ') }))
  router.get('/big', (c) => new Response(new Uint8Array(20_000_000).fill(7)))
  router.get('/big-stream', (c) => {
    let left = 200
    return new Response(new ReadableStream({ pull(controller) { if (left-- > 0) controller.enqueue(new Uint8Array(100_000).fill(7)); else controller.close() } }))
  })
  router.get('/file', (c) => new Response(Bun.file(ctx.dir + '/page.html')))
  router.get('/no-file', (c) => new Response(Bun.file(ctx.dir + '/nowhere.html')))
  router.get('/empty/:status', (c) => new Response(null, { status: Number(c.req.param('status')), headers: { 'X-Kept': 'yes' } }))
  router.get('/redirect', (c) => c.redirect('/api/plugins/lamp/count/1', 302))
  router.get('/redirect-static', (c) => Response.redirect('https://example.org/', 303))
  router.get('/json-static', (c) => Response.json({ a: 1 }, { status: 201, headers: { 'X-Kept': 'yes' } }))
  router.get('/cookies', (c) => { const r = new Response(new ReadableStream({ start(k) { k.enqueue(encode('x')); k.close() } })); r.headers.append('Set-Cookie', 'a=1'); r.headers.append('Set-Cookie', 'b=2'); return r })
  router.get('/cookies-whole', (c) => { c.header('Set-Cookie', 'a=1', { append: true }); c.header('Set-Cookie', 'b=2', { append: true }); return c.text('x') })
  router.get('/proxy', (c) => fetch(c.req.query('url'), { redirect: 'manual' }))
  router.get('/proxy-raw', async (c) => { const got = await fetch(c.req.query('url'), { decompress: false }); return new Response(got.body, got) })
  router.get('/clone', async () => { const one = new Response('cloned'); return one.clone() })
  router.post('/echo', (c) => new Response(c.req.raw.body, { headers: { 'Content-Type': 'application/octet-stream' } }))
  router.get('/head-stream', () => new Response(new ReadableStream({ pull(k) { k.enqueue(encode('x')) }, cancel() { told.push('head cancelled') } }), { headers: { 'X-Kept': 'yes' } }))
  return router`

let house: TestHouse
beforeEach(async () => {
  house = await houseOf({ lamp: plugin('old') })
  writeFileSync(house.path('lamp/page.html'), '<p>file</p>')
})
afterEach(() => house.stop())

const lamp = (path: string, init?: RequestInit) => house.request(`/api/plugins/lamp${path}`, init)
const text = async (path: string) => (await lamp(path)).text()
const told = async () => (await (await lamp('/told')).json()) as string[]
const holds = () => house.runtime.loader.view('lamp')!.holds

describe('a body that is still to be read', () => {
  test('arrives whole and in order, from a stream, a generator or a helper of Hono', async () => {
    const counted = (n: number) => Array.from({ length: n }, (_, index) => `${index} `).join('')
    expect(await text('/count/1000')).toBe(counted(1_000))
    expect(await text('/count/0')).toBe('')
    expect(await text('/generator')).toBe(counted(5))
    expect(await text('/hono')).toBe(counted(3))
    expect(await told()).toEqual(['generator done'])
    expect(await text('/clone')).toBe('cloned')
  })

  test('may be large, either way', async () => {
    for (const path of ['/big', '/big-stream']) {
      const bytes = await (await lamp(path)).bytes()
      expect([path, bytes.length, bytes.every((byte) => byte === 7)]).toEqual([path, 20_000_000, true])
    }
    const sent = crypto.getRandomValues(new Uint8Array(65_536))
    const body = new Uint8Array(10 * 1024 * 1024)
    for (let at = 0; at < body.length; at += sent.length) body.set(sent, at)
    const back = await (await lamp('/echo', { method: 'POST', body })).bytes()
    expect(Bun.hash(back)).toBe(Bun.hash(body))
  })

  test('tells its plugin that the client has left', async () => {
    for (const [path, word] of [
      ['/slow', 'cancelled'],
      ['/endless-generator', 'generator left'],
      ['/sse', 'sse aborted'],
    ] as const) {
      const controller = new AbortController()
      const response = await lamp(path, { signal: controller.signal })
      await response.body!.getReader().read()
      expect(holds()).toContainEqual({ kind: 'stream', label: `GET /api/plugins/lamp${path}` })
      controller.abort()
      await until(word, async () => (await told()).includes(word))
    }
    await until('nothing to be held', () => holds().length === 0)
    expect(house.runtime.loader.faults.get('lamp') ?? 0).toBe(0)
  })

  test('that breaks in the middle is broken at the client too, and charged', async () => {
    for (const [path, count] of [
      ['/breaks', 1],
      ['/throws-in-pull', 2],
    ] as const) {
      expect(
        await text(path).then(
          () => 'whole',
          () => 'broken',
        ),
      ).toBe('broken')
      await until('the fault', () => house.runtime.loader.faults.get('lamp') === count)
    }
    expect(holds()).toEqual([])
  })

  test('finishes on the old code while the new code serves', async () => {
    const finite = text('/finite')
    await until('the stream', () => holds().length === 1)
    await house.save('lamp/index.ts', pluginOf(plugin('new')))
    expect(await text('/count/2')).toBe('0 1 ')
    expect(await finite).toBe('old '.repeat(20))
    expect(await text('/finite')).toBe('new '.repeat(20))
  })

  test('of an event stream ends in good order at a swap, and who comes back meets the new code', async () => {
    await using stream = await EventReader.open((signal) => lamp('/sse', { signal }))
    await until('events', () => stream.frames.length > 2)
    await house.save('lamp/index.ts', pluginOf(plugin('new')))
    await until('the end', () => stream.ended)
    expect(new Set(stream.types)).toEqual(new Set(['old']))
    await using again = await EventReader.open((signal) => lamp('/sse', { signal }))
    await until('an event', () => again.frames.length > 0)
    expect(again.types[0]).toBe('new')
    const { leaks } = house.runtime.loader.view('lamp')!.lastReload!
    expect(leaks).toEqual([])
  })

  test('is begun by no HEAD, whose head is that of the GET', async () => {
    const response = await lamp('/head-stream', { method: 'HEAD' })
    expect([response.status, response.headers.get('X-Kept'), await response.text()]).toEqual([200, 'yes', ''])
    await until('the stream to be told', async () => (await told()).includes('head cancelled'))
    expect(holds()).toEqual([])
  })
})

describe('an answer that is there at once', () => {
  test('of a file comes with its type and length, and with none for HEAD', async () => {
    const response = await lamp('/file')
    expect([response.headers.get('Content-Type'), await response.text()]).toEqual([
      expect.stringContaining('text/html'),
      '<p>file</p>',
    ])
    const head = await lamp('/file', { method: 'HEAD' })
    expect([head.headers.get('Content-Length'), await head.text()]).toEqual(['11', ''])
  })

  test('of a file that is not there is an error, and the house lives on', async () => {
    expect((await lamp('/no-file')).status).toBeGreaterThanOrEqual(400)
    expect(await text('/count/1')).toBe('0 ')
  })

  test.each([204, 205, 304])('of status %d has no body and keeps its headers', async (status) => {
    const answer = await raw(
      house.url,
      `GET /api/plugins/lamp/empty/${status} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    )
    expect(answer).toStartWith(`HTTP/1.1 ${status} `)
    expect(answer.toLowerCase()).toContain('x-kept: yes')
    expect(answer.split('\r\n\r\n')[1]).toBe('')
  })

  test('may redirect, or be made by the static methods of Response', async () => {
    const redirect = await lamp('/redirect', { redirect: 'manual' })
    expect([redirect.status, redirect.headers.get('Location')]).toEqual([302, '/api/plugins/lamp/count/1'])
    const other = await lamp('/redirect-static', { redirect: 'manual' })
    expect([other.status, other.headers.get('Location')]).toEqual([303, 'https://example.org/'])
    const json = await lamp('/json-static')
    expect([json.status, json.headers.get('X-Kept'), await json.json()]).toEqual([201, 'yes', { a: 1 }])
    expect(json.headers.get('Content-Length')).toBe('7')
  })

  test('keeps each of its cookies', async () => {
    for (const path of ['/cookies', '/cookies-whole']) {
      expect((await lamp(path)).headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    }
  })
})

describe('an answer of another server that is handed on as it is', () => {
  const upstream = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request) {
      const { pathname } = new URL(request.url)
      if (pathname === '/gzip') {
        return new Response(gzipSync('hello '.repeat(1_000)), {
          headers: { 'Content-Encoding': 'gzip', 'Content-Type': 'text/plain', 'X-Kept': 'yes' },
        })
      }
      if (pathname === '/status')
        return new Response('teapot', { status: 418, headers: { Connection: 'close', 'Keep-Alive': 'x' } })
      if (pathname === '/none') return new Response(null, { status: 204 })
      if (pathname === '/moved') return Response.redirect('/elsewhere', 302)
      return new Response('plain')
    },
  })
  const via = (path: string, how = '/proxy') =>
    lamp(`${how}?url=${encodeURIComponent(upstream.url.origin + path)}`, { redirect: 'manual' })

  test('is whole, decoded by fetch or as it came', async () => {
    for (const how of ['/proxy', '/proxy-raw']) {
      const response = await via('/gzip', how)
      expect([how, await response.text()]).toEqual([how, 'hello '.repeat(1_000)])
      expect(response.headers.get('X-Kept')).toBe('yes')
    }
  })

  test('keeps its status, its redirect and its emptiness', async () => {
    const teapot = await via('/status')
    expect([teapot.status, await teapot.text()]).toEqual([418, 'teapot'])
    expect((await via('/none')).status).toBe(204)
    const moved = await via('/moved')
    expect([moved.status, moved.headers.get('Location')]).toEqual([302, '/elsewhere'])
  })

  test('whose server is gone is a mistake of the plugin, and no secret of it is told', async () => {
    const response = await lamp(`/proxy?url=${encodeURIComponent('http://127.0.0.1:1/secret')}`)
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('secret')
  })
})

// One service that hangs beside one that is well: nobody starves, the sick one is left alone, and tried again by one.

import { afterEach, describe, expect, test } from 'bun:test'
import { heapStats } from 'bun:jsc'
import { connect } from 'node:net'
import type { TestHouse } from '@home-console/sdk/testing'
import { raw, statusOf } from '../http/kit.ts'
import { until } from '../until.ts'
import { adapter, houseBefore, warnings, WildService } from './kit.ts'

let house: TestHouse
const services: AsyncDisposable[] = []
afterEach(async () => {
  await house.stop()
  for (const service of services.splice(0)) await service[Symbol.asyncDispose]()
})

async function wild(...options: Parameters<typeof WildService.start>): Promise<WildService> {
  const service = await WildService.start(...options)
  services.push(service)
  return service
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const ask = (service: string, init?: RequestInit) => house.request(`/api/plugins/${service}/x`, init)
const stateOf = (name: string) => house.runtime.proxy.stateOf(house.runtime.external.find(name)!)

describe('three hundred calls that hang', () => {
  test('are no more than their service may have, and another answers as ever', async () => {
    const sick = await wild(() => {})
    const well = await wild((socket) => socket.write(OK))
    house = await houseBefore({
      sick: { url: sick.url, limits: { concurrency: 40 } },
      well: { url: well.url },
    })
    const leaving = new AbortController()
    const statuses: number[] = []
    const hung = Array.from({ length: 300 }, () =>
      ask('sick', { signal: leaving.signal }).then(
        ({ status }) => void statuses.push(status),
        () => {},
      ),
    )
    await until('those that are too many to be told', () => statuses.length === 260)
    expect(new Set(statuses)).toEqual(new Set([503]))
    await until('the others to hang', () => sick.open === 40)
    expect(stateOf('sick').inFlight).toBe(40)
    for (let count = 0; count < 50; count++) expect((await ask('well')).status).toBe(200)
    expect(warnings(house)).toEqual(['The external service "sick" has 40 calls under way and gets no more.'])
    leaving.abort()
    await Promise.all(hung)
    await until('all to be called off', () => sick.open === 0 && stateOf('sick').inFlight === 0)
    expect((await ask('well')).status).toBe(200)
  }, 20_000)

  test('at each of several services leave room for one that is well', async () => {
    const names = ['one', 'two', 'three', 'four']
    const sick = await wild(() => {})
    const well = await wild((socket) => socket.write(OK))
    house = await houseBefore({
      ...Object.fromEntries(names.map((name) => [name, { url: sick.url, limits: { concurrency: 100 } }])),
      well: { url: well.url },
    })
    // On bare sockets: the fetch of this process is that of the Core.
    let told = 0
    const { port } = new URL(house.url)
    const hung = names.flatMap((name) =>
      Array.from({ length: 100 }, () => {
        const socket = connect(Number(port), '127.0.0.1')
        socket.once('data', () => told++).on('error', () => {})
        socket.write(
          `GET /api/plugins/${name}/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${house.token}\r\n\r\n`,
        )
        return socket
      }),
    )
    // 100 and 60, and the share of each that came later.
    await until('those that are too many to be told', () => told >= 200, 10_000)
    expect((await ask('well')).status).toBe(200)
    for (const socket of hung) socket.destroy()
    await until('all to be called off', () => names.every((name) => stateOf(name).inFlight === 0))
  }, 20_000)
})

test('large bodies that stall take half of what a service may have, and leave the rest to those who ask', async () => {
  // It answers what has a head alone.
  const service = await wild((socket, head) => void (head.startsWith('GET') && socket.write(OK)))
  house = await houseBefore({ svc: { url: service.url, limits: { concurrency: 10 } } })
  const { port } = new URL(house.url)
  const answers: string[] = []
  const stalled = Array.from({ length: 8 }, () => {
    const socket = connect(Number(port), '127.0.0.1')
    socket.on('data', (bytes) => answers.push(bytes.toString())).on('error', () => {})
    socket.write(
      `POST /api/plugins/svc/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${house.token}\r\nContent-Length: 1000000\r\n\r\nbegun`,
    )
    return socket
  })
  await until('those that are too many to be told', () => answers.length === 3)
  for (const answer of answers) expect(answer).toStartWith('HTTP/1.1 503 ')
  expect(answers[0]).toContain('has as many large uploads under way as it may have')
  expect(stateOf('svc').inFlight).toBe(5)
  const asked = await Promise.all(Array.from({ length: 5 }, () => ask('svc')))
  expect(asked.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
  expect(warnings(house)).toEqual([
    'The external service "svc" has 5 large uploads under way and gets no more.',
  ])
  for (const socket of stalled) socket.destroy()
  await until('all to be called off', () => stateOf('svc').inFlight === 0)
})

describe('a service that fails again and again', () => {
  test('is left alone, tried by one call after a while, and well again when that is answered', async () => {
    let sick = true
    const service = await wild((socket) => (sick ? socket.resetAndDestroy() : socket.write(OK)))
    house = await houseBefore({ svc: { url: service.url } })
    const post = () => ask('svc', { method: 'POST', body: 'x' })
    for (let count = 0; count < 5; count++) expect((await post()).status).toBe(502)
    expect(stateOf('svc').breaker).toBe('open')
    expect(warnings(house).at(-1)).toContain('left alone for a while')
    const asked = service.heads.length
    const refused = await post()
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([
      503,
      'external_unavailable',
    ])
    expect(service.heads.length).toBe(asked)

    // The one that tries fails: another pause, twice as long.
    const failed = await until('a try', async () => {
      const { status } = await post()
      return status === 502
    })
    expect(failed).toBe(true)
    expect([service.heads.length, stateOf('svc').breaker]).toEqual([asked + 1, 'open'])

    sick = false
    const opened = Date.now()
    await until('it to answer', async () => (await post()).status === 200)
    expect(Date.now() - opened).toBeGreaterThan(1_000)
    expect(stateOf('svc').breaker).toBe('closed')
    expect(house.logs.some(({ message }) => message === 'The external service "svc" answers again.')).toBe(
      true,
    )
    expect((await post()).status).toBe(200)
  }, 15_000)

  test('is tried by one call at a time', async () => {
    let answer: (() => void) | undefined
    let sick = true
    const service = await wild((socket) => {
      if (sick) socket.resetAndDestroy()
      else answer = () => socket.write(OK)
    })
    house = await houseBefore({ svc: { url: service.url } })
    const post = () => ask('svc', { method: 'POST', body: 'x' })
    for (let count = 0; count < 5; count++) await post()
    sick = false
    const asked = service.heads.length
    let tried: Promise<Response> | undefined
    await until('one to try', async () => {
      tried = post()
      // Whoever is not let through is told so at once.
      return Promise.race([tried.then(() => false), until('a try', () => answer !== undefined)])
    })
    const others = await Promise.all(Array.from({ length: 10 }, () => post()))
    expect(new Set(others.map(({ status }) => status))).toEqual(new Set([503]))
    expect(service.heads.length).toBe(asked + 1)
    answer!()
    expect((await tried!).status).toBe(200)
  }, 15_000)

  test('is well again when it answers the one that tries, be it with a refusal', async () => {
    let sick = true
    const service = await wild((socket) =>
      sick
        ? socket.resetAndDestroy()
        : socket.write('HTTP/1.1 302 Found\r\nLocation: javascript:0\r\nContent-Length: 0\r\n\r\n'),
    )
    house = await houseBefore({ svc: { url: service.url } })
    const post = () => ask('svc', { method: 'POST', body: 'x', redirect: 'manual' })
    for (let count = 0; count < 5; count++) await post()
    expect(stateOf('svc').breaker).toBe('open')
    sick = false
    await until('it to refuse', async () => (await post()).status === 502)
    expect(stateOf('svc').breaker).toBe('closed')
  }, 15_000)

  test('is not taken for sick because it refuses what a client asks, be it a WebSocket', async () => {
    const service = await wild((socket, head) =>
      head.includes('pgrade')
        ? socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
        : socket.write('HTTP/1.1 302 Found\r\nLocation: javascript:0\r\nContent-Length: 0\r\n\r\n'),
    )
    house = await houseBefore({ svc: { url: service.url } })
    for (let count = 0; count < 7; count++) {
      expect((await ask('svc', { redirect: 'manual' })).status).toBe(502)
      const answer = await raw(
        house.url,
        `GET /api/plugins/svc/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${house.token}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      )
      expect(statusOf(answer)).toBe(502)
    }
    expect(stateOf('svc')).toEqual({ inFlight: 0, breaker: 'closed' })
  }, 15_000)

  test('is not taken for sick by clients that leave, nor by what it answers', async () => {
    const service = await wild((socket, head) =>
      head.startsWith('GET /fails')
        ? socket.end('HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
        : undefined,
    )
    house = await houseBefore({ svc: { url: service.url } })
    for (let count = 0; count < 8; count++) {
      const leaving = new AbortController()
      const asked = ask('svc', { signal: leaving.signal }).catch(() => {})
      await until('it to be asked', () => service.open > 0)
      leaving.abort()
      await asked
      await until('it to be called off', () => service.open === 0)
      expect((await house.request('/api/plugins/svc/fails')).status).toBe(500)
    }
    expect(stateOf('svc').breaker).toBe('closed')
    expect(warnings(house)).toEqual([])
  }, 15_000)
})

describe('a service that waits for an upload', () => {
  const UP = (more: string) =>
    `POST /api/plugins/svc/up HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${house.token}\r\n${more}`

  test.each([
    ['breaks off', 'Content-Length: 1000\r\n\r\nhello'],
    ['breaks off, large', 'Content-Length: 5000000\r\n\r\nhello'],
    ['breaks off between two chunks', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
    ['has chunks that are none', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n'],
  ])('is not taken for sick when that %s', async (_, upload) => {
    const service = await wild(() => {})
    house = await houseBefore({ svc: { url: service.url } })
    for (let count = 0; count < 6; count++) {
      await new Promise<void>((resolve) => {
        const socket = connect(Number(new URL(house.url).port), '127.0.0.1')
        socket.on('error', () => {})
        socket.on('close', () => resolve())
        socket.write(UP(upload), () => setTimeout(() => socket.resetAndDestroy(), 20))
      })
    }
    await until('no call to be under way', () => stateOf('svc').inFlight === 0)
    expect(stateOf('svc').breaker).toBe('closed')
    expect(house.logs.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([])
  })

  test('waits in vain for none that comes slowly: it is asked when a short one is all here', async () => {
    const service = await wild((socket) => void socket.write(OK))
    house = await houseBefore({ svc: { url: service.url, limits: { firstByteMs: 150 } } })
    const socket = connect(Number(new URL(house.url).port), '127.0.0.1')
    let answer = ''
    socket.on('data', (chunk) => (answer += chunk.toString()))
    for (const piece of [UP('Content-Length: 10\r\n\r\n'), 'hello', 'world']) {
      socket.write(piece)
      await Bun.sleep(200)
      expect(stateOf('svc').inFlight).toBe(0)
    }
    await until('an answer', () => answer.includes('200 OK'))
    socket.destroy()
    expect(warnings(house)).toEqual([])
  })
})

describe('a swap of the adapter', () => {
  test('lets what is under way finish on the old one', async () => {
    let answer: (() => void) | undefined
    const service = await wild((socket) => (answer = () => socket.write(OK)))
    house = await houseBefore({ svc: { url: service.url } })
    const asked = ask('svc')
    await until('it to be asked', () => answer !== undefined)
    const saved = house.save(
      'svc/index.ts',
      adapter('svc', `const r = ctx.router(); r.get('/new', (c) => c.text('new')); return r`),
    )
    await until('the new one to serve', () => house.runtime.loader.view('svc')!.generation === 2)
    answer!()
    expect([(await asked).status, await (await asked).text()]).toEqual([200, 'ok'])
    await saved
    await until(
      'the reload to be decided',
      () => house.runtime.loader.view('svc')!.lastReload?.outcome === 'committed',
    )
    expect(house.runtime.loader.view('svc')!.lastReload!.leaks).toEqual([])
  }, 15_000)

  test('calls off what will not finish, at the service too', async () => {
    const service = await wild(() => {})
    house = await houseBefore({ svc: { url: service.url, limits: { firstByteMs: 60_000 } } })
    const asked = ask('svc')
    await until('it to be asked', () => service.open === 1)
    await house.save('svc/index.ts', adapter('svc', `/* again */ return ctx.router()`))
    expect((await asked).status).toBe(503)
    await until('it to be called off', () => service.open === 0)
    expect(stateOf('svc').inFlight).toBe(0)
  }, 25_000)
})

describe('ctx.external', () => {
  const CALLS = `
    const router = ctx.router()
    router.get('/state', (c) => c.json({ name: ctx.external.name, mode: ctx.external.mode, state: ctx.external.state }))
    router.get('/get', async (c) => c.json(await (await ctx.external.fetch('/data', { headers: { 'X-Mine': 'yes' } })).json()))
    router.get('/bad', async (c) => { await ctx.external.fetch('https://elsewhere.example/'); return c.text('?') })
    router.get('/down', async (c) => {
      try { await ctx.external.fetch('/reset', { method: 'POST' }); return c.text('?') }
      catch (error) { return c.text(error.status + ' ' + error.code) }
    })
    router.get('/through', async (c) => c.json({ length: (await (await ctx.external.fetch('/long')).text()).length }))
    return router`

  test('calls the service with its credential, and throws the same problems', async () => {
    const service = await wild((socket, head) => {
      if (head.startsWith('POST /reset')) return socket.resetAndDestroy()
      const body = head.startsWith('GET /long') ? 'x'.repeat(1_000_000) : JSON.stringify({ head })
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
      return undefined
    })
    house = await houseBefore({ svc: { url: service.url, load: CALLS } })
    const get = async (path: string) => house.request(`/api/plugins/svc${path}`)
    expect(await (await get('/state')).json()).toEqual({ name: 'svc', mode: 'microservice', state: 'up' })
    const { head } = (await (await get('/get')).json()) as { head: string }
    expect(head).toMatch(/^GET \/data HTTP/)
    expect(head).toMatch(/Authorization: Bearer a-credential-of-this-test/i)
    expect(head).toMatch(/X-Mine: yes/i)
    expect(await (await get('/down')).text()).toBe('502 external_unreachable')
    // Not the client's: the adapter asked wrongly.
    expect((await get('/bad')).status).toBe(500)
    expect(house.logs).toContainEqual(
      expect.objectContaining({
        level: 'error',
        message: expect.stringContaining('takes a path that begins with a slash'),
      }),
    )
    expect(await (await get('/through')).json()).toEqual({ length: 1_000_000 })
    expect(stateOf('svc').inFlight).toBe(0)
  })

  test('with a signal that outlives its calls keeps none of them', async () => {
    const service = await wild((socket) => void socket.write(OK))
    const load = `
      const router = ctx.router()
      router.get('/often', async (c) => {
        for (let count = 0; count < 200; count++) await (await ctx.external.fetch('/x', { signal: ctx.signal })).text()
        return c.text('done')
      })
      return router`
    house = await houseBefore({ svc: { url: service.url, load } })
    const controllers = () => {
      Bun.gc(true)
      return heapStats().objectTypeCounts['AbortController'] ?? 0
    }
    const before = controllers()
    expect(await (await house.request('/api/plugins/svc/often')).text()).toBe('done')
    await until('its calls to be forgotten', () => controllers() - before < 50)
  })

  test('is refused to a plugin that stands for no service', async () => {
    const well = await wild((socket) => socket.write(OK))
    house = await houseBefore({ svc: { url: well.url } })
    const refused = await house
      .save('lamp/index.ts', `export default { onLoad(ctx) { ctx.proxy() } }`)
      .then((reload) => JSON.stringify(reload), String)
    expect(refused).toContain('ctx.proxy() needs an external service')
  })
})

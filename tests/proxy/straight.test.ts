// A route that only passes requests on is answered without the plugin's code; whatever the plugin puts around it is not
// passed by.

import { afterEach, expect, test } from 'bun:test'
import type { TestHouse } from '@home-console/sdk/testing'
import { until } from '../until.ts'
import { houseBefore } from './kit.ts'

let house: TestHouse
let service: Bun.Server<undefined> | undefined
afterEach(async () => {
  await house?.stop()
  await service?.stop(true)
})

async function behind(load: string, answer: (request: Request) => Response | Promise<Response>) {
  service = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request) => (request.url.endsWith('/health') ? new Response('ok') : answer(request)),
  })
  house = await houseBefore({ echo: { url: service.url.origin, load } })
}

const echo = ({ url, method }: Request) =>
  new Response(`${method} ${new URL(url).pathname}${new URL(url).search}`, { headers: { 'X-By': 'service' } })
const get = async (path: string, init?: RequestInit) => {
  const response = await house.request(`/api/plugins/echo${path}`, init)
  return [response.status, await response.text()]
}

test('what the plugin puts before it runs, and may change the answer', async () => {
  await behind(
    `const router = ctx.router()
     router.use('*', async (c, next) => { await next(); c.res.headers.set('X-Seen', 'by the plugin') })
     router.use('/closed/*', (c) => c.text('closed today', 409))
     router.all('/*', ctx.proxy())
     return router`,
    echo,
  )
  const response = await house.request('/api/plugins/echo/a?b=c')
  expect([response.headers.get('X-Seen'), response.headers.get('X-By')]).toEqual(['by the plugin', 'service'])
  expect(await response.text()).toBe('GET /a?b=c')
  expect(await get('/closed/a')).toEqual([409, 'closed today'])
})

test('a handler around it is the one that answers', async () => {
  await behind(
    `const router = ctx.router()
     const pass = ctx.proxy()
     router.get('/mine/*', async (c) => c.text('mine: ' + await (await pass(c)).text()))
     router.all('/*', pass)
     return router`,
    echo,
  )
  expect(await get('/mine/a')).toEqual([200, 'mine: GET /mine/a'])
  expect(await get('/a')).toEqual([200, 'GET /a'])
})

test("the router's own onError hears what comes of it", async () => {
  await behind(
    `const router = ctx.router()
     router.onError((error, c) => c.text('sorry: ' + error.code, 418))
     router.all('/*', ctx.proxy({ firstByteMs: 50 }))
     return router`,
    () => new Promise(() => {}),
  )
  expect(await get('/a')).toEqual([418, 'sorry: external_timeout'])
})

test('each route has its own base and rights, whichever is asked', async () => {
  await behind(
    `const router = ctx.router()
     router.all('/v1/*', ctx.proxy({ base: '/api' }))
     const open = ctx.router({ security: [] })
     open.get('/*', ctx.proxy())
     router.route('/open', open)
     return router`,
    echo,
  )
  const stranger = { headers: { Authorization: '' } }
  expect(await get('/v1/x?y')).toEqual([200, 'GET /api/v1/x?y'])
  expect((await get('/v1/x', stranger))[0]).toBe(401)
  expect(await get('/open/x', stranger)).toEqual([200, 'GET /open/x'])
})

test('HEAD is passed on as such, and an answer that streams is carried to its end', async () => {
  let heads = 0
  await behind(
    `const router = ctx.router(); router.all('/*', ctx.proxy()); return router`,
    ({ method, url }) => {
      if (method === 'HEAD') heads++
      if (!url.endsWith('/stream')) return echo({ method, url } as Request)
      let left = 50
      return new Response(
        new ReadableStream({
          async pull(controller) {
            await Bun.sleep(1)
            if (left-- === 0) return controller.close()
            controller.enqueue(new Uint8Array(10_000))
          },
        }),
      )
    },
  )
  const response = await house.request('/api/plugins/echo/a', { method: 'HEAD' })
  expect([response.status, response.headers.get('X-By'), heads]).toEqual([200, 'service', 1])
  const streamed = await house.request('/api/plugins/echo/stream')
  expect((await streamed.bytes()).length).toBe(500_000)
})

test('a version that is ended by force leaves nobody waiting', async () => {
  const answered = Promise.withResolvers<Response>()
  await behind(
    `const router = ctx.router(); router.all('/*', ctx.proxy()); return router`,
    () => answered.promise,
  )
  const asked = get('/hang')
  const { loader, proxy, external } = house.runtime
  await until('it to be asked', () => proxy.stateOf(external.find('echo')!).inFlight === 1)
  loader.find('echo')!.serving!.endByForce()
  const [status, body] = await asked
  expect([status, JSON.parse(body as string).code]).toEqual([503, 'generation_ended'])
  answered.resolve(new Response('too late'))
})

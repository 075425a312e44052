// hc against a far end that misbehaves: loses connections, sends what could hurt a terminal, leads elsewhere.

import { expect, test } from 'bun:test'
import { hc, start } from './hc.ts'

/** A far end for the time of a test. */
function farEnd(fetch: (request: Request) => Response | Promise<Response>) {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch })
  return { url: server.url.origin, [Symbol.asyncDispose]: () => server.stop(true) }
}

const stream = (text: string) => new Response(text, { headers: { 'content-type': 'text/event-stream' } })
const problem = (status: number, code: string, headers = {}) =>
  Response.json(
    { title: 'No', status, code },
    { status, headers: { 'content-type': 'application/problem+json', ...headers } },
  )

test('event tail comes back after a lost connection, and says which event was its last', async () => {
  const asked: (string | null)[] = []
  await using far = farEnd((request) => {
    asked.push(request.headers.get('last-event-id'))
    if (asked.length === 1)
      return stream(
        'retry: 1\n\nid: a-1\ndata: {"type":"one"}\n\n: quiet\n\nid: a-2\r\ndata: {"type":\r\ndata: "two"}\r\n\r\n',
      )
    if (asked.length === 2) return problem(503, 'starting')
    if (asked.length === 3) return stream('data: {"type":"three"}\n\nid: a-9\ndata: {"never":"finished"')
    return problem(401, 'unauthorized')
  })
  const { code, out, err } = await hc(['event', 'tail', '--json'], { url: far.url })
  expect(out).toBe('{"type":"one"}\n{"type": "two"}\n{"type":"three"}\n')
  expect(asked).toEqual([null, 'a-2', 'a-2', 'a-2'])
  expect(err).toContain('trying again in 0.5 s')
  expect(err).toContain('trying again in 1 s')
  expect([code, err]).toEqual([1, expect.stringContaining('(unauthorized, 401)')])
}, 15_000)

test('plugin logs --follow asks for a stream, and ends well when it is told to', async () => {
  const asked = Promise.withResolvers<Request>()
  await using far = farEnd((request) => {
    if (request.url.endsWith('/api/core/plugins/lamp')) return Response.json({ id: 'lamp' })
    asked.resolve(request)
    return new Response(
      new ReadableStream({
        start: (to) =>
          to.enqueue('id: 1\ndata: {"time":"t","level":"info","plugin":"lamp","message":"on"}\n\n'),
      }),
    )
  })
  const logs = start(['plugin', 'logs', 'lamp', '--follow', '--level', 'info'], { url: far.url })
  const { value } = await logs.stdout.pipeThrough(new TextDecoderStream()).getReader().read()
  expect(value).toBe('t info  lamp on\n')
  const { url, headers } = await asked.promise
  expect(url).toEndWith('/api/core/logs?plugin=lamp&level=info')
  expect(headers.get('accept')).toBe('text/event-stream')
  logs.kill('SIGTERM')
  expect(await logs.exited).toBe(0)
})

test('what a log line has besides stands behind its first line, and not behind the source below it', async () => {
  const line = {
    time: 't',
    level: 'error',
    plugin: 'lamp',
    message: 'Refused:\n> 1 | {',
    fields: { code: 'x' },
  }
  await using far = farEnd(({ url }) =>
    new URL(url).pathname === '/api/core/logs' ? Response.json({ logs: [line] }) : new Response(),
  )
  const { out } = await hc(['plugin', 'logs', 'lamp'], { url: far.url })
  expect(out).toBe('t error lamp Refused: {"code":"x"}\n> 1 | {\n')
})

test('control characters from the far end are made harmless', async () => {
  const evil = 'a\u001b[2J\u009b31m\u202eb\u0007\r\nc'
  await using far = farEnd(({ url }) => {
    const { pathname } = new URL(url)
    if (pathname === '/health')
      return Response.json(
        { title: evil, code: evil, errors: [{ pointer: evil, detail: evil }] },
        { status: 400 },
      )
    if (pathname === '/api/core/events')
      return stream(`data: ${JSON.stringify({ type: evil, source: evil, data: evil })}\n\n`)
    return Response.json({
      plugins: [
        { id: evil, state: evil, kind: evil, version: evil, generation: 1, error: { message: evil } },
      ],
    })
  })
  const outputs = [
    await hc(['status'], { url: far.url }),
    await hc(['status', '--json'], { url: far.url }),
    await hc(['plugin', 'list'], { url: far.url }),
    await hc(['plugin', 'list', '--json'], { url: far.url }),
  ]
  const tail = start(['event', 'tail'], { url: far.url })
  const { value } = await tail.stdout.pipeThrough(new TextDecoderStream()).getReader().read()
  tail.kill('SIGINT')
  await tail.exited
  for (const text of [...outputs.flatMap(({ out, err }) => [out, err]), value!]) {
    expect(text).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f\u202e]/)
  }
  expect(outputs.map(({ out, err }) => `${out}${err}`.includes('\\u001b[2J'))).toEqual([
    true,
    true,
    true,
    true,
  ])
  // A table has a line for each plugin, whatever its name is.
  expect(outputs[2]!.out.trimEnd().split('\n')).toHaveLength(2)
  expect(JSON.parse(outputs[3]!.out).plugins[0].id).toBe(evil)
})

test('the token goes to the far end, and no further', async () => {
  const tokens: (string | null)[] = []
  await using other = farEnd(() => {
    tokens.push('elsewhere')
    return Response.json({})
  })
  await using far = farEnd(({ headers }) => {
    tokens.push(headers.get('authorization'))
    return Response.redirect(`${other.url}/health`, 302)
  })
  const { code } = await hc(['status'], { url: far.url, env: { HC_TOKEN: 'secret' } })
  expect(code).toBe(1)
  expect(tokens).toEqual(['Bearer secret'])
})

test('a proxy that the environment names does not see what stays on this machine', async () => {
  let proxied = 0
  await using proxy = farEnd(() => {
    proxied++
    return Response.json({})
  })
  await using far = farEnd(() => Response.json({ status: 'ok', version: '1', uptime: 90_061, plugins: {} }))
  const { out } = await hc(['status'], {
    url: far.url,
    env: { HTTP_PROXY: proxy.url, http_proxy: proxy.url },
  })
  expect(out).toContain('Home Console 1 ok, up 1 d 1 h')
  expect(proxied).toBe(0)
})

test('somebody who is not Home Console is nobody', async () => {
  await using page = farEnd(() => new Response('<h1>It works!</h1>'))
  const { code, err } = await hc(['status'], { url: page.url })
  expect(code).toBe(3)
  expect(err).toContain('is not Home Console')
})

test('a refusal that is no problem details is one for programs all the same', async () => {
  await using proxy = farEnd(
    () => new Response('<h1>Bad Gateway</h1>', { status: 502, statusText: 'Bad Gateway' }),
  )
  const words = await hc(['status'], { url: proxy.url })
  expect([words.code, words.err]).toEqual([1, 'hc: Bad Gateway (502)\n'])
  const json = await hc(['status', '--json'], { url: proxy.url })
  expect([json.code, JSON.parse(json.out)]).toEqual([1, { title: 'Bad Gateway', status: 502 }])
})

test('a house below a path of a proxy is found there', async () => {
  const paths: string[] = []
  await using far = farEnd(({ url }) => {
    paths.push(new URL(url).pathname)
    return Response.json({ plugins: [] })
  })
  await hc(['plugin', 'list'], { url: `${far.url}/house` })
  await hc(['plugin', 'reload', 'a/../../b'], { url: `${far.url}/house/` })
  expect(paths).toEqual(['/house/api/core/plugins', '/house/api/core/plugins/a%2F..%2F..%2Fb/reload'])
})

test('call gives what is no JSON as it is', async () => {
  const bytes = new Uint8Array([0x89, 0x50, 0x1b, 0x00, 0xff])
  await using far = farEnd(({ url }) => {
    if (url.endsWith('/openapi.json'))
      return Response.json({ paths: { '/picture': { get: { operationId: 'camera.picture' } } } })
    return new Response(bytes, { headers: { 'content-type': 'image/png' } })
  })
  const call = start(['call', 'camera.picture'], { url: far.url })
  expect(await call.stdout.bytes()).toEqual(bytes)
  expect(await call.exited).toBe(0)
})

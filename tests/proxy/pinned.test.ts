// A service is called at the address that its name was pinned to, whatever the name says by now, and by its name.

import { afterAll, expect, test } from 'bun:test'
import { coreProblem } from '../../core/http/answers/problems.ts'
import { ownFetch } from '../../core/proxy/own-fetch.ts'
import { passRequest } from '../../core/proxy/pass-request.ts'
import { passSocket } from '../../core/proxy/pass-socket.ts'
import { Proxy } from '../../core/proxy/proxy.ts'
import type { Reach, Target } from '../../core/proxy/target.ts'

const seen: { host: string | null; upgrade: string | null }[] = []
const service = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch({ headers }) {
    seen.push({ host: headers.get('Host'), upgrade: headers.get('Upgrade') })
    return new Response('ok')
  },
})
afterAll(() => service.stop(true))

/** A name that no resolver knows: only the pin leads anywhere. */
const NAME = `pinned.invalid:${service.port}`

const reachOf = (origin: string, address: string | null): Reach => ({
  origin,
  address,
  credential: 'a-credential',
  leaving: new AbortController().signal,
  begin() {},
  end() {},
})

const targetOf = (reach: Reach): Target => ({
  name: 'pinned',
  reach,
  trouble: null,
  limits: { concurrency: 8, connectMs: 1_000, firstByteMs: 1_000, silenceMs: 1_000 },
})

const admissionTo = (reach: Reach) =>
  new Proxy({
    problem: coreProblem,
    asCore: (run) => run(),
    origins: { addressOf: () => null, schemeOf: () => 'http', hostOf: () => 'house.test' },
  }).admission({
    plugin: 'adapter',
    prefix: '/api/plugins/adapter',
    log: { info() {}, warn() {} },
    target: targetOf(reach),
  })

const asked = (headers: Record<string, string> = {}) => ({
  id: 'id',
  method: 'GET',
  label: 'GET /x',
  caller: { kind: 'owner', name: 'admin', scopes: ['*'] } as const,
  request: new Request('http://localhost/x', { headers }),
  carry: undefined,
})

test('A request, a WebSocket and a call of the adapter go to the pinned address, by the name', async () => {
  const admission = admissionTo(reachOf(`http://${NAME}`, '127.0.0.1'))
  expect(await (await passRequest(admission, asked(), '/x', {})).text()).toBe('ok')
  expect(await (await ownFetch(admission, '/x')).text()).toBe('ok')
  const refused = await passSocket(admission, asked({ Upgrade: 'websocket' }), '/x', {}).catch(String)
  expect(refused).toContain('it answered 200')
  expect(seen.splice(0)).toEqual([
    { host: NAME, upgrade: null },
    { host: NAME, upgrade: null },
    { host: NAME, upgrade: 'websocket' },
  ])
})

test('Without a pin, a name that nobody knows leads nowhere', async () => {
  const admission = admissionTo(reachOf(`http://${NAME}`, null))
  expect(await passRequest(admission, asked(), '/x', {}).then(() => 'answered', String)).toContain(
    'cannot be reached',
  )
  expect(seen).toEqual([])
})

test('A redirect to the address behind the name is one into the service', async () => {
  await using leads = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: ({ url }) =>
      Response.redirect(new URL('/inside', url.replace('pinned.invalid', '127.0.0.1')).href),
  })
  const admission = admissionTo(reachOf(`http://pinned.invalid:${leads.port}`, '127.0.0.1'))
  const response = await passRequest(admission, asked(), '/x', {})
  expect(response.headers.get('Location')).toBe('/api/plugins/adapter/inside')
})

test('No proxy of the environment comes between', async () => {
  const before = process.env['HTTP_PROXY']
  process.env['HTTP_PROXY'] = 'http://127.0.0.1:1'
  try {
    const admission = admissionTo(reachOf(service.url.origin, null))
    expect(await (await passRequest(admission, asked(), '/x', {})).text()).toBe('ok')
  } finally {
    if (before === undefined) delete process.env['HTTP_PROXY']
    else process.env['HTTP_PROXY'] = before
  }
})

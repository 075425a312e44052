// Who may ask the client manager anything: the Core, and on whose behalf it says it asks.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { callerToken, ServiceProcess } from './kit.ts'

let service: ServiceProcess

beforeAll(async () => {
  service = await ServiceProcess.start()
})
afterAll(() => service[Symbol.asyncDispose]())

test('without the Core’s credential there is no route but health and the agent’s own file', async () => {
  const { paths } = (await service.ask('GET', '/openapi.json')).body
  const routes = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item as object).map((method) => ({ path, method: method.toUpperCase() })),
  )
  expect(routes.length).toBeGreaterThan(15)
  for (const { path, method } of [...routes, { path: '/openapi.json', method: 'GET' }]) {
    const url = service.url + path.replaceAll(/\{[^}]+\}/g, '0'.repeat(32))
    for (const Authorization of ['', 'Bearer wrong', `Bearer a-credential-of-this-test-onl`, 'Basic x']) {
      const { status } = await fetch(url, { method, ...(Authorization && { headers: { Authorization } }) })
      const open = path.startsWith('/health') || path === '/agent.ts'
      expect([path, status]).toEqual([path, open ? 200 : 401])
    }
  }
})

test('who it is that asks is believed only if the Core signed it, for this service, and lately', async () => {
  const past = Math.floor(Date.now() / 1_000) - 60
  const tokens = [
    'nonsense',
    await callerToken({ sub: 'eve' }, 'another-credential-altogether'),
    await callerToken({ sub: 'eve', aud: 'another-service' }),
    await callerToken({ sub: 'eve', exp: past }),
    await callerToken({ sub: '' }),
    `${btoa('{"alg":"none","typ":"JWT"}')}.${btoa('{"sub":"eve","aud":"client-manager-service"}')}.`,
  ]
  for (const token of tokens) {
    const { status } = await fetch(`${service.url}/api/clients`, {
      headers: { Authorization: 'Bearer a-credential-of-this-test-only', 'X-Home-Console-Caller': token },
    })
    expect(status).toBe(401)
  }
  expect((await service.ask('GET', '/api/clients')).status).toBe(200)
})

test('a plugin that asks for another says so in the log, and nobody else can', async () => {
  const asked = async (claims: Record<string, unknown>) => {
    const response = await fetch(`${service.url}/api/enrollments/codes`, {
      method: 'POST',
      headers: {
        Authorization: 'Bearer a-credential-of-this-test-only',
        'X-Home-Console-Caller': await callerToken(claims),
        'X-Source': 'evening',
      },
    })
    return ((await response.json()) as { created_by: string }).created_by
  }
  expect(await asked({ sub: 'client-manager', kind: 'plugin' })).toBe('/plugins/client-manager for evening')
  expect(await asked({ sub: 'anna', kind: 'owner' })).toBe('anna')
})

test('a page in a browser cannot pose as an agent', async () => {
  const headers = { Origin: 'http://127.0.0.1:18123', Upgrade: 'websocket', Connection: 'Upgrade' }
  const answer = await fetch(`${service.url}/ws`, { headers })
  expect(await answer.json()).toMatchObject({ status: 403, code: 'cross_origin' })
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = new WebSocket(service.socketUrl, { headers: { Origin: headers.Origin } })
  for (const type of ['open', 'error']) socket.addEventListener(type, () => resolve(type))
  expect(await promise).toBe('error')
})

test('a body that is no JSON, does not fit, or is too large is refused, and nothing of the service’s own is told', async () => {
  const put = (body: string) =>
    service.request('/api/policy', { method: 'PUT', body, headers: { 'Content-Type': 'application/json' } })
  expect((await put('{')).status).toBe(400)
  expect((await put('{"free":"yes"}')).status).toBe(400)
  expect((await put(JSON.stringify({ commands: { x: { argv: ['a'.repeat(2 ** 21)] } } }))).status).toBe(413)
  const { status, body } = await service.ask('GET', '/api/nothing')
  expect([status, body.code]).toEqual([404, 'not_found'])
})

test('its credential may lie in a file, as Docker lays a secret', async () => {
  const file = join(service.folder, 'credential')
  writeFileSync(file, 'a-credential-in-a-file-of-its-own\n', { mode: 0o600 })
  const environment = { HOME_CONSOLE_CREDENTIAL: '', HOME_CONSOLE_CREDENTIAL_FILE: file }
  await using other = await ServiceProcess.start(environment)
  const statusFor = async (credential: string) => {
    const headers = { Authorization: `Bearer ${credential}` }
    return (await fetch(`${other.url}/openapi.json`, { headers })).status
  }
  expect(await statusFor('a-credential-in-a-file-of-its-own')).toBe(200)
  expect(await statusFor('a-credential-in-no-file-of-its-own')).toBe(401)

  await using third = new ServiceProcess({ ...environment, HOME_CONSOLE_CREDENTIAL_FILE: `${file}-2` })
  expect(await third.start().then(String, String)).toContain('HOME_CONSOLE_CREDENTIAL_FILE: ENOENT')
})

test('it does not start without a credential, and says so', async () => {
  await using other = new ServiceProcess({ HOME_CONSOLE_CREDENTIAL: 'short' })
  expect(await other.start().then(String, String)).toContain('HOME_CONSOLE_CREDENTIAL: must be 16 to 512')
})

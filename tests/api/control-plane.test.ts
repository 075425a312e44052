// The control plane to the letter of its contract: health, plugins, reloads, home, pages, metrics.

import { afterEach, describe, expect, test } from 'bun:test'
import type { TestHouse } from '@home-console/sdk/testing'
import { startTestHouse } from '@home-console/sdk/testing'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { ProblemBody } from '../../core/api/answers.ts'
import { Home, Plugin, Reload } from '../../core/api/schemas.ts'
import { houseOf, NO_TOKEN, pluginOf, raw, statusOf } from '../http/kit.ts'

let house: TestHouse
afterEach(() => house?.stop())

/** Fits the schema, and holds nothing that the schema does not name. */
function fits<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.parse(body)
  expect(parsed as unknown).toEqual(body)
  return parsed
}

async function read<T>(schema: z.ZodType<T>, path: string, init?: RequestInit): Promise<T> {
  const response = await house.request(path, init)
  expect([path, response.status]).toEqual([path, 200])
  expect(response.headers.get('Content-Type')).toStartWith('application/json')
  return fits(schema, await response.json())
}

const patch = (path: string, body: unknown) => house.send('PATCH', path, body)
const code = async (response: Response) =>
  [response.status, ((await response.json()) as { code: string }).code] as const

const lamp = (answer: string) =>
  pluginOf(`
    ctx.events.on('a.*', () => {})
    ctx.every(60_000, () => {})
    ctx.status('bridge', 'degraded', 'slow')
    const router = ctx.router()
    router.get('/word', (c) => c.text('${answer}'))
    router.openapi(text('/open', []), (c) => c.text('open'))
    return router`)
const bad = pluginOf(`throw new Error('no lamp today')`)

const Health = z.strictObject({
  status: z.enum(['ok', 'degraded']),
  version: z.string().regex(/^\d+\.\d+\.\d+/),
  uptime: z.number().min(0).max(60),
  plugins: z.strictObject({
    active: z.number(),
    waiting: z.number(),
    failed: z.number(),
    disabled: z.number(),
  }),
})

describe('GET /health', () => {
  test('tells everybody how many plugins are up, and is degraded when one has failed', async () => {
    house = await startTestHouse({ plugins: { lamp: { 'index.ts': lamp('x') } } })
    expect(await read(Health, '/health', NO_TOKEN)).toMatchObject({
      status: 'ok',
      plugins: { active: 1, waiting: 0, failed: 0, disabled: 0 },
    })
    await house.save('odd/index.ts', bad)
    await patch('/api/core/plugins/lamp', { enabled: false })
    expect(await read(Health, '/health', NO_TOKEN)).toMatchObject({
      status: 'degraded',
      plugins: { active: 0, waiting: 0, failed: 1, disabled: 1 },
    })
  })
})

describe('the plugins', () => {
  test('are listed by id, each with all that is known of it', async () => {
    house = await startTestHouse({ plugins: { odd: { 'index.ts': bad }, lamp: { 'index.ts': lamp('x') } } })
    const { plugins } = await read(z.strictObject({ plugins: z.array(Plugin) }), '/api/core/plugins')
    expect(plugins.map(({ id, state }) => [id, state])).toEqual([
      ['lamp', 'active'],
      ['odd', 'failed'],
    ])
    expect(plugins[0]).toMatchObject({
      name: 'lamp',
      kind: 'plugin',
      mode: 'in_process',
      enabled: true,
      generation: 1,
      routes: [
        { method: 'GET', path: '/api/plugins/lamp/word' },
        { method: 'GET', path: '/api/plugins/lamp/open' },
      ],
      status: [{ label: 'bridge', state: 'degraded', message: 'slow' }],
      holds: [
        { kind: 'subscription', label: 'a.*' },
        { kind: expect.any(String), label: expect.any(String) },
      ],
      error: null,
      lastReload: { outcome: 'committed', cause: { kind: 'boot', files: [] } },
    })
    expect(plugins[1]).toMatchObject({
      generation: 0,
      error: {
        message: expect.stringContaining('no lamp today'),
        file: house.path('odd/index.ts'),
        line: expect.any(Number),
      },
      lastReload: { outcome: 'failed' },
    })
    expect(await read(Plugin, '/api/core/plugins/lamp')).toEqual(plugins[0]!)
  })

  test('that nobody has are no_such_plugin, whatever is asked of them', async () => {
    house = await houseOf({})
    for (const [method, path] of [
      ['GET', ''],
      ['POST', '/reload'],
      ['GET', '/reloads'],
    ]) {
      expect(await code(await house.request(`/api/core/plugins/nobody${path}`, { method: method! }))).toEqual(
        [404, 'no_such_plugin'],
      )
    }
    expect(await code(await patch('/api/core/plugins/nobody', { enabled: true }))).toEqual([
      404,
      'no_such_plugin',
    ])
    for (const id of ['__proto__', 'constructor', '%E2%98%83', 'a'.repeat(300)]) {
      expect((await house.request(`/api/core/plugins/${id}`)).status).toBe(404)
    }
  })

  test('are disabled and enabled by the owner, and the wish outlives the plugin', async () => {
    house = await startTestHouse({ plugins: { lamp: { 'index.ts': lamp('x') } } })
    const off = fits(Plugin, await (await patch('/api/core/plugins/lamp', { enabled: false })).json())
    expect(off).toMatchObject({ state: 'disabled', enabled: false, generation: 0, routes: [], holds: [] })
    expect((await house.event('plugin.unloaded')).data.reload.outcome).toBe('unloaded')
    expect(await code(await house.request('/api/plugins/lamp/word'))).toEqual([503, 'plugin_unavailable'])
    expect(await code(await house.request('/api/core/plugins/lamp/reload', { method: 'POST' }))).toEqual([
      409,
      'plugin_disabled',
    ])
    const on = fits(Plugin, await (await patch('/api/core/plugins/lamp', { enabled: true })).json())
    expect(on).toMatchObject({ state: 'active', enabled: true, generation: 2 })
    expect(await (await house.request('/api/plugins/lamp/word')).text()).toBe('x')
  })

  test('log from the level that the owner chose', async () => {
    house = await startTestHouse({
      plugins: {
        lamp: {
          'index.ts': pluginOf(
            `const r = ctx.router(); r.get('/say', (c) => { ctx.log.info('said'); return c.text('') }); return r`,
          ),
        },
      },
    })
    const said = async () => {
      await house.request('/api/plugins/lamp/say')
      return house.logs.filter(({ message }) => message === 'said').length
    }
    expect(await said()).toBe(1)
    expect((await patch('/api/core/plugins/lamp', { logLevel: 'error' })).status).toBe(200)
    expect(await said()).toBe(1)
    expect((await patch('/api/core/plugins/lamp', { logLevel: null })).status).toBe(200)
    expect(await said()).toBe(2)
  })

  test('refuse a change that makes no sense, with the place', async () => {
    house = await startTestHouse({ plugins: { lamp: { 'index.ts': lamp('x') } } })
    for (const [body, pointer] of [
      [{ enabled: 'yes' }, '/enabled'],
      [{ logLevel: 'loud' }, '/logLevel'],
      [{ mode: 'elsewhere' }, '/mode'],
      [{ colour: 'red' }, ''],
      [[], ''],
    ] as const) {
      const response = await patch('/api/core/plugins/lamp', body)
      const problem = fits(ProblemBody, await response.json())
      expect([body, problem.status, problem.errors?.[0]?.pointer]).toEqual([body, 400, pointer])
    }
    expect(await code(await patch('/api/core/plugins/lamp', { mode: 'embedded' }))).toEqual([
      409,
      'mode_not_supported',
    ])
    expect(await read(Plugin, '/api/core/plugins/lamp')).toMatchObject({ state: 'active', generation: 1 })
  })
})

describe('a reload', () => {
  test('answers 200 with its record when the new version serves', async () => {
    house = await startTestHouse({ plugins: { lamp: { 'index.ts': lamp('one') } } })
    const response = await house.request('/api/core/plugins/lamp/reload', { method: 'POST' })
    expect(response.status).toBe(200)
    expect(fits(Reload, await response.json())).toMatchObject({
      plugin: 'lamp',
      generation: 2,
      cause: { kind: 'api', files: [] },
      outcome: 'committed',
      error: null,
    })
    expect((await house.event('plugin.reloaded')).data).toMatchObject({ plugin: 'lamp', generation: 2 })
  })

  test('answers 422 with the record when the old version was kept, and it goes on serving', async () => {
    house = await startTestHouse({ plugins: { lamp: { 'index.ts': lamp('one') } } })
    await house.save('lamp/index.ts', bad)
    const response = await house.request('/api/core/plugins/lamp/reload', { method: 'POST' })
    expect(response.status).toBe(422)
    const { reload, ...problem } = (await response.json()) as { reload: unknown }
    expect(fits(ProblemBody, problem)).toMatchObject({
      code: 'reload_refused',
      detail: expect.stringContaining('no lamp today'),
    })
    expect(fits(Reload, reload)).toMatchObject({ outcome: 'kept_old', error: { line: expect.any(Number) } })
    expect(await (await house.request('/api/plugins/lamp/word')).text()).toBe('one')
    expect(await read(Plugin, '/api/core/plugins/lamp')).toMatchObject({ state: 'active', generation: 1 })
  })

  test('stands in the list, newest first, which is read page by page', async () => {
    house = await startTestHouse({ plugins: { lamp: { 'index.ts': lamp('one') } } })
    for (let round = 0; round < 4; round++)
      await house.request('/api/core/plugins/lamp/reload', { method: 'POST' })
    const Page = z.strictObject({ reloads: z.array(Reload), next: z.string().nullable() })
    const at = (query: string) => read(Page, `/api/core/plugins/lamp/reloads${query}`)
    const all = await at('')
    expect(all.reloads.map(({ generation }) => generation)).toEqual([5, 4, 3, 2, 1])
    expect(all.next).toBeNull()
    const first = await at('?limit=2')
    expect(first.reloads.map(({ generation }) => generation)).toEqual([5, 4])
    const second = await at(`?limit=2&before=${first.next}`)
    expect(second.reloads.map(({ generation }) => generation)).toEqual([3, 2])
    const last = await at(`?limit=2&before=${second.next}`)
    expect([last.reloads.map(({ generation }) => generation), last.next]).toEqual([[1], null])
    expect((await at('?limit=5')).next).toBeNull()
    for (const limit of ['0', '101', 'x', '1.5', '-1']) {
      expect(await code(await house.request(`/api/core/plugins/lamp/reloads?limit=${limit}`))).toEqual([
        400,
        'invalid_request',
      ])
    }
    expect((await at('?before=unknown')).reloads).toEqual([])
  })
})

describe('the home', () => {
  test('is read, changed in part, and what does not fit is refused with its place', async () => {
    house = await houseOf({
      lamp: `const r = ctx.router(); r.get('/home', (c) => c.json(ctx.home)); return r`,
    })
    const before = await read(Home, '/api/core/home')
    const response = await patch('/api/core/home', { timeZone: 'Asia/Tokyo', latitude: 35.7 })
    expect(fits(Home, await response.json())).toEqual({ ...before, timeZone: 'Asia/Tokyo', latitude: 35.7 })
    expect(await (await house.request('/api/plugins/lamp/home')).json()).toMatchObject({
      timeZone: 'Asia/Tokyo',
    })
    for (const [body, pointer] of [
      [{ timeZone: 'Mars/Base' }, '/timeZone'],
      [{ locale: '!' }, '/locale'],
      [{ latitude: 91 }, '/latitude'],
      [{ longitude: 'east' }, '/longitude'],
      [{ units: 'cubits' }, '/units'],
      [{ colour: 'red' }, ''],
    ] as const) {
      const problem = fits(ProblemBody, await (await patch('/api/core/home', body)).json())
      expect([body, problem.code, problem.errors?.[0]?.pointer]).toEqual([body, 'invalid_request', pointer])
    }
    expect(await read(Home, '/api/core/home')).toMatchObject({ timeZone: 'Asia/Tokyo', latitude: 35.7 })
  })
})

describe('the pages of a plugin', () => {
  const PAGE = '<!doctype html><title>Lamp</title>'

  test('come from its folder public, for the owner, with a policy that lets no other site in', async () => {
    house = await startTestHouse({
      plugins: {
        lamp: {
          'index.ts': pluginOf(''),
          'public/index.html': PAGE,
          'public/a b/ü.js': '1',
          'public/sub/index.html': 'sub',
          'secret.txt': 'no',
        },
      },
    })
    const page = await house.request('/ui/lamp/')
    expect([page.status, await page.text()]).toEqual([200, PAGE])
    expect(page.headers.get('Content-Type')).toStartWith('text/html')
    expect(page.headers.get('Content-Security-Policy')).toContain("frame-ancestors 'none'")
    expect(page.headers.get('X-Content-Type-Options')).toBe('nosniff')
    expect((await house.request('/ui/lamp/', NO_TOKEN)).status).toBe(401)
    const script = await house.request('/ui/lamp/a%20b/%C3%BC.js')
    expect([await script.text(), script.headers.get('Content-Type')]).toEqual([
      '1',
      expect.stringContaining('javascript'),
    ])
    expect(await (await house.request('/ui/lamp/sub/')).text()).toBe('sub')
    const head = await house.request('/ui/lamp/', { method: 'HEAD' })
    expect([head.status, head.headers.get('Content-Length')]).toEqual([200, String(PAGE.length)])
  })

  test('begin with a slash, so that their own links find their way', async () => {
    house = await startTestHouse({
      plugins: { lamp: { 'index.ts': pluginOf(''), 'public/index.html': PAGE } },
    })
    const response = await house.request('/ui/lamp', { redirect: 'manual' })
    expect([response.status, response.headers.get('Location')]).toEqual([308, '/ui/lamp/'])
  })

  test('never lie outside of it, by dots, escapes or links', async () => {
    house = await startTestHouse({
      plugins: { lamp: { 'index.ts': pluginOf(''), 'public/index.html': PAGE, 'secret.txt': 'no' } },
    })
    symlinkSync(house.path('lamp/secret.txt'), house.path('lamp/public/link.txt'))
    symlinkSync('/etc', house.path('lamp/public/etc'))
    mkdirSync(house.path('lamp/public-too'))
    writeFileSync(house.path('lamp/public-too/x.txt'), 'no')
    for (const path of [
      'link.txt',
      'etc/hostname',
      '../secret.txt',
      '%2e%2e/secret.txt',
      '..%2fsecret.txt',
      '..%5csecret.txt',
      '%2e%2e%2fsecret.txt',
      '../public-too/x.txt',
      '%252e%252e/secret.txt',
      'nothing.html',
      'index.html/',
      'index.html%00.js',
    ]) {
      const answer = await raw(
        house.url,
        `GET /ui/lamp/${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${house.token}\r\nConnection: close\r\n\r\n`,
      )
      expect([path, [400, 404].includes(statusOf(answer))]).toEqual([path, true])
    }
    expect((await house.request('/ui/nobody/')).status).toBe(404)
  })
})

describe('GET /metrics', () => {
  test('is Prometheus text, for the owner, in which each metric is declared once', async () => {
    house = await startTestHouse({ plugins: { lamp: { 'index.ts': lamp('x') } } })
    await house.request('/api/plugins/lamp/word')
    expect((await house.request('/metrics', NO_TOKEN)).status).toBe(401)
    const response = await house.request('/metrics')
    expect(response.headers.get('Content-Type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    const text = await response.text()
    const declared = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name]) => name!)
    expect(declared).toEqual([...new Set(declared)])
    expect(text.endsWith('\n')).toBe(true)
    for (const line of text.trimEnd().split('\n')) {
      if (line.startsWith('# HELP ') || line.startsWith('# TYPE ')) continue
      expect(line).toMatch(/^[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? (\d|-|\+Inf|NaN)[\d.e+-]*$/)
      const name = /^[a-z_]+/.exec(line)![0]
      expect(declared.some((one) => name === one || name.replace(/_(bucket|sum|count)$/, '') === one)).toBe(
        true,
      )
    }
    expect(text).toContain('home_console_plugins{state="active"} 1\n')
    expect(text).toContain('home_console_http_requests_total{plugin="lamp",status="200"} 1\n')
    expect(text).toContain('home_console_http_request_duration_seconds_count{plugin="lamp"} 1\n')
  })
})

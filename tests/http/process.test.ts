// The process: how it starts, what it says when it cannot, and how it leaves under load.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EventReader } from '../api/sse.ts'
import { until } from '../until.ts'
import { pluginOf } from './kit.ts'

const MAIN = join(import.meta.dir, '../../core/main.ts')

let folder: string
let running: Core[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'home-console-'))
  running = []
})
afterEach(async () => {
  for (const { process } of running) {
    process.kill('SIGKILL')
    await process.exited
  }
  rmSync(folder, { recursive: true, force: true })
})

/** A Core in a process of its own. */
class Core {
  readonly process
  out = ''
  err = ''

  constructor(env: Record<string, string> = {}) {
    this.process = Bun.spawn([process.execPath, MAIN], {
      cwd: folder,
      env: {
        PATH: Bun.env['PATH']!,
        PORT: '0',
        DATA_DIR: join(folder, 'data'),
        PLUGINS_DIR: join(folder, 'plugins'),
        ...env,
      },
      stdout: 'pipe',
      stderr: 'pipe',
    })
    running.push(this)
    void this.#read(this.process.stdout, (text) => (this.out += text))
    void this.#read(this.process.stderr, (text) => (this.err += text))
  }

  async #read(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder()
    for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>)
      take(decoder.decode(chunk, { stream: true }))
  }

  async listening(): Promise<this> {
    await until(
      `a start: ${this.err}`,
      () => this.out.includes('Listening on ') || this.process.exitCode !== null,
      10_000,
    )
    return this
  }

  /** What it said on the log, in order. The last line may be in the writing. */
  get lines(): { level: string; message: string; plugin: string | null }[] {
    return this.out
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line))
  }

  get url(): string {
    return /Listening on (http:\/\/\S+)\//.exec(this.out)![1]!
  }

  get token(): string {
    return readFileSync(join(folder, 'data/admin-token'), 'utf8').trim()
  }

  fetch(path: string, init: RequestInit = {}, token = this.token): Promise<Response> {
    return fetch(this.url + path, {
      ...init,
      headers: { Authorization: `Bearer ${token}`, ...(init.headers as object) },
    })
  }
}

const start = (env?: Record<string, string>) => new Core(env).listening()
const plugin = (id: string, body: string) => {
  mkdirSync(join(folder, 'plugins', id), { recursive: true })
  writeFileSync(join(folder, 'plugins', id, 'index.ts'), pluginOf(body))
}
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

describe('the first start', () => {
  test('makes a token that only its owner may read, and says how to use it; the second keeps it', async () => {
    const core = await start()
    expect([modeOf(join(folder, 'data')), modeOf(join(folder, 'data/admin-token'))]).toEqual(['700', '600'])
    const { token } = core
    expect(token).toMatch(/^[\w-]{43}$/)
    const hint = await until('the hint', () => core.lines.find(({ message }) => message.includes('curl')))
    expect(core.out + core.err).not.toContain(token)
    const command = /curl .*$/.exec(hint.message)![0]
    const told = await Bun.$`sh -c ${command}`.quiet().json()
    expect(told).toEqual({ plugins: [] })

    core.process.kill('SIGTERM')
    expect(await core.process.exited).toBe(0)
    const again = await start()
    expect(again.token).toBe(token)
    expect(again.out).not.toContain('curl')
    expect((await again.fetch('/api/core/plugins')).status).toBe(200)
  }, 20_000)

  test('waits for nobody: it answers while a plugin is still loading', async () => {
    plugin('slow', `return new Promise((resolve) => setTimeout(resolve, 3_000))`)
    const probe = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('') })
    const { port } = probe
    await probe.stop(true)
    const core = new Core({ PORT: String(port) })
    const health = () =>
      fetch(`http://127.0.0.1:${port}/health`).then(
        (response) => response.ok,
        () => false,
      )
    await until('an answer', health, 2_500)
    expect(core.out).not.toContain('Loaded in')
  }, 20_000)
})

describe('ADMIN_TOKEN', () => {
  test('of the environment works, is written nowhere, and is hidden from plugins', async () => {
    plugin(
      'nosy',
      `const r = ctx.router()
       r.get('/env', (c) => c.json([process.env.ADMIN_TOKEN, globalThis.process.env.ADMIN_TOKEN, Bun.env.ADMIN_TOKEN, import.meta.env.ADMIN_TOKEN, require('node:process').env.ADMIN_TOKEN, Object.keys(process.env).filter((k) => /TOKEN/.test(k)).length].map((x) => x ?? null)))
       r.get('/say', (c) => { ctx.log.info('my ' + c.req.query('what')); return c.text('') })
       return r`,
    )
    const token = 'a-token-that-was-chosen-0123456789'
    const core = await start({ ADMIN_TOKEN: token })
    expect(existsSync(join(folder, 'data/admin-token'))).toBe(false)
    const response = await core.fetch('/api/plugins/nosy/env', {}, token)
    expect(await response.json()).toEqual([null, null, null, null, null, 0])
    await core.fetch(`/api/plugins/nosy/say?what=${token}`, {}, token)
    await until('the masked line', () => core.out.includes('my ***'))
    expect(core.out + core.err).not.toContain(token)
    expect((await core.fetch('/api/core/plugins', {}, 'another-token-0123456789')).status).toBe(401)
  }, 20_000)
})

describe('a start that cannot be', () => {
  test.each([
    ['PORT', 'eleven'],
    ['PORT', '70000'],
    ['LOG_LEVEL', 'loud'],
    ['LOG_FORMAT', 'xml'],
    ['ADMIN_TOKEN', 'short'],
    ['PUBLIC_URL', 'not a url'],
    ['PLUGINS_DIR', ':'],
  ])('because of %s=%s ends with 78, names the variable, and shows no secret', async (name, value) => {
    const core = new Core({ [name]: value })
    expect(await core.process.exited).toBe(78)
    expect(core.err).toContain(name)
    expect(core.err).not.toContain('    at ')
    if (name === 'ADMIN_TOKEN') expect(core.err).not.toContain(value)
    expect(existsSync(join(folder, 'data'))).toBe(false)
  })

  test('because the port is taken ends with 1, and says in one line what to do', async () => {
    using taken = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('mine') })
    const core = new Core({ PORT: String(taken.port) })
    expect(await core.process.exited).toBe(1)
    expect(core.err).toContain(`127.0.0.1:${taken.port}`)
    expect(core.err).toContain('PORT')
    expect(core.err.trim().split('\n').length).toBeLessThanOrEqual(2)
    expect(core.err).not.toContain('    at ')
  })
})

describe('a stop', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s ends with 0, and says goodbye to each plugin',
    async (signal) => {
      plugin('lamp', `ctx.defer(() => ctx.log.info('released'))`)
      const core = await start()
      core.process.kill(signal)
      expect(await core.process.exited).toBe(0)
      expect(core.out).toContain('released')
      expect(core.lines.filter(({ level }) => level === 'error')).toEqual([])
    },
    20_000,
  )

  test('under load lets every request that it took finish, ends what stays open, and takes no long time', async () => {
    plugin(
      'lamp',
      `const r = ctx.router()
       r.get('/quick', (c) => c.text('quick'))
       r.get('/slow', async (c) => { await Bun.sleep(400); return c.text('slow') })
       r.get('/sse', (c) => streamSSE(c, async (out) => { for (;;) { await out.writeSSE({ data: '{"type":"x"}' }); await out.sleep(20) } }))
       r.ws('/socket', { message(socket, message) { socket.send(message) } })
       return r`,
    )
    const core = await start()
    await using own = await EventReader.open((signal) => core.fetch('/api/core/events', { signal }))
    await using theirs = await EventReader.open((signal) => core.fetch('/api/plugins/lamp/sse', { signal }))
    const socket = new WebSocket(`${core.url.replace('http', 'ws')}/api/plugins/lamp/socket`, {
      headers: { Authorization: `Bearer ${core.token}` },
    })
    const closed = Promise.withResolvers<number>()
    socket.addEventListener('close', ({ code }) => closed.resolve(code))
    await until('the streams', () => socket.readyState === WebSocket.OPEN && theirs.frames.length > 0)

    const leaving = new AbortController()
    const failures: string[] = []
    let answered = 0
    const clients = Array.from({ length: 8 }, async () => {
      while (!leaving.signal.aborted) {
        try {
          const response = await core.fetch('/api/plugins/lamp/quick')
          const text = await response.text()
          if (text !== 'quick') failures.push(`${response.status} ${text}`)
          else answered++
        } catch (error) {
          const { code } = error as { code?: string }
          // Refused at a closed port is no lost request: nobody took it.
          if (code === 'ECONNREFUSED' || code === 'ConnectionRefused') return
          failures.push(code ?? String(error))
        }
      }
    })
    await until('some load', () => answered > 200)
    const slow = Array.from({ length: 5 }, () =>
      core.fetch('/api/plugins/lamp/slow').then((response) => response.text()),
    )
    await Bun.sleep(50)
    const begun = performance.now()
    core.process.kill('SIGTERM')
    expect(await Promise.all(slow)).toEqual(['slow', 'slow', 'slow', 'slow', 'slow'])
    expect(await core.process.exited).toBe(0)
    leaving.abort()
    await Promise.all(clients)
    expect(performance.now() - begun).toBeLessThan(4_000)
    expect(failures).toEqual([])
    expect(own.types).toContain('core.stopping')
    await until('the streams to end', () => own.ended && theirs.ended)
    expect([1001, 1012]).toContain(await closed.promise)
  }, 30_000)
})

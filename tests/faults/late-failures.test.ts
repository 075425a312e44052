// Mistakes that show long after the load. Whatever a plugin does, the process stays up, and it is that plugin's mistake.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { CoreProcess } from './core-process.ts'

/** A port on which nobody listens. */
const closedPort = (() => {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  listener.stop(true)
  return listener.port
})()

const later = `new Promise((resolve) => setTimeout(resolve, 5))`

interface Fault {
  /** Runs when `GET /go` is asked for. */
  readonly go?: string
  /** Runs in `onLoad`. */
  readonly load?: string
  /** Runs as `onUnload`. */
  readonly unload?: string
  readonly top?: string
  /** What sets it off, beyond `GET /go`. */
  readonly by?: 'event' | 'reload' | 'socket' | 'leave' | 'signal'
  /** What the log says of it. */
  readonly says: string | RegExp
}

const faults: Record<string, Fault> = {
  'a throw in setTimeout': { go: `setTimeout(() => { throw new Error('timeout') }, 1)`, says: 'timeout' },
  'a throw in setInterval': {
    go: `const t = setInterval(() => { clearInterval(t); throw new Error('interval') }, 1)`,
    says: 'interval',
  },
  'a throw in setImmediate': {
    go: `setImmediate(() => { throw new Error('immediate') })`,
    says: 'immediate',
  },
  'a throw in queueMicrotask': {
    go: `queueMicrotask(() => { throw new Error('microtask') })`,
    says: 'microtask',
  },
  'a throw in process.nextTick': { go: `process.nextTick(() => { throw new Error('tick') })`, says: 'tick' },
  'an unhandled rejection': { go: `void Promise.reject(new Error('rejected'))`, says: 'rejected' },
  'an async function that nobody awaits': {
    go: `void (async () => { await ${later}; throw new Error('unawaited') })()`,
    says: 'unawaited',
  },
  'a string thrown late': { go: `setTimeout(() => { throw 'a string' }, 1)`, says: 'a string' },
  'undefined thrown late': {
    go: `setTimeout(() => { throw undefined }, 1)`,
    says: 'a thrown undefined: undefined',
  },
  'null rejected': { go: `void Promise.reject(null)`, says: 'a thrown null: null' },
  'a handler that throws an Error': { go: `throw new Error('handler')`, says: 'handler' },
  'a handler that throws a string': { go: `throw 'handler string'`, says: 'handler string' },
  'a handler that throws undefined': { go: `throw undefined`, says: 'a thrown undefined: undefined' },
  'a handler that throws null': { go: `throw null`, says: 'a thrown null: null' },
  'a handler that answers nothing': { go: `return undefined as never`, says: /answered with nothing/ },
  'a handler that answers a string': { go: `return 'text' as never`, says: /answered with a string/ },
  'a listener that throws': {
    load: `ctx.events.on('fault.now', () => { throw new Error('listener') })`,
    by: 'event',
    says: 'listener',
  },
  'a listener that rejects': {
    load: `ctx.events.on('fault.now', async () => { await ${later}; throw new Error('async listener') })`,
    by: 'event',
    says: 'async listener',
  },
  'an emit of what does not fit': {
    go: `ctx.events.emit('fault.fits' as never, 3 as never)`,
    top: `events: { 'fault.fits': z.string() },`,
    says: /"fault.fits" does not fit its schema/,
  },
  'ctx.every that throws': {
    load: `const stop = ctx.every(1, () => { stop(); throw new Error('every') })`,
    says: 'every',
  },
  'ctx.every that rejects': {
    load: `const stop = ctx.every(1, async () => { stop(); await ${later}; throw new Error('async every') })`,
    says: 'async every',
  },
  'ctx.after that throws': { load: `ctx.after(1, () => { throw new Error('after') })`, says: 'after' },
  'ctx.after that rejects': {
    load: `ctx.after(1, async () => { throw new Error('async after') })`,
    says: 'async after',
  },
  'ctx.task that throws': {
    load: `ctx.task('t', () => { throw new Error('task') }, { restart: 'never' })`,
    says: 'task',
  },
  'ctx.task that rejects': {
    load: `ctx.task('t', async () => { await ${later}; throw new Error('async task') })`,
    says: 'async task',
  },
  'a body whose start throws': {
    go: `return new Response(new ReadableStream({ start() { throw new Error('start') } }))`,
    says: 'start',
  },
  'a body whose pull throws': {
    go: `return new Response(new ReadableStream({ pull() { throw new Error('pull') } }, { highWaterMark: 0 }))`,
    says: 'pull',
  },
  'a body whose pull rejects after it began': {
    go: `let n = 0; return new Response(new ReadableStream({ async pull(c) { if (n++ > 0) throw new Error('second pull'); c.enqueue('x') } }, { highWaterMark: 0 }))`,
    says: 'second pull',
  },
  'a body whose cancel throws': {
    go: `return new Response(new ReadableStream({ start(c) { c.enqueue('x') }, cancel() { throw new Error('cancel') } }))`,
    by: 'leave',
    says: 'cancel',
  },
  'an async generator that throws': {
    go: `return new Response((async function* () { yield 'x'; await ${later}; throw new Error('generator') })() as never)`,
    says: 'generator',
  },
  'an event emitter without a listener for its error': {
    go: `setTimeout(() => new EventEmitter().emit('error', new Error('emitted')), 1)`,
    says: 'emitted',
  },
  'an EventTarget whose listener throws': {
    go: `const t = new EventTarget(); t.addEventListener('x', () => { throw new Error('target') }); t.dispatchEvent(new Event('x'))`,
    says: 'target',
  },
  'a Bun.connect that nobody answers': {
    go: `void Bun.connect({ hostname: '127.0.0.1', port: ${closedPort}, socket: { data() {} } })`,
    says: /connect|ECONNREFUSED/i,
  },
  'a net.connect that nobody answers': { go: `connect(${closedPort}, '127.0.0.1')`, says: /ECONNREFUSED/ },
  'a fetch that nobody awaits': { go: `void fetch('http://127.0.0.1:${closedPort}/')`, says: /connect/i },
  'a WebSocket whose error listener throws': {
    go: `new WebSocket('ws://127.0.0.1:${closedPort}/').onerror = () => { throw new Error('socket error') }`,
    says: 'socket error',
  },
  'a worker that throws': {
    go: `new Worker(URL.createObjectURL(new Blob(["throw new Error('in the worker')"])))`,
    says: /in the worker/,
  },
  'a worker whose listener throws': {
    go: `new Worker(URL.createObjectURL(new Blob(['postMessage(1)']))).onmessage = () => { throw new Error('message') }`,
    says: 'message',
  },
  'a program that is not there, by node:child_process': { go: `spawn('/no/such/program')`, says: /ENOENT/ },
  'a program that is not there, by Bun.spawn': {
    go: `setTimeout(() => Bun.spawn(['/no/such/program']), 1)`,
    says: /ENOENT|not found/i,
  },
  'an onExit that throws': {
    go: `Bun.spawn(['true'], { onExit() { throw new Error('exited') } })`,
    says: 'exited',
  },
  'a file that is not there': { go: `void Bun.file('/no/such/file').text()`, says: /ENOENT|No such file/i },
  'a read stream of a file that is not there': { go: `createReadStream('/no/such/file')`, says: /ENOENT/ },
  'a FileHandle used after its close': {
    go: `void (async () => { const file = await open('/dev/null'); await file.close(); await file.read() })()`,
    says: /./,
  },
  'a callback of node:fs that throws': {
    go: `readFile('/dev/null', () => { throw new Error('fs callback') })`,
    says: 'fs callback',
  },
  'a database that is used after its close': {
    go: `setTimeout(() => { const db = new Database(':memory:'); db.close(); db.query('select 1') }, 1)`,
    says: /closed/i,
  },
  'a listener on the process that throws': {
    load: `process.on('SIGUSR2', () => { throw new Error('signal') })`,
    by: 'signal',
    says: 'signal',
  },
  'a listener on the process that rejects': {
    load: `process.on('SIGUSR2', async () => { throw new Error('async signal') })`,
    by: 'signal',
    says: 'async signal',
  },
  'a listener of a task signal that throws': {
    load: `ctx.task('t', (signal) => new Promise((done) => signal.addEventListener('abort', () => { done(1); throw new Error('task signal') })))`,
    by: 'reload',
    says: 'task signal',
  },
  'a WebSocket handler whose open throws': {
    load: `router.ws('/socket', { open() { throw new Error('ws open') } })`,
    by: 'socket',
    says: 'ws open',
  },
  'a WebSocket handler whose message throws': {
    load: `router.ws('/socket', { message() { throw new Error('ws message') } })`,
    by: 'socket',
    says: 'ws message',
  },
  'a WebSocket handler whose message rejects': {
    load: `router.ws('/socket', { async message() { await ${later}; throw new Error('ws async message') } })`,
    by: 'socket',
    says: 'ws async message',
  },
  'a WebSocket handler whose close throws': {
    load: `router.ws('/socket', { close() { throw new Error('ws close') } })`,
    by: 'socket',
    says: 'ws close',
  },
  'a listener of ctx.signal that throws': {
    load: `ctx.signal.addEventListener('abort', () => { throw new Error('on signal') })`,
    by: 'reload',
    says: 'on signal',
  },
  'a listener of ctx.draining that throws': {
    load: `ctx.draining.addEventListener('abort', () => { throw new Error('on draining') })`,
    by: 'reload',
    says: 'on draining',
  },
  'a defer that throws': {
    load: `ctx.defer(() => { throw new Error('deferred') })`,
    by: 'reload',
    says: 'deferred',
  },
  'a defer that rejects': {
    load: `ctx.defer(async () => { await ${later}; throw new Error('async deferred') })`,
    by: 'reload',
    says: 'async deferred',
  },
  'an onUnload that throws': { unload: `throw new Error('unload')`, by: 'reload', says: 'unload' },
  'an onUnload that rejects': {
    unload: `await ${later}; throw new Error('async unload')`,
    by: 'reload',
    says: 'async unload',
  },
}

const pluginOf = ({ go = '', load = '', unload = '', top = '' }: Fault) => `
import { definePlugin, z } from '@home-console/sdk'
import { Database } from 'bun:sqlite'
import { spawn } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { createReadStream, readFile } from 'node:fs'
import { open } from 'node:fs/promises'
import { connect } from 'node:net'
void [Database, spawn, EventEmitter, createReadStream, readFile, open, connect, z]
export default definePlugin({
  ${top}
  async onUnload() { ${unload} },
  async onLoad(ctx) {
    const router = ctx.router({ security: [] })
    ${load}
    router.get('/go', async (c) => { ${go}; return c.text('gone') })
    return router
  },
})
`

const BYSTANDER = `
import { definePlugin } from '@home-console/sdk'
export default definePlugin({
  onLoad(ctx) {
    ctx.events.on('bystander.ping', ({ data }) => ctx.events.emit('bystander.pong', data))
    const router = ctx.router({ security: [] })
    router.get('/word', (c) => c.text('still here'))
    return router
  },
})
`

let core: CoreProcess
const kinds = Object.entries(faults).map(([name, fault], at) => [name, fault, `fault-${at}`] as const)

beforeAll(async () => {
  const files = kinds.map(([, fault, id]) => [`${id}.ts`, pluginOf(fault)] as const)
  core = await CoreProcess.start({ ...Object.fromEntries(files), 'bystander.ts': BYSTANDER })
}, 20_000)
afterAll(() => core?.[Symbol.asyncDispose](), 20_000)

const setOff = {
  event: () => core.emit('fault.now'),
  signal: async () => core.kill('SIGUSR2'),
  async reload(id: string) {
    expect((await core.request(`/api/core/plugins/${id}/reload`, { method: 'POST' })).status).toBe(200)
  },
  async socket(id: string) {
    const socket = new WebSocket(`${core.url.replace('http', 'ws')}/api/plugins/${id}/socket`)
    await new Promise((resolve) => socket.addEventListener('open', resolve))
    socket.send('hello')
    await Bun.sleep(20)
    socket.close()
  },
  async leave(id: string) {
    const controller = new AbortController()
    const response = await core.request(`/api/plugins/${id}/go`, { signal: controller.signal })
    await response.body!.getReader().read()
    controller.abort()
  },
}

let pings = 0

describe('the process stays up, and the mistake is charged to the plugin that made it:', () => {
  test.each(kinds)('%s', async (_name, { says, by }, id) => {
    if (by === undefined)
      await core
        .request(`/api/plugins/${id}/go`)
        .then((response) => response.arrayBuffer())
        .catch(() => null)
    else await setOff[by](id)

    const line = await core.log(
      ({ level, plugin, message }) =>
        level === 'error' &&
        plugin === id &&
        (typeof says === 'string' ? message.split('\n')[0]!.endsWith(`: ${says}`) : says.test(message)),
    )
    expect(line.plugin).toBe(id)
    expect((await core.faults()).get(id) ?? 0).toBeGreaterThanOrEqual(1)

    expect(core.exitCode).toBe(null)
    expect(await (await core.request('/api/plugins/bystander/word')).text()).toBe('still here')
    const ping = ++pings
    await core.emit('bystander.ping', ping)
    expect((await core.events('bystander.pong'))[0]?.data).toBe(ping)
  })

  test('nobody else was charged, and everything still serves', async () => {
    const faults = await core.faults()
    expect(faults.get('bystander') ?? 0).toBe(0)
    expect(core.logs.filter(({ level, plugin }) => level === 'error' && plugin === null)).toEqual([])
    const { plugins } = (await (await core.request('/health')).json()) as { plugins: Record<string, number> }
    expect(plugins).toEqual({ active: kinds.length + 1, waiting: 0, failed: 0, disabled: 0 })
    for (const [, , id] of kinds)
      expect(core.logs.some((line) => line.level === 'error' && line.plugin === id)).toBe(true)
  })

  test('and it stops in good order when it is told to', async () => {
    expect(await core.stop()).toBe(0)
  }, 15_000)
})

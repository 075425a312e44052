// What a generation did not let go of: it is ended by force, and named in the record, in the log and in an event.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import type { Hold, Reload } from '@home-console/sdk'
import type { TestHouse } from '@home-console/sdk/testing'
import { closedSince, openDescriptors } from '../../core/loader/border/descriptors.ts'
import { until } from '../until.ts'
import { answering, answerOf, expectUntouchedBystander, houseWith } from './bystander.ts'

let house: TestHouse
afterEach(() => house?.stop())

/** A server for sockets to be connected to. */
let listener: Bun.TCPSocketListener
let open = 0
beforeAll(() => {
  listener = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: { data() {}, open: () => void open++, close: () => void open-- },
  })
})
afterAll(() => listener.stop(true))

const NEXT = answering('new')

/** Swaps the plugin, and waits until its old generation was judged. */
async function judged(text = NEXT, ms = 5_000): Promise<Reload> {
  const { id } = await house.save('lamp/index.ts', text)
  return until(
    'the old generation to be gone',
    () => {
      const unit = house.runtime.loader.find('lamp')!
      return unit.leaving.length === 0 ? unit.reloads.list(10).find((reload) => reload.id === id) : null
    },
    ms,
  )
}

async function expectLeaks(
  reload: Reload,
  ...leaks: { kind: string; label: string | RegExp }[]
): Promise<void> {
  expect(reload.leaks).toEqual(
    leaks.map(({ kind, label }) => ({
      kind,
      label: label instanceof RegExp ? expect.stringMatching(label) : label,
    })),
  )
  const named = reload.leaks.map(({ kind, label }) => `${kind} (${label})`).join(', ')
  expect(house.logs).toContainEqual(
    expect.objectContaining({
      level: 'warn',
      plugin: 'lamp',
      message: `Generation ${reload.generation - 1} left behind what had to be ended by force: ${named}.`,
    }),
  )
  expect((await house.event('plugin.leaked')).data).toEqual({
    plugin: 'lamp',
    generation: reload.generation - 1,
    reload: JSON.parse(JSON.stringify(reload)),
  })
  expect(await answerOf(house)).toBe('new')
  await expectUntouchedBystander(house)
}

describe('named, and ended', () => {
  test('an interval', async () => {
    house = await houseWith({
      lamp: { 'index.ts': answering('old', '\nsetInterval(() => ctx.log.info("tick"), 5)') },
    })
    const reload = await judged()
    await expectLeaks(reload, { kind: 'timer', label: 'setInterval of 5 ms at index.ts:8' })
    const ticks = () => house.logs.filter(({ message }) => message === 'tick').length
    const before = ticks()
    await Bun.sleep(30)
    expect(ticks()).toBe(before)
  })

  test('a timeout that is still to come', async () => {
    house = await houseWith({ lamp: { 'index.ts': answering('old', 'setTimeout(() => {}, 60_000)') } })
    await expectLeaks(await judged(), { kind: 'timer', label: 'setTimeout of 60000 ms at index.ts:7' })
  })

  test('a timer that a helper started, with the line in the helper', async () => {
    house = await houseWith({
      lamp: {
        'index.ts': answering('old', 'poll()', `import { poll } from './poll.ts'`),
        'poll.ts': 'export function poll() {\n  setInterval(() => {}, 1000)\n  return 1\n}\n',
      },
    })
    await expectLeaks(await judged(), { kind: 'timer', label: 'setInterval of 1000 ms at poll.ts:2' })
  })

  test('a listener on the global, which hears no more', async () => {
    Object.assign(globalThis, { heardOnGlobal: [] })
    house = await houseWith({
      lamp: {
        'index.ts': answering(
          'old',
          `addEventListener('of-a-test', () => void heardOnGlobal.push('once too often'))`,
        ),
      },
    })
    await expectLeaks(await judged(), { kind: 'listener', label: 'global "of-a-test" at index.ts:7' })
    ;(globalThis as unknown as EventTarget).dispatchEvent(new Event('of-a-test'))
    expect((globalThis as { heardOnGlobal?: string[] }).heardOnGlobal).toEqual([])
  })

  test('a worker', async () => {
    house = await houseWith({
      lamp: {
        'index.ts': answering('old', `new Worker(new URL('./worker.ts', import.meta.url))`),
        'worker.ts': `setInterval(() => {}, 1000)`,
      },
    })
    await Bun.sleep(50)
    const reload = await judged()
    await expectLeaks(reload, { kind: 'worker', label: /lamp\/worker\.ts at index\.ts:7$/ })
  })

  test('a child process of Bun.spawn', async () => {
    house = await houseWith({
      lamp: { 'index.ts': answering('old', `console.log(Bun.spawn(['sleep', '4321']).pid)`) },
    })
    const pid = Number(
      house.logs.find(({ plugin, message }) => plugin === 'lamp' && /^\d+$/.test(message))!.message,
    )
    const reload = await judged()
    expect(reload.leaks).toContainEqual({ kind: 'child process', label: `sleep 4321 (pid ${pid})` })
    await until('the child to be gone', () => !isRunning(pid))
    await expectUntouchedBystander(house)
  })

  test('a child process of node:child_process', async () => {
    house = await houseWith({
      lamp: {
        'index.ts': answering(
          'old',
          `console.log(spawn('sleep', ['4322'], { stdio: 'ignore' }).pid)`,
          `import { spawn } from 'node:child_process'`,
        ),
      },
    })
    const pid = Number(
      house.logs.find(({ plugin, message }) => plugin === 'lamp' && /^\d+$/.test(message))!.message,
    )
    await expectLeaks(await judged(), { kind: 'child process', label: `sleep 4322 (pid ${pid})` })
    await until('the child to be gone', () => !isRunning(pid))
  })

  test('a TCP socket, with the address at its other end', async () => {
    house = await houseWith({
      lamp: {
        'index.ts': answering(
          'old',
          `await Bun.connect({ hostname: '127.0.0.1', port: ${listener.port}, socket: { data() {} } })`,
        ),
      },
    })
    await until('the connection', () => open === 1)
    await expectLeaks(await judged(), { kind: 'socket', label: `127.0.0.1:${listener.port}` })
    await until('the connection to end', () => open === 0)
  })

  test('a socket of node:net', async () => {
    house = await houseWith({
      lamp: {
        'index.ts': answering(
          'old',
          `await new Promise((done) => connect(${listener.port}, '127.0.0.1', done))`,
          `import { connect } from 'node:net'`,
        ),
      },
    })
    await expectLeaks(await judged(), { kind: 'socket', label: `127.0.0.1:${listener.port}` })
  })

  test('an open file writer', async () => {
    house = await houseWith({ lamp: { 'index.ts': NEXT } })
    const holding = answering(
      'old',
      `held.push(Bun.file(ctx.files + '/notes').writer()); held[0].write('x'); await held[0].flush()`,
      // What nobody can reach any more may be collected, and is no leak then.
      `const held = []`,
    )
    // Now and then another thread closes it, after the look at what was ended: then nothing is said of it.
    for (let attempt = 1; attempt <= 5; attempt++) {
      await house.save('lamp/index.ts', `${holding}// ${attempt}`)
      const { leaks } = await judged(`${NEXT}// ${attempt}`)
      if (leaks.length > 0 || attempt === 5)
        expect(leaks).toEqual([{ kind: 'file', label: `${house.folder}/data/files/lamp/notes` }])
      if (leaks.length > 0) break
    }
  })

  test('a listener on the process', async () => {
    house = await houseWith({ lamp: { 'index.ts': answering('old', `process.on('SIGUSR2', () => {})`) } })
    expect(process.listenerCount('SIGUSR2')).toBe(1)
    await expectLeaks(await judged(), { kind: 'listener', label: 'process "SIGUSR2" at index.ts:7' })
    expect(process.listenerCount('SIGUSR2')).toBe(0)
  })

  test('a server that got past the guard', async () => {
    house = await houseWith({
      lamp: {
        'index.ts': answering(
          'old',
          `console.log(serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('mine') }).port)`,
          `import { serve } from 'bun'`,
        ),
      },
    })
    const port = house.logs.find(({ plugin, message }) => plugin === 'lamp' && /^\d+$/.test(message))!.message
    expect(
      await (await fetch(`http://127.0.0.1:${port}/`, { headers: { Connection: 'close' } })).text(),
    ).toBe('mine')
    await expectLeaks(await judged(), { kind: 'server', label: `127.0.0.1:${port}` })
    expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow()
  })

  test('a task that does not heed its signal', async () => {
    house = await houseWith({
      lamp: { 'index.ts': answering('old', `ctx.task('watch', () => new Promise(() => {}))`) },
    })
    await expectLeaks(await judged(NEXT, 8_000), { kind: 'task', label: 'watch' })
  }, 12_000)

  test('a request that never ends: its client is told after 10 s', async () => {
    house = await houseWith({
      lamp: { 'index.ts': answering('old', `router.get('/never', () => new Promise(() => {}))`) },
    })
    const request = house.request('/api/plugins/lamp/never')
    await Bun.sleep(50)
    await expectLeaks(await judged(NEXT, 14_000), { kind: 'request', label: 'GET /api/plugins/lamp/never' })
    const response = await request
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ code: 'generation_ended' })
  }, 20_000)

  test('a listener that never settles', async () => {
    house = await houseWith({
      lamp: { 'index.ts': answering('old', `ctx.events.on('door.*', () => new Promise(() => {}))`) },
    })
    house.runtime.bus.emit({ type: 'door.opened', source: '/clients/test' })
    await expectLeaks(await judged(NEXT, 14_000), { kind: 'listener', label: 'door.*' })
  }, 20_000)

  test('a body that never ends', async () => {
    const body = `router.get('/body', () => new Response(new ReadableStream({ start: (c) => c.enqueue('first') })))`
    house = await houseWith({ lamp: { 'index.ts': answering('old', body) } })
    const response = await house.request('/api/plugins/lamp/body')
    const reader = response.body!.getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('first')
    await expectLeaks(await judged(NEXT, 14_000), { kind: 'request', label: 'GET /api/plugins/lamp/body' })
    await expect(reader.read()).rejects.toThrow()
  }, 20_000)

  test('a defer that never ends', async () => {
    house = await houseWith({
      lamp: { 'index.ts': answering('old', 'ctx.defer(function wait() { return new Promise(() => {}) })') },
    })
    await expectLeaks(await judged(NEXT, 8_000), { kind: 'deferred', label: 'wait' })
  }, 12_000)

  test('an onUnload that never ends', async () => {
    const text = answering('old').replace(
      'async onLoad',
      'onUnload: () => new Promise(() => {}),\n  async onLoad',
    )
    house = await houseWith({ lamp: { 'index.ts': text } })
    await expectLeaks(await judged(NEXT, 8_000), { kind: 'farewell', label: 'onUnload' })
  }, 12_000)
})

describe('no leak', () => {
  const noLeak = async (text: string, meanwhile?: () => Promise<unknown>) => {
    house = await houseWith({ lamp: { 'index.ts': text } })
    await meanwhile?.()
    const reload = await judged()
    expect(reload.leaks).toEqual([] satisfies Hold[])
    expect(house.events.some(({ type }) => type === 'plugin.leaked')).toBe(false)
    await expectUntouchedBystander(house)
  }

  test('timers that the plugin clears itself, by object, by number, and in the drain', () =>
    noLeak(
      answering(
        'old',
        `clearInterval(setInterval(() => {}, 1000))
         clearTimeout(+setTimeout(() => {}, 1000))
         clearImmediate(setImmediate(() => {}))
         const timer = setInterval(() => {}, 1000)
         ctx.defer(() => clearInterval(timer))
         const told = setInterval(() => {}, 1000)
         ctx.signal.addEventListener('abort', () => clearInterval(told))`,
      ),
    ))

  test('timers that have fired', () =>
    noLeak(answering('old', 'setTimeout(() => {}, 1); setImmediate(() => {}); await Bun.sleep(10)')))

  test('a worker that was terminated', () =>
    noLeak(
      answering(
        'old',
        `const worker = new Worker('data:text/javascript,'); ctx.defer(() => worker.terminate())`,
      ),
    ))

  test('a child process that has ended', () => noLeak(answering('old', `await Bun.spawn(['true']).exited`)))

  test('a child process that the plugin ends', () =>
    noLeak(
      answering(
        'old',
        `const child = Bun.spawn(['sleep', '99']); ctx.defer(async () => { child.kill(); await child.exited })`,
      ),
    ))

  test('listeners on the global that were taken back, by the plugin, by a signal or by having heard once', async () => {
    Object.assign(globalThis, { heardOnGlobal: [] })
    house = await houseWith({
      lamp: {
        'index.ts': answering(
          'old',
          `
          const heard = (event) => void heardOnGlobal.push(event.type)
          const handler = { handleEvent: heard }
          const off = new AbortController()
          addEventListener('a', heard)
          addEventListener('a', heard)
          addEventListener('b', handler, { once: true })
          addEventListener('c', heard, { signal: off.signal, capture: true })
          for (const type of ['a', 'b', 'b', 'c']) dispatchEvent(new Event(type))
          removeEventListener('a', heard)
          off.abort()
          for (const type of ['a', 'b', 'c']) dispatchEvent(new Event(type))`,
        ),
      },
    })
    expect((await judged()).leaks).toEqual([])
    expect((globalThis as { heardOnGlobal?: string[] }).heardOnGlobal).toEqual(['a', 'b', 'c'])
  })

  test('listeners on the process that were taken back, or have heard what they were for', () =>
    noLeak(
      answering(
        'old',
        `const hear = () => {}
         process.on('SIGUSR2', hear)
         process.off('SIGUSR2', hear)
         process.once('SIGUSR2', () => ctx.log.info('heard'))`,
      ),
      async () => {
        process.kill(process.pid, 'SIGUSR2')
        await until('the signal', () => house.logs.some(({ message }) => message === 'heard'))
      },
    ))

  test('what ctx gave', () =>
    noLeak(
      answering(
        'old',
        `ctx.every(1000, () => {}); ctx.after(1000, () => {}); ctx.events.on('**', () => {})
         ctx.task('wait', (signal) => new Promise((done) => signal.addEventListener('abort', done)))`,
      ),
    ))

  test('an event stream, which ends in good order', async () => {
    let reader!: { read(): Promise<{ done: boolean }> }
    const stream = `router.get('/events', () => new Response(new ReadableStream({ start: (c) => c.enqueue('data: 1\\n\\n') }), { headers: { 'Content-Type': 'text/event-stream' } }))`
    await noLeak(answering('old', stream), async () => {
      reader = (await house.request('/api/plugins/lamp/events')).body!.getReader()
      await reader.read()
    })
    expect((await reader.read()).done).toBe(true)
  })

  test('a WebSocket, which is told to come back', async () => {
    const closed = Promise.withResolvers<CloseEvent>()
    await noLeak(
      answering('old', `router.ws('/socket', { message(socket, text) { socket.send(text) } })`),
      async () => {
        const socket = new WebSocket(`${house.url.replace('http', 'ws')}/api/plugins/lamp/socket`)
        socket.addEventListener('close', closed.resolve)
        await new Promise((resolve) => socket.addEventListener('open', resolve))
        socket.send('hello')
        await new Promise((resolve) => socket.addEventListener('message', resolve))
      },
    )
    expect((await closed.promise).code).toBe(1012)
  })
})

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('a child of somebody else that was killed a moment before is no leak', () => {
  const child = Bun.spawn(['sleep', '60'])
  process.kill(child.pid, 'SIGKILL')
  // Nobody has heard of its end yet: that takes a turn of the loop.
  const isZombie = () => /^State:\s+Z/m.test(readFileSync(`/proc/${child.pid}/status`, 'utf8'))
  for (const end = Date.now() + 5_000; !isZombie();) expect(Date.now()).toBeLessThan(end)
  const children = closedSince(openDescriptors()).filter(({ kind }) => kind === 'child process')
  expect(children).toEqual([])
})

// The life of a generation: what begins when, what is heard by whom, and in which order everything ends.

import { afterEach, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import type { TestHouse } from '@home-console/sdk/testing'
import { until } from '../until.ts'
import { answering, answerOf, expectUntouchedBystander, houseWith } from './bystander.ts'

let house: TestHouse
afterEach(async () => {
  await expectUntouchedBystander(house)
  await house.stop()
})

const said = (plugin = 'lamp') =>
  house.logs
    .filter((line) => line.plugin === plugin && line.fields['said'] === true)
    .map(({ message }) => message)
/** Says a word in the log, by which the tests know what happened. */
const SAY = `const say = (word) => ctx.log.info(word, { said: true })`

const gone = () =>
  until(
    'the old generation to be gone',
    () => house.runtime.loader.find('lamp')!.leaving.length === 0,
    15_000,
  )

describe('before the commit', () => {
  test('events are held, and come in order once the version serves', async () => {
    const emits = `ctx.events.emit('lamp.made', 1); await Bun.sleep(50); ctx.events.emit('lamp.made', 2)`
    house = await houseWith({ lamp: { 'index.ts': answering('old', emits) } })
    const types = house.events.map(({ type, source }) => `${type} of ${source}`)
    expect(types.filter((type) => type.startsWith('lamp.'))).toEqual([
      'lamp.made of /plugins/lamp',
      'lamp.made of /plugins/lamp',
    ])
    expect((await house.event('lamp.made')).data).toBe(1)
    expect((await house.event('lamp.made')).data).toBe(2)
  })

  test('what a held event says is what it said when it was emitted', async () => {
    house = await houseWith({
      lamp: {
        'index.ts': answering(
          'old',
          `const data = { on: true }; ctx.events.emit('lamp.made', data); data.on = false`,
        ),
      },
    })
    expect((await house.event('lamp.made')).data).toEqual({ on: true })
  })

  test('events of a refused version are dropped, and nothing that it registered ever runs', async () => {
    house = await houseWith({ lamp: { 'index.ts': answering('old') } })
    const bad = `${SAY}
      ctx.events.emit('lamp.made', 1)
      ctx.events.on('**', () => say('heard'))
      ctx.every(1, () => say('every'))
      ctx.after(0, () => say('after'))
      ctx.task('t', () => say('task'))
      ctx.defer(() => say('undone'))
      await Bun.sleep(30)
      throw new Error('no')`
    expect((await house.save('lamp/index.ts', answering('bad', bad))).outcome).toBe('kept_old')
    await house.clock.advance(100)
    await until('the defer', () => said().includes('undone'))
    await Bun.sleep(30)
    expect(said()).toEqual(['undone'])
    expect(house.events.some(({ type }) => type === 'lamp.made')).toBe(false)
  })

  test('timers and tasks do not start, and start at the commit', async () => {
    const text = `${SAY}
      ctx.after(0, () => say('after'))
      ctx.every(1000, () => say('every'))
      ctx.task('t', () => say('task'))
      setTimeout(() => say('loading'), 20)
      await Bun.sleep(60)`
    house = await houseWith({ lamp: { 'index.ts': answering('old', text) } })
    await house.clock.advance(1000)
    expect(said()).toEqual(['loading', 'task', 'after', 'every'])
  })

  test('the old generation hears every event meanwhile, and the new one none', async () => {
    const hears = (name: string, more = '') =>
      answering(name, `${SAY}; ctx.events.on('door.*', () => say('${name}')); ${more}`)
    house = await houseWith({ lamp: { 'index.ts': hears('old') } })
    const swap = house.save('lamp/index.ts', hears('new', 'await Bun.sleep(200)'))
    await Bun.sleep(100)
    house.runtime.bus.emit({ type: 'door.opened', source: '/clients/test' })
    expect(said()).toEqual(['old'])
    await swap
    house.runtime.bus.emit({ type: 'door.opened', source: '/clients/test' })
    expect(said()).toEqual(['old', 'new'])
  })

  test('what a task emits at once finds every subscription live, wherever it stands in onLoad', async () => {
    house = await houseWith({
      lamp: {
        'index.ts': answering(
          'old',
          `${SAY}; ctx.task('t', () => ctx.events.emit('lamp.begun', null)); ctx.events.on('lamp.begun', () => say('heard'))`,
        ),
      },
    })
    await until('the event', () => said().includes('heard'))
  })
})

describe('a swap', () => {
  test('handles numbered events once each, in order, over many swaps', async () => {
    const text = (n: number) =>
      answering('x', `ctx.events.on('count.up', ({ data }) => globalThis.heard.push(data)); // ${n}`)
    const heard: number[] = []
    Object.assign(globalThis, { heard })
    house = await houseWith({ lamp: { 'index.ts': text(0) } })
    let sent = 0
    const sender = setInterval(() => {
      for (let burst = 0; burst < 5; burst++)
        house.runtime.bus.emit({ type: 'count.up', source: '/clients/test', data: sent++ })
    }, 1)
    for (let swap = 1; swap <= 25; swap++)
      expect((await house.save('lamp/index.ts', text(swap))).outcome).toBe('committed')
    clearInterval(sender)
    expect(sent).toBeGreaterThan(50)
    expect(heard).toEqual(Array.from({ length: sent }, (_, at) => at))
  }, 15_000)

  test('loses no request over many swaps, and a request that begins after it meets the new code', async () => {
    house = await houseWith({ lamp: { 'index.ts': answering('0') } })
    const finish = new AbortController()
    const answers: string[] = []
    const clients = Array.from({ length: 4 }, async () => {
      while (!finish.signal.aborted) {
        const response = await house.request('/api/plugins/lamp/word')
        expect(response.status).toBe(200)
        answers.push(await response.text())
      }
    })
    for (let swap = 1; swap <= 20; swap++) {
      await house.save('lamp/index.ts', answering(String(swap)))
      expect(await answerOf(house)).toBe(String(swap))
    }
    finish.abort()
    await Promise.all(clients)
    expect(answers.length).toBeGreaterThan(20)
  }, 15_000)

  test('lets requests under way finish on the old generation, with all that ctx gives', async () => {
    const slow = `router.get('/slow', async (c) => {
      await Bun.sleep(200)
      await new Promise((resolve) => ctx.after(10, resolve))
      ctx.events.emit('lamp.slow', 'still')
      ctx.status('bulb', 'ok')
      return c.text('old ' + ctx.draining.aborted + ctx.signal.aborted)
    })`
    house = await houseWith({ lamp: { 'index.ts': answering('old', slow) } })
    const request = house.request('/api/plugins/lamp/slow')
    await Bun.sleep(50)
    await house.save('lamp/index.ts', answering('new'))
    expect(await answerOf(house)).toBe('new')
    await Bun.sleep(200)
    await house.clock.advance(10)
    expect(await (await request).text()).toBe('old truefalse')
    expect((await house.event('lamp.slow')).data).toBe('still')
    await gone()
    expect(house.runtime.loader.find('lamp')!.reloads.last!.leaks).toEqual([])
  })

  test('ends the old generation in order: drain, requests, onUnload, signal, and what was deferred, last in first out', async () => {
    const text = answering(
      'old',
      `${SAY}
       ctx.draining.addEventListener('abort', () => say('draining'))
       ctx.signal.addEventListener('abort', () => say('signal'))
       ctx.defer(() => say('first'))
       ctx.defer(async () => { await Bun.sleep(20); say('second') })
       ctx.defer(() => say('third'))
       router.get('/slow', async (c) => { await Bun.sleep(100); say('request'); return c.text('') })`,
    ).replace('async onLoad', `onUnload(ctx) { ctx.log.info('onUnload', { said: true }) },\n  async onLoad`)
    house = await houseWith({ lamp: { 'index.ts': text } })
    void house.request('/api/plugins/lamp/slow')
    await Bun.sleep(30)
    await house.save('lamp/index.ts', answering('new'))
    await gone()
    expect(said()).toEqual(['draining', 'request', 'onUnload', 'signal', 'third', 'second', 'first'])
  })

  test('waits for all that a listener does for several events at once, and for no more', async () => {
    const text = answering(
      'old',
      `${SAY}
       ctx.events.on('lamp.lit', async ({ data }) => { await Bun.sleep(data); say('done ' + data) })
       router.get('/light', (c) => {
         for (const ms of [50, 150, 250]) ctx.events.emit('lamp.lit', ms)
         return c.text('')
       })`,
    ).replace('async onLoad', `onUnload(ctx) { ctx.log.info('onUnload', { said: true }) },\n  async onLoad`)
    house = await houseWith({ lamp: { 'index.ts': text } })
    await house.request('/api/plugins/lamp/light')
    await house.save('lamp/index.ts', answering('new'))
    await gone()
    expect(said()).toEqual(['done 50', 'done 150', 'done 250', 'onUnload'])
    expect(house.runtime.loader.find('lamp')!.reloads.last!.leaks).toEqual([])
  })

  test('starts a task when the old one of its label has ended, and not before', async () => {
    const task = (name: string) =>
      answering(
        name,
        `${SAY}; ctx.task('port', async (signal) => {
        say('${name} begins')
        await new Promise((done) => signal.addEventListener('abort', done))
        await Bun.sleep(150)
        say('${name} ends')
      })`,
      )
    house = await houseWith({ lamp: { 'index.ts': task('one') } })
    for (const name of ['two', 'three']) await house.save('lamp/index.ts', task(name))
    await until('the last task', () => said().includes('three begins'))
    expect(said()).toEqual(['one begins', 'one ends', 'three begins'])
  })

  test('starts a task after 5 s beside one that does not heed its signal', async () => {
    house = await houseWith({
      lamp: { 'index.ts': answering('old', `ctx.task('port', () => new Promise(() => {}))`) },
    })
    await house.save('lamp/index.ts', answering('new', `${SAY}; ctx.task('port', () => say('begins'))`))
    const since = Date.now()
    await until('the new task', () => said().includes('begins'), 8_000)
    expect(Date.now() - since).toBeGreaterThan(4_500)
    await gone()
  }, 15_000)

  test('starts no task twice when a plugin is taken away and put back at once', async () => {
    const task = answering(
      'x',
      `${SAY}; ctx.task('port', async (signal) => {
      say('begins')
      await new Promise((done) => signal.addEventListener('abort', done))
      await Bun.sleep(300)
      say('ends')
    })`,
    )
    house = await houseWith({ lamp: { 'index.ts': task } })
    const unit = house.runtime.loader.find('lamp')!
    void house.runtime.loader.wish(unit, { enabled: false })
    await house.runtime.loader.wish(unit, { enabled: true })
    await until('the task', () => said().length === 3)
    expect(said()).toEqual(['begins', 'ends', 'begins'])
    expect(await answerOf(house)).toBe('x')
  })
})

describe('a plugin', () => {
  test('writes to its own log with console', async () => {
    house = await houseWith({
      lamp: {
        'index.ts': answering(
          'x',
          `console.log('a %s', 'word', { b: 1 }); console.warn('careful'); console.debug('small')`,
        ),
      },
    })
    const lines = house.logs.filter(
      ({ plugin, message }) => plugin === 'lamp' && !message.startsWith('Loaded'),
    )
    expect(lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'info a word { b: 1 }',
      'warn careful',
      'debug small',
    ])
  })

  test('has a folder of its own, which survives a swap', async () => {
    const write = `await Bun.write(ctx.files + '/note', 'kept')`
    house = await houseWith({ lamp: { 'index.ts': answering('x', write) } })
    await house.save(
      'lamp/index.ts',
      answering('new', `${SAY}; say(await Bun.file(ctx.files + '/note').text())`),
    )
    expect(said()).toEqual(['kept'])
    expect(readFileSync(`${house.folder}/data/files/lamp/note`, 'utf8')).toBe('kept')
  })

  test.each([
    ['process.abort', 'process.abort()'],
    ['process.reallyExit', 'process.reallyExit(1)'],
    ['process.chdir', `process.chdir('/')`],
    ['process.kill of the Core', 'process.kill(process.pid)'],
    ['process.exit', `setTimeout(() => process.exit(), 1)`],
  ])('is told in plain words that %s is not for it', async (what, code) => {
    house = await houseWith({
      lamp: { 'index.ts': answering('x', `router.get('/go', (c) => { ${code}; return c.text('') })`) },
    })
    await house.request('/api/plugins/lamp/go')
    await until('the words', () =>
      house.logs.some(
        ({ plugin, level, message }) =>
          plugin === 'lamp' && level === 'error' && message.includes(`${what} does not work in a plugin`),
      ),
    )
  })
})

describe('what the Core does on a plugin’s call does not die with it', () => {
  test('a subscription that another plugin makes while it handles the event of a plugin that goes', async () => {
    house = await houseWith({
      other: {
        'index.ts': answering(
          'x',
          `${SAY}
        ctx.events.on('lamp.hello', () => {
          ctx.after(50, () => say('after'))
          ctx.events.on('door.*', () => say('door'))
          setTimeout(() => say('raw'), 300)
        })`,
        ),
      },
      lamp: {
        'index.ts': answering(
          'old',
          `router.get('/go', (c) => { ctx.events.emit('lamp.hello', null); return c.text('') })`,
        ),
      },
    })
    await house.request('/api/plugins/lamp/go')
    await house.save('lamp/index.ts', answering('new'))
    await gone()
    await house.clock.advance(50)
    house.runtime.bus.emit({ type: 'door.opened', source: '/clients/test' })
    await until('the raw timer', () => said('other').includes('raw'))
    expect(said('other')).toEqual(['after', 'door', 'raw'])
  })

  test('an event stream of the control plane that carries its events', async () => {
    house = await houseWith({
      lamp: {
        'index.ts': answering(
          'old',
          `router.get('/go', (c) => { ctx.events.emit('lamp.hello', null); return c.text('') })`,
        ),
      },
    })
    const response = await house.request('/api/core/events?pattern=lamp.*&pattern=door.*')
    const reader = response
      .body!.pipeThrough(new TextDecoderStream() as never)
      .getReader() as ReadableStreamDefaultReader<string>
    const next = async (type: string) => {
      for (let text = ''; !text.includes(`"type":"${type}"`);) text += (await reader.read()).value
    }
    await house.request('/api/plugins/lamp/go')
    await next('lamp.hello')
    await house.save('lamp/index.ts', answering('new'))
    await gone()
    house.runtime.bus.emit({ type: 'door.opened', source: '/clients/test' })
    await next('door.opened')
    await reader.cancel()
  })

  test('its log lines and its status, of the last moment', async () => {
    house = await houseWith({
      lamp: {
        'index.ts': answering(
          'old',
          `${SAY}; ctx.defer(() => { say('bye'); ctx.events.emit('lamp.bye', 1) })`,
        ),
      },
    })
    await house.save('lamp/index.ts', answering('new'))
    await gone()
    expect(said()).toEqual(['bye'])
  })
})

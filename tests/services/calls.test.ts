// A service is called: what reaches the provider, what comes back, and whose fault it is.

import { expect, test } from 'bun:test'
import { until } from '../until.ts'
import { ask, failureOf, houseOf, leaked, mistakes, provider, user } from './kit.ts'

test('a call gives a promise of what the method gives, at once or promised, with its own this', async () => {
  await using house = await houseOf({
    lamp: provider(
      `name: 'hall', isOn: () => true, async add(a, b) { return a + b }, who() { return this.name }`,
    ),
    user: user({
      all: `return { on: await lamp.isOn(), sum: await lamp.add(1, 2), who: await lamp.who(), promise: lamp.isOn() instanceof Promise }`,
    }),
  })

  expect(await ask(house, 'user/all')).toEqual({ on: true, sum: 3, who: 'hall', promise: true })
  expect(await house.service('lamp').add(2, 3)).toBe(5)
})

test('an instance of a class offers what its classes define, and nothing of the language', async () => {
  await using house = await houseOf({
    lamp: `
      class Switch { #on = false; set(on) { this.#on = on; return this.isOn() } isOn() { return this.#on } get secret() { throw new Error('read') } }
      class Lamp extends Switch { brightness() { return this.isOn() ? 100 : 0 } }
      export default { onLoad(ctx) { ctx.services.provide('lamp', new Lamp()) } }
    `,
  })
  const lamp = house.service('lamp')

  expect(await lamp.set(true)).toBe(true)
  expect(await lamp.brightness()).toBe(100)
  expect((await failureOf(lamp.secret())).code).toBe('service_method_missing')
  expect(house.runtime.services.list()[0]).toMatchObject({
    provider: { plugin: 'lamp', generation: 1 },
    methods: ['brightness', 'set', 'isOn'],
  })
})

test('a name that nobody provides rejects with service_unavailable, and answers as soon as somebody does', async () => {
  await using house = await houseOf({ user: user({ on: `return lamp.isOn()` }, '') })

  const response = await house.request('/api/plugins/user/on')
  expect([response.status, ((await response.json()) as any).code]).toEqual([503, 'service_unavailable'])
  expect(mistakes(house)).toEqual([])

  await house.save('lamp/index.ts', provider(`isOn: () => 'yes'`))
  expect(await ask(house, 'user/on')).toBe('yes')
})

test('a method that is none rejects with service_method_missing, which names service, method and provider', async () => {
  await using house = await houseOf({ bulb: provider(`isOn: () => true, watts: 5`) })
  for (const method of ['dim', 'watts']) {
    const error = await failureOf(house.service('lamp')[method]())
    expect(error.code).toBe('service_method_missing')
    expect(error.message).toContain(`"lamp"`)
    expect(error.message).toContain(`"${method}"`)
    expect(error.message).toContain(`"bulb"`)
  }
})

test('what the provider throws reaches the caller as it is; a mistake is charged to the provider alone', async () => {
  await using house = await houseOf({
    lamp: provider(`
      refuse() { throw problem(409, 'already_so', 'It is on.') },
      async fail() { throw new RangeError('the filament') },
      text() { throw 'just text' },
      nothing() { return Promise.reject(undefined) },
    `),
    user: user({
      refuse: `return lamp.refuse()`,
      fail: `return lamp.fail()`,
      caught: `return [await lamp.fail().catch((e) => e instanceof RangeError && e.message), await lamp.text().catch((e) => e), await lamp.nothing().catch((e) => typeof e)]`,
    }),
  })

  expect(await ask(house, 'user/refuse')).toMatchObject({
    status: 409,
    code: 'user.already_so',
    detail: 'It is on.',
  })
  expect(mistakes(house)).toEqual([])
  expect((await failureOf(house.service('lamp').refuse())).code).toBe('already_so')
  expect(await ask(house, 'user/fail')).toMatchObject({ status: 500, code: 'handler_failed' })
  expect(await ask(house, 'user/caught')).toEqual(['the filament', 'just text', 'undefined'])

  expect(mistakes(house)).toHaveLength(4)
  expect(mistakes(house).every((line) => line.startsWith('lamp: A mistake in service call "lamp.'))).toBe(
    true,
  )
  expect(house.runtime.loader.faults.get('user')).toBeUndefined()
})

test("what a method throws later, or leaves running, is the provider's and not the caller's", async () => {
  await using house = await houseOf({
    lamp: provider(`
      later() { setTimeout(() => { throw new Error('too late') }, 1); return 'for now' },
      tick() { setInterval(() => {}, 1_000) },
    `),
    user: user({ later: `return lamp.later()`, tick: `return lamp.tick()` }),
  })

  expect(await ask(house, 'user/later')).toBe('for now')
  await ask(house, 'user/tick')
  while (mistakes(house).length === 0) await Bun.sleep(1)
  expect(mistakes(house)[0]).toStartWith('lamp: A mistake in a callback')

  await house.save('user/index.ts', user({ on: `return 1` }))
  await house.save('lamp/index.ts', provider(`isOn: () => true`))
  await until('the leak', () => leaked(house).includes('lamp: timer'))
  expect(leaked(house).filter((leak) => leak.startsWith('user'))).toEqual([])
})

test('functions and symbols are no data, and refused before the provider sees them', async () => {
  await using house = await houseOf({ lamp: provider(`take: (...given) => given`) })
  const lamp = house.service('lamp')

  for (const wrong of [() => 1, Symbol('x')])
    expect((await failureOf(lamp.take(wrong))).code).toBe('invalid_argument')
  expect(await lamp.take(null, undefined, { deep: [1] })).toEqual([null, undefined, { deep: [1] }])
})

test('a handle is no promise, has nothing of the language, cannot be changed, and stays the same', async () => {
  await using house = await houseOf({
    lamp: provider(
      `isOn: () => true, then: () => 'never', toJSON: () => 'never', constructor() { return 'never' }`,
    ),
    user: user({
      traps: `
        const handle = await ctx.services.use('lamp')
        const names = ['then', 'constructor', '__proto__', 'toString', 'toJSON', 'hasOwnProperty', Symbol.iterator, Symbol.asyncIterator, Symbol.toPrimitive]
        const changes = [() => { handle.isOn = 1 }, () => { delete handle.isOn; handle.__proto__ = {} }, () => Object.defineProperty(handle, 'x', { value: 1 }), () => Object.setPrototypeOf(handle, Array.prototype)]
        return {
          same: handle === lamp && lamp.isOn === handle.isOn,
          language: names.filter((name) => handle[name] !== undefined).map(String),
          changed: changes.filter((change) => { try { change(); return true } catch { return false } }).map(String),
          keys: Object.keys(handle), proto: Object.getPrototypeOf(handle), json: JSON.stringify(handle),
          on: await handle.isOn(),
        }`,
    }),
  })

  expect(await ask(house, 'user/traps')).toEqual({
    same: true,
    language: [],
    changed: [],
    keys: [],
    proto: null,
    json: '{}',
    on: true,
  })
})

test('what an event set off is known across services: a storm through one ends as any other', async () => {
  await using house = await houseOf({
    lamp: provider(
      `async set() { await 1; ctx.events.emit('lamp.changed', {}) }`,
      'lamp',
      `ctx.events.on('lamp.ask', async () => { await ctx.services.use('lamp').set() })`,
    ),
    echo: `export default { onLoad(ctx) { ctx.events.on('lamp.changed', () => ctx.services.use('lamp').set()) } }`,
  })

  house.runtime.bus.emit({ type: 'lamp.ask', source: '/clients/test' })
  const changed = await house.event('lamp.changed')
  const asked = house.events.find(({ type }) => type === 'lamp.ask')!
  expect(changed.causationid).toBe(asked.id)
  while (!mistakes(house).some((line) => line.includes('storm'))) await Bun.sleep(2)
  expect(mistakes(house)[0]).toContain('"lamp.ask" set off more than 1000 events')
})

test('the owner sees who provides and uses what, and how often', async () => {
  await using house = await houseOf({
    lamp: provider(`isOn: () => true, dim() { throw new Error('no') }`),
    user: user({
      on: `return lamp.isOn()`,
      dim: `return lamp.dim()`,
      other: `return ctx.services.use('fan').spin()`,
    }),
  })
  for (const path of ['on', 'on', 'dim', 'other']) await ask(house, `user/${path}`)

  const { services } = (await (await house.request('/api/core/services')).json()) as any
  expect(services).toEqual([
    {
      name: 'fan',
      provider: null,
      methods: [],
      users: [{ plugin: 'user', generation: 1, required: false, methods: ['spin'] }],
      calls: 1,
      failed: 1,
    },
    {
      name: 'lamp',
      provider: { plugin: 'lamp', generation: 1 },
      methods: ['isOn', 'dim'],
      users: [{ plugin: 'user', generation: 1, required: true, methods: ['isOn', 'dim'] }],
      calls: 3,
      failed: 1,
    },
  ])
  const metrics = await (await house.request('/metrics')).text()
  expect(metrics).toContain('home_console_service_calls_total{service="lamp",outcome="ok"} 2\n')
  expect(metrics).toContain('home_console_service_calls_total{service="lamp",outcome="failed"} 1\n')
  const plugin = async (id: string) => (await house.request(`/api/core/plugins/${id}`)).json()
  expect(await plugin('user')).toMatchObject({ requires: ['lamp'], provides: [] })
  expect(await plugin('lamp')).toMatchObject({
    requires: [],
    provides: ['lamp'],
    holds: [{ kind: 'service', label: 'lamp' }],
  })
  expect((await house.request('/api/core/services', { headers: { authorization: '' } })).status).toBe(401)
})

test('a rejection that nobody awaits is a mistake of the caller, and no trouble for the house', async () => {
  await using house = await houseOf({
    lamp: provider(
      `refuse() { throw problem(409, 'at_once') }, async later() { await 1; await Bun.sleep(1); throw problem(409, 'later') }, fail() { throw new Error('broken') }`,
    ),
    user: user({
      go: `void lamp.refuse(); void lamp.later(); void lamp.fail(); void ctx.services.use('none').x(); return 1`,
    }),
  })
  await ask(house, 'user/go')

  await until('the last of them', () => mistakes(house).length === 4)
  expect(
    mistakes(house)
      .map((line) => line.replace(/ at \/.*?:\d+/, ''))
      .toSorted(),
  ).toEqual([
    'lamp: A mistake in service call "lamp.fail": broken',
    'user: A mistake in a promise that nobody awaits: No plugin provides "none" now.',
    'user: A mistake in a promise that nobody awaits: at_once',
    'user: A mistake in a promise that nobody awaits: later',
  ])
})

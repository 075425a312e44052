// A service's life: staged, live, swapped, gone; and what is refused before it lives.

import { expect, test } from 'bun:test'
import { until } from '../until.ts'
import { ask, failureOf, houseOf, mistakes, provider, user } from './kit.ts'

test('each call is answered by whoever provides the service when it is made; one under way ends where it began', async () => {
  // The slow call ends when the event comes, so that a test decides when.
  const slow = (version: number) =>
    provider(
      `version: () => ${version}, slow: () => new Promise((resolve) => ctx.events.on('end.it', () => resolve(${version})))`,
    )
  await using house = await houseOf({
    lamp: slow(1).replace(`ctx.events.on('end.it', () => resolve(1))`, `globalThis.endIt = () => resolve(1)`),
    user: user({ version: `return lamp.version()`, slow: `return lamp.slow()` }),
  })
  expect(await ask(house, 'user/version')).toBe(1)
  const underWay = ask(house, 'user/slow')
  await until('the slow call', () => 'endIt' in globalThis)
  const old = house.runtime.loader.find('lamp')!.serving!

  expect((await house.save('lamp/index.ts', slow(2))).outcome).toBe('committed')
  expect(await ask(house, 'user/version')).toBe(2)
  expect(old.scope.state).toBe('silent')
  ;(globalThis as any).endIt()
  delete (globalThis as any).endIt

  expect(await underWay).toBe(1)
  await until('the end of the old one', () => old.scope.state === 'closed')
})

test('a version that is refused changes nothing, and its service was never seen', async () => {
  await using house = await houseOf({
    lamp: provider(`version: () => 1`),
    user: user({ version: `return lamp.version()` }),
  })

  const reload = await house.save(
    'lamp/index.ts',
    provider(`version: () => 2`).replace('},\n})', `throw new Error('no') },\n})`),
  )

  expect(reload.outcome).toBe('kept_old')
  expect(await ask(house, 'user/version')).toBe(1)
  expect((await house.save('lamp/index.ts', provider(`version: () => 3`))).outcome).toBe('committed')
  expect(await ask(house, 'user/version')).toBe(3)
})

test('a plugin that goes takes its service along, and what it uses knows it no longer', async () => {
  await using house = await houseOf({
    lamp: provider(`isOn: () => true`),
    user: user({ on: `return lamp.isOn()` }),
  })
  const { services } = house.runtime

  await house.send('PATCH', '/api/core/plugins/user', { enabled: false })
  expect(services.usesOf('lamp')).toEqual([])
  await house.send('PATCH', '/api/core/plugins/user', { enabled: true })
  expect(services.usesOf('lamp').map(({ user: { id } }) => id)).toEqual(['user'])
  await house.send('PATCH', '/api/core/plugins/lamp', { enabled: false })
  expect(services.list()).toMatchObject([{ name: 'lamp', provider: null }])
  expect((await failureOf(house.service('lamp').isOn())).code).toBe('service_unavailable')
})

test('a name that another plugin provides is refused, and free when that one is gone', async () => {
  await using house = await houseOf({ lamp: provider(`isOn: () => 'lamp'`) })

  const refused = await house.save('bulb/index.ts', provider(`isOn: () => 'bulb'`))
  expect(refused).toMatchObject({
    outcome: 'failed',
    error: { code: 'service_taken', file: house.path('bulb/index.ts'), line: 7 },
  })
  expect(refused.error!.message).toContain('"lamp"')
  expect(await house.service('lamp').isOn()).toBe('lamp')

  await house.send('PATCH', '/api/core/plugins/lamp', { enabled: false })
  await house.request('/api/core/plugins/bulb/reload', { method: 'POST' })
  expect(await house.service('lamp').isOn()).toBe('bulb')
})

test('of two that are staged together and provide one name, one is refused and the other serves', async () => {
  const slow = provider(`who: () => ctx.id`)
    .replace('onLoad(ctx) {', 'async onLoad(ctx) {')
    .replace(`})\n`, `})\n`)
  await using house = await houseOf({ one: slow, two: slow })

  const states = house.runtime.loader.list().map(({ state, error }) => error?.code ?? state)
  expect(states.toSorted()).toEqual(['active', 'service_taken'])
  expect(['one', 'two']).toContain(await house.service('lamp').who())
})

test('what stands in provides and is not provided refuses the version, and says so', async () => {
  await using house = await houseOf({ lamp: provider(`isOn: () => true`) })

  const reload = await house.save(
    'lamp/index.ts',
    `export default { provides: ['lamp', 'fan'], onLoad(ctx) { ctx.services.provide('lamp', { isOn: () => 1 }) } }`,
  )

  expect(reload).toMatchObject({ outcome: 'kept_old', error: { code: 'service_not_provided', line: 1 } })
  expect(reload.error!.message).toContain(`ctx.services.provide('fan', …)`)
  expect(await house.service('lamp').isOn()).toBe(true)
})

test('names and implementations that are none are refused', async () => {
  await using house = await houseOf({})
  const bad = {
    [`requires: ['La mp']`]: 'invalid_definition',
    [`requires: ['lamp', 'lamp']`]: 'invalid_definition',
    [`provides: 'lamp'`]: 'invalid_definition',
    [`onLoad: (ctx) => void ctx.services.use('__proto__.X')`]: 'invalid_argument',
    [`onLoad: (ctx) => void ctx.services.use(7)`]: 'invalid_argument',
    [`onLoad: (ctx) => void ctx.services.provide('', { a() {} })`]: 'invalid_argument',
    [`onLoad: (ctx) => void ctx.services.provide('a..b', { a() {} })`]: 'invalid_argument',
    [`onLoad: (ctx) => void ctx.services.provide('lamp', null)`]: 'invalid_argument',
    [`onLoad: (ctx) => void ctx.services.provide('lamp', () => 1)`]: 'invalid_argument',
    [`onLoad: (ctx) => void ctx.services.provide('lamp', class { on() {} })`]: 'invalid_argument',
    [`onLoad: (ctx) => void ctx.services.provide('lamp', { watts: 5 })`]: 'invalid_argument',
  }
  for (const [members, code] of Object.entries(bad)) {
    const reload = await house.save('bad/index.ts', `export default { onLoad() {}, ${members} }`)
    expect([members, reload.error?.code]).toEqual([members, code])
  }
  for (const name of ['constructor', 'a.b-c_1', '__proto__'])
    expect((await house.save('good/index.ts', provider(`hi: () => '${name}'`, name))).outcome).toBe(
      'committed',
    )
  expect(await house.service('__proto__').hi()).toBe('__proto__')
  expect((await failureOf(house.service('constructor').hi())).code).toBe('service_unavailable')
})

test('a service can be provided later, and taken back', async () => {
  await using house = await houseOf({
    lamp: `export default { onLoad(ctx) {
      let undo
      ctx.events.on('lamp.offer', () => { undo = ctx.services.provide('lamp', { isOn: () => true }) })
      ctx.events.on('lamp.withdraw', () => { undo(); undo() })
    } }`,
  })
  const lamp = house.service('lamp')
  const say = (type: string) => house.runtime.bus.emit({ type, source: '/clients/test' })

  expect((await failureOf(lamp.isOn())).code).toBe('service_unavailable')
  say('lamp.offer')
  expect(await lamp.isOn()).toBe(true)
  say('lamp.withdraw')
  expect((await failureOf(lamp.isOn())).code).toBe('service_unavailable')
  expect(mistakes(house)).toEqual([])
})

test('who waits for a provider that is ended by force is told', async () => {
  await using house = await houseOf({
    lamp: provider(
      `never: () => new Promise(() => {}), async *watch() { yield 1; await new Promise(() => {}) }`,
    ),
    user: user({ never: `return lamp.never()` }),
  })
  const generation = house.runtime.loader.find('lamp')!.serving!
  const iteration = await house.service('lamp').watch()
  expect(await iteration.next()).toEqual({ done: false, value: 1 })
  const [waiting, next] = [house.request('/api/plugins/user/never'), failureOf(iteration.next())]
  const call = failureOf(house.service('lamp').never())
  await until('the calls', () => house.runtime.services.list()[0]!.calls === 3)

  generation.endByForce()

  expect((await call).code).toBe('generation_ended')
  expect(['generation_ended', 'service_swapped']).toContain((await next).code)
  const response = await waiting
  expect([response.status, ((await response.json()) as any).code]).toEqual([503, 'generation_ended'])
  expect(mistakes(house)).toEqual([])
})

test('a caller that goes in the middle of a call hurts nobody, and the call ends in the provider', async () => {
  await using house = await houseOf({
    lamp: provider(
      `slow: async () => { await Bun.sleep(30); ctx.events.emit('lamp.done', {}); return 1 }, ping: () => ctx.events.emit('lamp.pinged', {})`,
    ),
  })
  const call = `await lamp.slow(); ctx.events.emit('user.done', {}); for (;;) await lamp.ping()`
  await house.save(
    'user/index.ts',
    `export default { onLoad(ctx) { const lamp = ctx.services.use('lamp'); ctx.task('call', async () => { ${call} }) } }`,
  )
  await until('the call', () => house.runtime.services.list()[0]?.calls === 1)
  house.runtime.loader.find('user')!.serving!.endByForce()

  await house.event('lamp.done')
  // Whatever would go on went on by now.
  await house.service('lamp').ping()
  await house.event('lamp.pinged')
  expect(house.events.map(({ type }) => type).filter((type) => /user.done|lamp.pinged/.test(type))).toEqual([
    'lamp.pinged',
  ])
  expect(mistakes(house).filter((line) => !line.includes('ended'))).toEqual([])
})

// An async iterable that a service gives: read across the border, and ended at either end.

import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { until } from '../until.ts'
import { ask, failureOf, houseOf, leaked, mistakes, provider, user } from './kit.ts'

/** Counts for ever, slowly, and says when it was given up. */
const counting = (version: number) =>
  provider(`
    version: () => ${version},
    async *count() {
      try { for (let n = 1; ; n++) { yield ${version} * 100 + n; await Bun.sleep(1) } }
      finally { ctx.events.emit('lamp.tidied', { version: ${version} }) }
    },
    quiet() {
      const iterator = { next: () => new Promise(() => {}), return: async () => { ctx.events.emit('lamp.tidied', { version: ${version} }); return { done: true } } }
      return Promise.resolve({ [Symbol.asyncIterator]: () => iterator })
    },
    async *three() { yield 1; yield 2; return 3 },
    async *fails() { yield 1; throw new Error('half way') },
    odd: () => ({ [Symbol.asyncIterator]: () => ({ next: () => 5 }) }),
    unreadable: () => ({ [Symbol.asyncIterator]() { throw new Error('no iterator') } }),
  `)

const holdsOf = (house: any, id: string): string[] =>
  house.runtime.loader.view(id).holds.map(({ kind, label }: any) => `${kind} ${label}`)

test('it is read with and without an await of the call, from a generator or by hand', async () => {
  await using house = await houseOf({
    lamp: counting(1),
    user: user({
      all: `
        const found = []
        for await (const n of lamp.three()) found.push(n)
        for await (const n of await lamp.three()) found.push(n)
        const steps = await lamp.three()
        found.push(await steps.next(), await steps.return('mine'), await steps.next())
        return found`,
    }),
  })

  expect(await ask(house, 'user/all')).toEqual([
    1,
    2,
    1,
    2,
    { done: false, value: 1 },
    { done: true, value: 'mine' },
    { done: true },
  ])
  expect([...holdsOf(house, 'lamp'), ...holdsOf(house, 'user')]).toEqual(['service lamp', 'service use lamp'])
})

test('a loop that is left early lets the provider tidy up', async () => {
  await using house = await houseOf({
    lamp: counting(1),
    user: user({
      two: `const found = []; for await (const n of lamp.count()) { found.push(n); if (found.length === 2) break } return found`,
    }),
  })

  expect(await ask(house, 'user/two')).toEqual([101, 102])
  expect((await house.event('lamp.tidied')).data).toEqual({ version: 1 })
  await until('its end', () => !holdsOf(house, 'lamp').includes('iteration lamp.count'))
})

test('one that fails half way rejects the step, is over, and is charged to the provider', async () => {
  await using house = await houseOf({ lamp: counting(1) })
  const steps = await house.service('lamp').fails()

  expect(await steps.next()).toEqual({ done: false, value: 1 })
  expect((await failureOf(steps.next())).message).toBe('half way')
  expect(await steps.next()).toEqual({ done: true, value: undefined })
  expect(mistakes(house)).toEqual([expect.stringContaining('lamp: A mistake in service call "lamp.fails"')])
  const odd = await house.service('lamp').odd()
  expect(await failureOf(odd.next())).toBeInstanceOf(TypeError)
  expect((await failureOf(house.service('lamp').unreadable())).message).toBe('no iterator')
  expect(holdsOf(house, 'lamp')).toEqual(['service lamp'])
})

test('a swap of the provider ends it: the user is told to begin again, the old one tidies up, nothing is a leak', async () => {
  await using house = await houseOf({ lamp: counting(1) })
  const lamp = house.service('lamp')
  const [busy, quiet] = [await lamp.count(), await lamp.quiet()]
  expect((await busy.next()).value).toBe(101)
  const waiting = failureOf(quiet.next())
  const reading = failureOf(
    (async () => {
      for await (const n of busy) expect(n).toBeGreaterThan(101)
    })(),
  )
  expect(holdsOf(house, 'lamp')).toContain('iteration lamp.count')

  expect((await house.save('lamp/index.ts', counting(2))).outcome).toBe('committed')

  expect((await waiting).code).toBe('service_swapped')
  expect((await reading).code).toBe('service_swapped')
  expect((await failureOf(busy.next())).code).toBe('service_swapped')
  for (const _ of ['count', 'quiet']) expect((await house.event('lamp.tidied')).data).toEqual({ version: 1 })
  const again = await lamp.count()
  expect((await again.next()).value).toBe(201)
  await again.return()
  await until('the end of the old one', () => house.runtime.loader.find('lamp')!.leaving.length === 0)
  expect([leaked(house), mistakes(house)]).toEqual([[], []])
})

test('a provider that is told by draining can end it in good order', async () => {
  const draining = (version: number) =>
    provider(
      `async *watch() { yield ${version}; await new Promise((resolve) => ctx.draining.addEventListener('abort', resolve)); yield 'bye' }`,
    )
  await using house = await houseOf({ lamp: draining(1) })
  const seen: unknown[] = []
  const reading = (async () => {
    for await (const value of house.service('lamp').watch()) seen.push(value)
  })()
  await until('the first value', () => seen.length === 1)

  await house.save('lamp/index.ts', draining(2))

  await reading
  expect(seen).toEqual([1, 'bye'])
})

test('a user that is swapped gives up what it reads, even where it waits in a task for ever', async () => {
  const reader = (method: string, version: number) => `
    export default { requires: ['lamp'], onLoad(ctx) {
      ctx.task('read', async () => {
        for await (const n of ctx.services.use('lamp').${method}()) ctx.events.emit('user.read', { n })
        ctx.events.emit('user.done', { version: ${version} })
      }, { restart: 'never' })
    } }`
  await using house = await houseOf({ lamp: counting(1) })
  await house.save('user/index.ts', reader('count', 1))
  await house.event('user.read')

  await house.save('user/index.ts', reader('quiet', 2))
  expect((await house.event('lamp.tidied')).data).toEqual({ version: 1 })
  expect((await house.event('user.done')).data).toEqual({ version: 1 })
  await until('the second reading', () => holdsOf(house, 'user').includes('iteration lamp.quiet'))
  expect(holdsOf(house, 'lamp').filter((hold) => hold.startsWith('iteration'))).toEqual([
    'iteration lamp.quiet',
  ])

  await house.send('PATCH', '/api/core/plugins/user', { enabled: false })
  expect((await house.event('lamp.tidied')).data).toEqual({ version: 1 })
  expect(holdsOf(house, 'lamp')).toEqual(['service lamp'])
  expect([leaked(house), mistakes(house)]).toEqual([[], []])
})

test('a version that began to read in onLoad and is refused leaves nothing open', async () => {
  await using house = await houseOf({ lamp: counting(1) })

  const reload = await house.save(
    'user/index.ts',
    `export default { async onLoad(ctx) { const steps = await ctx.services.use('lamp').count(); await steps.next(); throw new Error('no') } }`,
  )

  expect(reload.error?.message).toBe('no')
  await house.event('lamp.tidied')
  await until('its end', () => holdsOf(house, 'lamp').length === 1)
})

test('whatever steps a user takes, it sees what it would have seen of the iterable itself', async () => {
  await using house = await houseOf({
    lamp: provider(`async *some(n) { for (let i = 0; i < n; i++) yield i; return 'end' }`),
  })
  async function* some(n: number) {
    for (let i = 0; i < n; i++) yield i
  }
  const step = fc.constantFrom('next' as const, 'next' as const, 'next' as const, 'return' as const)
  await fc.assert(
    fc.asyncProperty(fc.nat(4), fc.array(step, { maxLength: 8 }), async (n, steps) => {
      const [direct, across] = [some(n), await house.service('lamp').some(n)]
      for (const name of steps) {
        const [expected, found] = [await direct[name](), await across[name]()]
        // What a generator returns is no part of a loop.
        expect([found.done, found.done ? undefined : found.value]).toEqual([expected.done, expected.value])
      }
      await across.return()
    }),
    { numRuns: 100 },
  )
  expect(holdsOf(house, 'lamp')).toEqual(['service lamp'])
})

// Plugins that need each other, in a real house: who waits, who comes with whom, and what one change touches.

import { afterEach, expect, test } from 'bun:test'
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import type { TestHouse } from '@home-console/sdk/testing'
import { until } from '../until.ts'
import { answerOf, expectUntouchedBystander, houseWith } from './bystander.ts'

let house: TestHouse
afterEach(async () => {
  await house.stop()
})

interface Parts {
  requires?: string[]
  provides?: string[]
  dependsOn?: string[]
  /** What goes before the definition. */
  top?: string
  /** What `onLoad` does first. */
  load?: string
  unload?: string
  word?: string
}

/** A plugin that answers `GET /word`. A service that it provides has one method, `word`. */
function plugin({ top = '', load = '', unload = '', word = `'here'`, ...needs }: Parts = {}): string {
  const provided = (needs.provides ?? []).map(
    (name) => `ctx.services.provide('${name}', { word: () => ${word}, other: () => 1 })`,
  )
  return `
    import { definePlugin } from '@home-console/sdk'
    ${top}
    export default definePlugin({
      ...${JSON.stringify(needs)},
      async onLoad(ctx) {
        ${load}
        ${provided.join('\n')}
        const router = ctx.router({ security: [] })
        router.get('/word', async (c) => c.text(String(await ${word})))
        return router
      },
      async onUnload(ctx) { ${unload} },
    })`
}

const asks = (service: string, method = 'word') => `ctx.services.use('${service}').${method}()`
const stateOf = (id: string) => house.runtime.loader.view(id)?.state
const view = (id: string) => house.runtime.loader.view(id)!

test('who needs a service comes up after who provides it, whatever their names', async () => {
  house = await houseWith({
    a: {
      'index.ts': plugin({ requires: ['lamp'], load: `const word = await ${asks('lamp')}`, word: 'word' }),
    },
    z: { 'index.ts': plugin({ provides: ['lamp'], word: `'light'` }) },
    b: { 'index.ts': plugin({ dependsOn: ['a'] }) },
  })

  expect(['a', 'b', 'z'].map(stateOf)).toEqual(['active', 'active', 'active'])
  expect(await answerOf(house, 'a')).toBe('light')
  const loaded = house.events.filter(({ type }) => type === 'plugin.loaded').map(({ subject }) => subject)
  expect(loaded.filter((id) => id !== 'bystander')).toEqual(['z', 'a', 'b'])
})

test('what it needs is not there: it waits, says for what, and loads by itself when it comes', async () => {
  house = await houseWith({
    user: { 'index.ts': plugin({ requires: ['lamp'], word: asks('lamp') }) },
    friend: { 'index.ts': plugin({ dependsOn: ['user'] }) },
  })

  expect(view('user')).toMatchObject({ state: 'waiting', error: null, requires: ['lamp'] })
  expect(view('user').waitingFor).toEqual([
    { kind: 'service', name: 'lamp', message: expect.stringContaining('no plugin') },
  ])
  expect(view('friend').waitingFor).toEqual([
    { kind: 'plugin', name: 'user', message: expect.stringContaining('is waiting') },
  ])
  expect((await (await house.request('/health')).json()) as object).toMatchObject({
    plugins: { waiting: 2, failed: 0 },
  })
  expect((await house.request('/api/plugins/user/word')).status).toBe(503)

  await house.save('lamp/index.ts', plugin({ provides: ['lamp'], word: `'light'` }))
  await until('both are up', () => stateOf('user') === 'active' && stateOf('friend') === 'active')
  expect(await answerOf(house, 'user')).toBe('light')
  expect(view('user').lastReload).toMatchObject({ outcome: 'committed', cause: { kind: 'dependency' } })
  await expectUntouchedBystander(house)
})

test('a provider that goes takes its users before it, and they come back with it', async () => {
  const says = (id: string) => `ctx.events.emit('left.${id}', await (${asks('lamp')}).catch((e) => e.code))`
  house = await houseWith({
    lamp: { 'index.ts': plugin({ provides: ['lamp'], unload: `ctx.events.emit('left.lamp')` }) },
    user: { 'index.ts': plugin({ requires: ['lamp'], unload: says('user') }) },
    friend: { 'index.ts': plugin({ requires: ['lamp'], dependsOn: ['user'], unload: says('friend') }) },
  })
  expect(stateOf('friend')).toBe('active')

  await house.send('PATCH', '/api/core/plugins/lamp', { enabled: false })
  expect(['lamp', 'user', 'friend'].map(stateOf)).toEqual(['disabled', 'waiting', 'waiting'])
  const left = house.events.filter(({ type }) => type.startsWith('left.'))
  // While they leave, what they need is still there.
  expect(left.map(({ type, data }) => [type, data])).toEqual([
    ['left.friend', 'here'],
    ['left.user', 'here'],
    ['left.lamp', null],
  ])
  expect(view('user').waitingFor[0]!.message).toContain('"lamp" gives it, and is disabled')

  await house.send('PATCH', '/api/core/plugins/lamp', { enabled: true })
  await until('all are up', () => stateOf('friend') === 'active')
  expect(view('friend').generation).toBe(2)
})

test('those that wait for each other are told so, link by link, and come up when one lets go', async () => {
  house = await houseWith({
    a: { 'index.ts': plugin({ provides: ['x'], requires: ['y'] }) },
    b: { 'index.ts': plugin({ provides: ['y'], dependsOn: ['c'] }) },
    c: { 'index.ts': plugin({ requires: ['x'] }) },
  })

  for (const id of ['a', 'b', 'c']) {
    expect(stateOf(id)).toBe('waiting')
    const { message } = view(id).waitingFor[0]!
    for (const link of [
      `"a" requires the service "y" of "b"`,
      `"b" depends on "c"`,
      `"c" requires the service "x" of "a"`,
    ])
      expect(message).toContain(link)
  }

  await house.save('b/index.ts', plugin({ provides: ['y'] }))
  await until('all are up', () => stateOf('c') === 'active')
  expect(stateOf('a')).toBe('active')
})

test('a version that needs what is not there is refused, and the old one goes on until it is', async () => {
  house = await houseWith({ user: { 'index.ts': plugin({ word: `'old'` }) } })

  const reload = await house.save('user/index.ts', plugin({ requires: ['lamp'], word: `'new'` }))
  expect(reload).toMatchObject({ outcome: 'kept_old', error: { code: 'needs_not_met' } })
  expect(await answerOf(house, 'user')).toBe('old')
  expect(view('user')).toMatchObject({ state: 'active', waitingFor: [{ kind: 'service', name: 'lamp' }] })

  await house.save('lamp/index.ts', plugin({ provides: ['lamp'] }))
  await until('the new one serves', async () => (await answerOf(house, 'user')) === 'new')
})

test('a provider that lost a method which a user calls is refused with the user named, unless forced', async () => {
  house = await houseWith({
    lamp: { 'index.ts': plugin({ provides: ['lamp'] }) },
    user: { 'index.ts': plugin({ requires: ['lamp'], word: asks('lamp') }) },
  })
  const without = plugin({ load: `ctx.services.provide('lamp', { other: () => 2 })` }).replace(
    '...{}',
    `provides: ['lamp']`,
  )

  const reload = await house.save('lamp/index.ts', without)
  expect(reload).toMatchObject({ outcome: 'kept_old', error: { code: 'service_method_lost' } })
  expect(reload.error!.message).toMatch(/"lamp\.word".*"user"/)
  expect(await answerOf(house, 'user')).toBe('here')

  // What nobody calls may go.
  const dropped = await house.save('lamp/index.ts', without.replace('other: () => 2', 'word: () => 3'))
  expect(dropped.outcome).toBe('committed')
  expect(await answerOf(house, 'user')).toBe('3')

  house.write('lamp/index.ts', without)
  await house.event('plugin.kept_old')
  await house.event('plugin.kept_old')
  const forced = await house.request('/api/core/plugins/lamp/reload?force=true', { method: 'POST' })
  expect(forced.status).toBe(200)
  expect((await house.request('/api/plugins/user/word')).status).toBe(501)
})

test('a provider that no longer provides what a user requires is refused; forced, its users wait', async () => {
  house = await houseWith({
    lamp: { 'index.ts': plugin({ provides: ['lamp'] }) },
    user: { 'index.ts': plugin({ requires: ['lamp'] }) },
  })

  const reload = await house.save('lamp/index.ts', plugin())
  expect(reload).toMatchObject({ outcome: 'kept_old', error: { code: 'service_lost' } })
  expect(reload.error!.message).toMatch(/"lamp".*"user"/)
  const forced = await house.request('/api/core/plugins/lamp/reload?force=true', { method: 'POST' })
  expect(forced.status).toBe(200)
  await until('the user waits', () => stateOf('user') === 'waiting')
})

test('a shared file is one change of all that import it: all of them go live, or none', async () => {
  const ids = ['one', 'two', 'three']
  const shared = (word: string) => `export const word = '${word}'`
  house = await houseWith({
    ...Object.fromEntries(
      ids.map((id) => [
        id,
        { 'index.ts': plugin({ top: `import { word } from '../_shared/word.ts'`, word: 'word' }) },
      ]),
    ),
    _shared: { 'word.ts': shared('old') },
  })
  const words = () => Promise.all(ids.map((id) => answerOf(house, id)))
  expect(await words()).toEqual(['old', 'old', 'old'])

  house.write('_shared/word.ts', shared('new'))
  await until('the new one', async () => (await words()).includes('new'))
  expect(await words()).toEqual(['new', 'new', 'new'])

  // One of them takes no such word: then nobody gets it.
  await house.save(
    'two/index.ts',
    plugin({
      top: `import { word } from '../_shared/word.ts'\nif (word === 'bad') throw new Error('no')`,
      word: 'word',
    }),
  )
  house.write('_shared/word.ts', shared('bad'))
  await until('all are refused', () => ids.every((id) => view(id).lastReload!.outcome === 'kept_old'))
  expect(await words()).toEqual(['new', 'new', 'new'])
  expect(view('two').error!.message).toContain('no')
  expect(view('one').error).toMatchObject({ code: 'held_back', message: expect.stringContaining('"two"') })

  // The one that was refused is put right by itself, and all of them go on together.
  house.write('two/index.ts', plugin({ top: `import { word } from '../_shared/word.ts'`, word: 'word' }))
  await until('all have it', async () => (await words()).every((word) => word === 'bad'))
  await expectUntouchedBystander(house)
})

test('what is independent of a failure goes live all the same', async () => {
  house = await houseWith({ good: { 'index.ts': plugin() }, bad: { 'index.ts': plugin() } })

  mkdirSync(house.path('new'))
  writeFileSync(house.path('new/index.ts'), plugin({ word: `'new'` }))
  writeFileSync(house.path('bad/index.ts'), 'export default')
  writeFileSync(house.path('good/index.ts'), plugin({ word: `'better'` }))
  await until(
    'two are live',
    async () => (await answerOf(house, 'good')) === 'better' && stateOf('new') === 'active',
  )
  await until('one is refused', () => view('bad').lastReload?.outcome === 'kept_old')
  expect(await answerOf(house, 'bad')).toBe('here')
})

test('a plugin that takes over the service of one that vanishes in the same change leaves no gap', async () => {
  house = await houseWith({
    old: { 'index.ts': plugin({ provides: ['lamp'], word: `'old'` }) },
    user: { 'index.ts': plugin({ requires: ['lamp'], word: asks('lamp') }) },
  })

  renameSync(house.path('old'), house.path('new'))
  writeFileSync(house.path('new/index.ts'), plugin({ provides: ['lamp'], word: `'new'` }))
  const words = new Set<string>()
  await until('the new one answers', async () => {
    words.add(await answerOf(house, 'user'))
    return words.has('new')
  })
  expect([...words]).toEqual(['old', 'new'])
  expect(view('user').generation).toBe(1)
  await until('the old one is gone', () => house.runtime.loader.view('old') === undefined)
})

test('a folder that is removed takes its users away in order, and what is left is told', async () => {
  house = await houseWith({
    lamp: { 'index.ts': plugin({ provides: ['lamp'], unload: `ctx.events.emit('left.lamp')` }) },
    user: { 'index.ts': plugin({ requires: ['lamp'], unload: `ctx.events.emit('left.user')` }) },
  })

  rmSync(house.path('lamp'), { recursive: true })
  await until(
    'the user waits',
    () => stateOf('user') === 'waiting' && house.runtime.loader.view('lamp') === undefined,
  )
  expect(house.events.filter(({ type }) => type.startsWith('left.')).map(({ type }) => type)).toEqual([
    'left.user',
    'left.lamp',
  ])
})

// What meets in the middle of a swap: the owner's word, another save, a plugin that goes and comes back.

import { afterEach, expect, test } from 'bun:test'
import { existsSync, renameSync, rmSync } from 'node:fs'
import type { TestHouse } from '@home-console/sdk/testing'
import { until } from '../until.ts'
import { answering, answerOf, expectUntouchedBystander, houseWith } from './bystander.ts'
import { freePort, holder, port } from './port.ts'

const shared = globalThis as typeof globalThis & {
  gate?: Promise<void>
  farewells?: number
  isBack?: boolean
  isAsked?: boolean
}
let open = () => {}
function closeGate(): void {
  const { promise, resolve } = Promise.withResolvers<void>()
  shared.gate = promise
  open = resolve
}

let house: TestHouse
afterEach(async () => {
  open()
  await house.stop()
  freePort()
  delete shared.farewells
  delete shared.isBack
  delete shared.isAsked
})

const unitOf = (id = 'lamp') => house.runtime.loader.find(id)!
const stateOf = (id = 'lamp') => house.runtime.loader.view(id)?.state
const enable = (enabled: boolean, id = 'lamp') => house.send('PATCH', `/api/core/plugins/${id}`, { enabled })
const problems = () => house.logs.filter(({ level }) => level === 'error').map(({ message }) => message)

/** Answers `/held` when the gate opens. */
const HELD = `router.get('/held', async (c) => { globalThis.isAsked = true; await globalThis.gate; return c.text('held') })`

function askHeld(id = 'lamp'): Promise<string> {
  closeGate()
  return answerOf(house, id, '/held')
}

test('an exclusive plugin that is disabled and enabled again waits for what is still leaving', async () => {
  house = await houseWith({ lamp: { 'index.ts': holder('one', { goodbye: 'await globalThis.gate' }) } })
  closeGate()
  const disabled = enable(false)
  await until('it says goodbye', () => unitOf().leaving.length === 1)
  const enabled = enable(true)
  await Bun.sleep(100)
  open()
  await Promise.all([disabled, enabled])
  expect(port.log).toEqual(['take one', 'give one', 'take one'])
  expect(stateOf()).toBe('active')
  expect(await answerOf(house)).toBe('one')
})

test('the first version of an exclusive plugin, overtaken while it loads, is gone before the next one comes', async () => {
  house = await houseWith({})
  closeGate()
  const slow = { load: 'await new Promise(() => {})', goodbye: 'await globalThis.gate' }
  house.write('lamp/index.ts', holder('slow', slow))
  await until('it holds the port', () => port.holder === 'slow')
  const saved = house.save('lamp/index.ts', holder('new'))
  await until('it is thrown away', () => unitOf().leaving.length === 1)
  await Bun.sleep(100)
  open()
  expect((await saved).outcome).toBe('committed')
  expect(port.log).toEqual(['take slow', 'give slow', 'take new'])
})

test('an exclusive plugin whose folder is renamed is gone before it comes back from there', async () => {
  house = await houseWith({ lamp: { 'index.ts': holder('one', { goodbye: 'await Bun.sleep(50)' }) } })
  house.write('lamp/package.json', '{"homeConsole": {"id": "lamp"}}')
  renameSync(house.path('lamp'), house.path('torch'))
  await until('it is back', () => unitOf().place.name === 'torch' && stateOf() === 'active')
  expect(port.log).toEqual(['take one', 'give one', 'take one'])
  expect(await answerOf(house)).toBe('one')
  expect(problems()).toEqual([])
})

test('nothing is tried beside an exclusive version, be it that nothing serves', async () => {
  house = await houseWith({})
  await house.save('lamp/index.ts', holder('bad', { load: `throw new Error('no')` }))
  const answer = await house.request('/api/core/plugins/lamp/reload?dryRun=true', { method: 'POST' })
  expect(answer.status).toBe(422)
  expect(((await answer.json()) as { detail: string }).detail).toContain('exclusive')
  expect(house.runtime.loader.view('lamp')!.error!.message).toBe('no')
})

/** Comes back slowly, or not at all. */
const slowToComeBack = (load: string) =>
  holder('old', { load: `if (globalThis.isBack) { ${load} }; globalThis.isBack = true` })
const bad = holder('bad', { load: `throw new Error('no')` })

test('disabled while its old version comes back, it is disabled and not failed', async () => {
  house = await houseWith({ lamp: { 'index.ts': slowToComeBack('await globalThis.gate') } })
  closeGate()
  house.write('lamp/index.ts', bad)
  await until('the old one is coming back', () => port.log.filter((line) => line === 'take old').length === 2)
  const waiting = house.request('/api/plugins/lamp/word')
  await enable(false)
  expect((await waiting).status).toBe(503)
  expect(stateOf()).toBe('disabled')
  expect(port.holder).toBeNull()
  expect(house.events.filter(({ type }) => type === 'plugin.unloaded')).toHaveLength(1)
})

test('deleted while its old version comes back, it is gone', async () => {
  house = await houseWith({ lamp: { 'index.ts': slowToComeBack('await globalThis.gate') } })
  closeGate()
  house.write('lamp/index.ts', bad)
  await until('the old one is coming back', () => port.log.filter((line) => line === 'take old').length === 2)
  rmSync(house.path('lamp'), { recursive: true })
  await until('it is gone', () => stateOf() === undefined)
  expect(port.holder).toBeNull()
})

test('an old version that does not come back leaves nothing behind, and the next good one takes over', async () => {
  house = await houseWith({ lamp: { 'index.ts': slowToComeBack(`throw new Error('not again')`) } })
  const refused = await house.save('lamp/index.ts', bad)
  expect(refused).toMatchObject({ outcome: 'failed' })
  expect(refused.error!.message).toBe('no The version before did not come back: not again')
  expect(port.holder).toBeNull()
  expect(stateOf()).toBe('failed')
  await house.save('lamp/index.ts', holder('new'))
  expect(await answerOf(house)).toBe('new')
  expect(await (house.service('port').word() as Promise<string>)).toBe('new')
})

test('a plugin that vanishes and returns while its users still go is one of the house, however slowly it loads', async () => {
  const farewell = `async onUnload() { globalThis.farewells = (globalThis.farewells ?? 0) + 1; await Bun.sleep(600) },`
  const provider = (word: string, load = '') =>
    answering(word, `ctx.services.provide('word', { word: () => '${word}' }); ${load}`).replace(
      'definePlugin({',
      `definePlugin({ provides: ['word'], ${farewell}`,
    )
  const user = answering('user', HELD).replace('definePlugin({', `definePlugin({ requires: ['word'],`)
  house = await houseWith({ lamp: { 'index.ts': provider('one') }, user: { 'index.ts': user } })
  const held = askHeld('user')
  await until('it is asked', () => shared.isAsked)
  rmSync(house.path('lamp'), { recursive: true })
  await until('it goes', () => stateOf() === 'stopping')
  house.write('lamp/index.ts', provider('two', `await Bun.sleep(300)`))
  await until('it comes', () => stateOf() === 'loading')
  open()
  await held
  await until('it is back', () => stateOf() === 'active' && stateOf('user') === 'active')
  expect(await answerOf(house)).toBe('two')
  await until('the old one is gone', () => unitOf().leaving.length === 0)
  expect(shared.farewells).toBe(1)
  await expectUntouchedBystander(house)
})

test('what is on its way when its provider goes, and can do without, is remembered as what serves', async () => {
  const provider = answering('p', `ctx.services.provide('word', { word: () => 1 })`).replace(
    'definePlugin({',
    `definePlugin({ provides: ['word'],`,
  )
  const user = answering('one').replace('definePlugin({', `definePlugin({ requires: ['word'],`)
  house = await houseWith({ word: { 'index.ts': provider }, lamp: { 'index.ts': user } })
  closeGate()
  const saved = house.save('lamp/index.ts', answering('two', 'await globalThis.gate'))
  await until('it is on its way', () => unitOf().isTrying)
  await enable(false, 'word')
  expect(stateOf()).toBe('waiting')
  open()
  expect((await saved).outcome).toBe('committed')
  expect(unitOf().isTrying).toBe(false)
  await house.save('lamp/index.ts', answering('three'))
  const back = await house.request('/api/core/plugins/lamp/rollback', { method: 'POST' })
  expect(back.status).toBe(200)
  expect(await answerOf(house)).toBe('two')
})

for (const exclusive of [false, true])
  test(`a user that changes together with its ${exclusive ? 'exclusive ' : ''}provider is loaded with the new one`, async () => {
    const provider = `
      import { method } from '../_shared/method.ts'
      export default {
        exclusive: ${exclusive}, provides: ['clock'],
        onLoad(ctx) { ctx.services.provide('clock', { [method]: () => method }) },
      }`
    const user = `
      import { method } from '../_shared/method.ts'
      export default {
        requires: ['clock'],
        async onLoad(ctx) {
          const said = await ctx.services.use('clock')[method]()
          const router = ctx.router({ security: [] })
          return router.get('/word', (c) => c.text(said))
        },
      }`
    house = await houseWith({
      _shared: { 'method.ts': `export const method = 'one'` },
      clock: { 'index.ts': provider },
      lamp: { 'index.ts': user },
    })
    expect(await answerOf(house)).toBe('one')
    house.write('_shared/method.ts', `export const method = 'two'`)
    await until('both swapped', async () => (await answerOf(house)) === 'two', 4_000)
    expect(unitOf('clock').serving!.number).toBe(2)
    expect(problems()).toEqual([])
  })

test('the Core stops while an old version comes back slowly, and waits for nobody', async () => {
  house = await houseWith({ lamp: { 'index.ts': slowToComeBack('await new Promise(() => {})') } })
  house.write('lamp/index.ts', bad)
  await until('the old one is coming back', () => port.log.filter((line) => line === 'take old').length === 2)
  const started = performance.now()
  await house.runtime.loader.stop()
  expect(performance.now() - started).toBeLessThan(2_000)
  expect(port.holder).toBeNull()
  expect(existsSync(house.path('lamp'))).toBe(true)
})

test('what an exclusive version needed is not asked of the next one', async () => {
  const needing = (word: string, needs: string) =>
    answering(word, `ctx.services.provide('port', { word: () => 1 })`).replace(
      'definePlugin({',
      `definePlugin({ exclusive: true, provides: ['port'], requires: [${needs}],`,
    )
  const giver = (needs: string) => `export default {
    provides: ['word'], requires: [${needs}],
    onLoad(ctx) { ctx.services.provide('word', { word: () => 1 }) },
  }`
  house = await houseWith({
    lamp: { 'index.ts': needing('one', `'word'`) },
    giver: { 'index.ts': giver('') },
  })
  await until('both are up', () => stateOf() === 'active')
  house.write('lamp/index.ts', needing('two', ''))
  house.write('giver/index.ts', giver(`'port'`))
  await until('both to go live', () => unitOf('giver').serving?.number === 2)
  expect(await answerOf(house)).toBe('two')
})

test('a reload of a disabled plugin does nothing, and does not end its pin either', async () => {
  house = await houseWith({ lamp: { 'index.ts': answering('one') } })
  await house.save('lamp/index.ts', answering('two'))
  await house.request('/api/core/plugins/lamp/rollback', { method: 'POST' })
  await enable(false)
  expect((await house.request('/api/core/plugins/lamp/reload', { method: 'POST' })).status).toBe(409)
  await enable(true)
  expect(await answerOf(house)).toBe('one')
  expect(house.runtime.loader.view('lamp')!.pinned).not.toBeNull()
})

test('of the events in a swap a thousand are kept, the newest, and the owner is told of the rest', async () => {
  house = await houseWith({ lamp: { 'index.ts': holder('old') } })
  closeGate()
  const saved = house.save('lamp/index.ts', holder('new', { load: 'await globalThis.gate' }))
  await until('nobody is there', () => port.holder === 'new')
  for (let count = 1; count <= 1_005; count++)
    house.runtime.bus.emit({ type: 'ping', source: '/clients/test', data: count })
  open()
  await saved
  const heard = house.events.filter(({ type }) => type === 'pong').map(({ data }) => data as string)
  expect([heard.length, heard[0], heard.at(-1)]).toEqual([1_000, 'new 6', 'new 1005'])
  const warnings = house.logs.filter(({ level }) => level === 'warn').map(({ message }) => message)
  expect(warnings.join()).toContain('5 events')
})

test('a WebSocket that is opened in a swap is the new version’s, and the old one’s is told to come back', async () => {
  const talking = (word: string, load = '') =>
    holder(word, { load }).replace(
      'return router',
      `router.ws('/ws', { message: (socket) => socket.send('${word}') }); return router`,
    )
  house = await houseWith({ lamp: { 'index.ts': talking('old') } })
  const connect = () => new WebSocket(`${house.url.replace('http', 'ws')}/api/plugins/lamp/ws`)
  const before = connect()
  const closed = new Promise<number>((resolve) =>
    before.addEventListener('close', ({ code }) => resolve(code)),
  )
  await new Promise((resolve) => before.addEventListener('open', resolve))
  closeGate()
  house.write('lamp/index.ts', talking('new', 'await globalThis.gate'))
  await until('nobody is there', () => port.holder === 'new')
  expect(await closed).toBe(1012)
  const after = connect()
  const said = new Promise((resolve) => after.addEventListener('message', ({ data }) => resolve(data)))
  after.addEventListener('open', () => after.send('hello'))
  open()
  expect(await said).toBe('new')
  after.close()
})

// Going back: by the owner's word, over a restart, and by itself when a new version makes mistakes in a burst.

import { afterEach, describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Reload } from '@home-console/sdk'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'
import { until } from '../until.ts'
import { answering, answerOf, expectUntouchedBystander, houseWith } from './bystander.ts'

let house: TestHouse
afterEach(async () => {
  await expectUntouchedBystander(house)
  await house.stop()
})

const lamp = (text: string) => answering(text)
const withHelper = `import { definePlugin } from '@home-console/sdk'
import { word } from './word.ts'
export default definePlugin({
  onLoad: (ctx) => ctx.router({ security: [] }).get('/word', (c) => c.text(word)),
})
`
const post = (path: string) => house.request(`/api/core/plugins/lamp/${path}`, { method: 'POST' })
const rollback = async () => (await (await post('rollback')).json()) as Reload
const view = (of = house) => of.runtime.loader.view('lamp')!

/** Another Core on the same folders. */
function anotherCore(): Promise<TestHouse> {
  const { folder } = house
  return startTestHouse({
    config: {
      dataDir: join(folder, 'data'),
      runtimeDir: join(folder, 'data'),
      pluginsDirs: [join(folder, 'plugins')],
    },
  })
}

describe('by the word of the owner', () => {
  test('the version before serves again, with the helper that it had, while the files stay as they are', async () => {
    house = await houseWith({ lamp: { 'index.ts': withHelper, 'word.ts': `export const word = 'one'` } })
    await house.save('lamp/word.ts', `export const word = 'two'`)

    const record = await rollback()

    expect(record).toMatchObject({ outcome: 'committed', generation: 3, cause: { kind: 'api' } })
    expect(record.restored).toBeString()
    expect(await answerOf(house)).toBe('one')
    expect(view().pinned).toEqual({ digest: record.restored!, since: expect.stringMatching(/Z$/) })
    expect(await Bun.file(house.path('lamp/word.ts')).text()).toContain('two')
    expect((await house.event('plugin.reloaded')).data.reload.restored).toBeNull()
    expect((await house.event('plugin.reloaded')).data.reload.restored).toBe(record.restored)
  })

  test('again and again it goes one further, until there is none', async () => {
    house = await houseWith({ lamp: { 'index.ts': lamp('one') } })
    await house.save('lamp/index.ts', lamp('two'))
    await house.save('lamp/index.ts', lamp('three'))
    const answers: string[] = []
    for (let count = 0; count < 2; count++) {
      await rollback()
      answers.push(await answerOf(house))
    }
    expect(answers).toEqual(['two', 'one'])

    const none = await post('rollback')
    expect(none.status).toBe(409)
    expect(await none.json()).toMatchObject({ code: 'nothing_to_roll_back' })
    expect(await answerOf(house)).toBe('one')
  })

  test('the next save takes over, and what was gone back from is not gone back to', async () => {
    house = await houseWith({ lamp: { 'index.ts': lamp('one') } })
    await house.save('lamp/index.ts', lamp('two'))
    await rollback()
    expect((await house.save('lamp/index.ts', lamp('three'))).restored).toBeNull()
    expect(await answerOf(house)).toBe('three')
    expect(view().pinned).toBeNull()
    await rollback()
    expect(await answerOf(house)).toBe('one')
  })

  test('a reload ends it, even though the files are what they were', async () => {
    house = await houseWith({ lamp: { 'index.ts': lamp('one') } })
    await house.save('lamp/index.ts', lamp('two'))
    await rollback()
    const folder = house.runtime.loader.find('lamp')!.source!.dir
    expect(existsSync(folder)).toBe(true)
    expect((await post('reload')).status).toBe(200)
    expect(await answerOf(house)).toBe('two')
    expect(view().pinned).toBeNull()
    await until('its folder to be gone', () => !existsSync(folder))
  })

  test('to be switched off and on does not end it', async () => {
    house = await houseWith({ lamp: { 'index.ts': lamp('one') } })
    await house.save('lamp/index.ts', lamp('two'))
    await rollback()
    await house.send('PATCH', '/api/core/plugins/lamp', { enabled: false })
    await house.send('PATCH', '/api/core/plugins/lamp', { enabled: true })
    expect(await answerOf(house)).toBe('one')
    expect(view().pinned).not.toBeNull()
  })

  test('to throw its data away ends it, and what would have been gone back to is gone', async () => {
    house = await houseWith({ lamp: { 'index.ts': lamp('first') } })
    await house.save('lamp/index.ts', lamp('second'))
    await rollback()
    expect(await answerOf(house)).toBe('first')
    await house.send('PATCH', '/api/core/plugins/lamp', { enabled: false })
    const thrown = await house.request('/api/core/plugins/lamp/data', { method: 'DELETE' })
    expect(thrown.status).toBe(204)
    await house.send('PATCH', '/api/core/plugins/lamp', { enabled: true })
    expect(await answerOf(house)).toBe('second')
    expect((await post('rollback')).status).toBe(409)
  })

  test('files that are refused do not end it', async () => {
    house = await houseWith({ lamp: { 'index.ts': lamp('one') } })
    await house.save('lamp/index.ts', lamp('two'))
    await rollback()
    expect((await house.save('lamp/index.ts', '}')).outcome).toBe('kept_old')
    expect(view().pinned).not.toBeNull()
    await house.runtime.stop('the test starts another')
    await using again = await anotherCore()
    expect(view(again)).toMatchObject({ state: 'active', error: null })
    expect(await answerOf(again)).toBe('one')
    house = await houseWith({})
  })

  test('where the files were refused, the last good version serves already', async () => {
    house = await houseWith({ lamp: { 'index.ts': lamp('one') } })
    await house.save('lamp/index.ts', lamp('two'))
    await house.save('lamp/index.ts', '}')
    const answer = await post('rollback')
    expect(answer.status).toBe(409)
    expect(((await answer.json()) as { detail: string }).detail).toContain('were refused')
    expect(await answerOf(house)).toBe('two')
  })

  test('nothing to go back to, nobody there, switched off: each has its answer', async () => {
    house = await houseWith({ lamp: { 'index.ts': lamp('one') } })
    const codeOf = async (response: Response) => [
      response.status,
      ((await response.json()) as { code: string }).code,
    ]
    expect(await codeOf(await post('rollback'))).toEqual([409, 'nothing_to_roll_back'])
    const nobody = house.request('/api/core/plugins/nobody/rollback', { method: 'POST' })
    expect(await codeOf(await nobody)).toEqual([404, 'no_such_plugin'])
    await house.send('PATCH', '/api/core/plugins/lamp', { enabled: false })
    expect(await codeOf(await post('rollback'))).toEqual([409, 'plugin_disabled'])
  })

  test('a version from before that is refused now leaves all as it was', async () => {
    const needy = answering(
      'needy',
      `if (!(await Bun.file(ctx.dir + '/data.txt').exists())) throw new Error('no data')`,
    )
    house = await houseWith({ lamp: { 'index.ts': needy, 'data.txt': 'x' } })
    await house.save('lamp/index.ts', lamp('two'))
    rmSync(house.path('lamp/data.txt'))
    const answer = await post('rollback')
    expect(answer.status).toBe(422)
    expect(await answer.json()).toMatchObject({
      code: 'reload_refused',
      reload: { outcome: 'kept_old', error: { message: 'no data', line: 7 } },
    })
    expect(view()).toMatchObject({ state: 'active', pinned: null })
    expect(await answerOf(house)).toBe('two')
    expect((await house.save('lamp/index.ts', lamp('three'))).outcome).toBe('committed')
  })
})

describe('over a restart', () => {
  test('a pin holds', async () => {
    house = await houseWith({ lamp: { 'index.ts': withHelper, 'word.ts': `export const word = 'one'` } })
    await house.save('lamp/word.ts', `export const word = 'two'`)
    const { restored } = await rollback()
    await house.runtime.stop('the test starts another')

    await using again = await anotherCore()
    expect(await answerOf(again)).toBe('one')
    expect(view(again)).toMatchObject({ state: 'active', pinned: { digest: restored } })
    house.write('lamp/word.ts', `export const word = 'three'`)
    await until('the save to end the pin', async () => (await answerOf(again)) === 'three')
    expect(view(again).pinned).toBeNull()
    house = await houseWith({})
  })

  test('files that changed meanwhile end it', async () => {
    house = await houseWith({ lamp: { 'index.ts': lamp('one') } })
    await house.save('lamp/index.ts', lamp('two'))
    await rollback()
    await house.runtime.stop('the test starts another')
    house.write('lamp/index.ts', lamp('three'))
    await using again = await anotherCore()
    expect(await answerOf(again)).toBe('three')
    expect(view(again).pinned).toBeNull()
    house = await houseWith({})
  })

  test('a plugin that does not start any more goes back to its last good version', async () => {
    house = await houseWith({ lamp: { 'index.ts': lamp('one') } })
    await house.runtime.stop('the test starts another')
    house.write('lamp/index.ts', '}')
    await using again = await anotherCore()
    expect(view(again).state).toBe('failed')
    const answer = await again.request('/api/core/plugins/lamp/rollback', { method: 'POST' })
    expect(answer.status).toBe(200)
    expect(await answerOf(again)).toBe('one')
    house = await houseWith({})
  })

  test('a version that is lost is told, and the files are loaded', async () => {
    house = await houseWith({ lamp: { 'index.ts': lamp('one') } })
    await house.save('lamp/index.ts', lamp('two'))
    expect(await rollback()).toMatchObject({ outcome: 'committed' })
    await house.runtime.stop('the test starts another')
    const versions = join(house.folder, 'data/versions')
    await until('what was laid out to be gone', () => readdirSync(join(versions, 'trees')).length === 0)
    rmSync(versions, { recursive: true })
    await using again = await anotherCore()
    expect(await answerOf(again)).toBe('two')
    expect(view(again).pinned).toBeNull()
    expect(again.logs.some(({ message }) => message.includes('cannot be brought back'))).toBe(true)
    house = await houseWith({})
  })
})

describe('by itself', () => {
  const failing = answering('two', `router.get('/fail', () => { throw new Error('a mistake') })`)
  const fail = async (times: number) => {
    for (let count = 0; count < times; count++) await house.request('/api/plugins/lamp/fail')
  }
  const goneBack = () => until('the version before', async () => (await answerOf(house)) === 'one')

  test('a burst of mistakes right after a swap brings the version before back, and says why', async () => {
    house = await houseWith({ lamp: { 'index.ts': lamp('one') } })
    await house.save('lamp/index.ts', failing)
    await fail(9)
    expect(await answerOf(house)).toBe('two')
    await fail(1)
    await goneBack()
    const { reload } = (
      await until('the event', () =>
        house.events.findLast(
          ({ type, data }) =>
            type === 'plugin.reloaded' &&
            (data as { plugin: string }).plugin === 'lamp' &&
            (data as { generation: number }).generation === 3,
        ),
      )
    ).data as { reload: Reload }
    expect(reload).toMatchObject({
      cause: { kind: 'mistakes' },
      outcome: 'committed',
      restored: expect.any(String),
    })
    expect(view().pinned).toMatchObject({ digest: reload.restored })
    expect(
      house.logs.some(({ message }) =>
        message.startsWith('10 mistakes within 30 s of the swap to generation 2'),
      ),
    ).toBe(true)
  })

  test('it does so once for a version, and never from the one that it went back to', async () => {
    const both = (text: string) =>
      answering(text, `router.get('/fail', () => { throw new Error('a mistake') })`)
    house = await houseWith({ lamp: { 'index.ts': both('zero') } })
    await house.save('lamp/index.ts', both('one'))
    await house.save('lamp/index.ts', both('two'))
    await fail(10)
    await goneBack()
    await fail(20)
    await post('reload')
    expect(await answerOf(house)).toBe('two')
    await fail(20)
    // By now a rollback would be decided, as this one comes after it.
    await house.runtime.loader.rollback(house.runtime.loader.find('lamp')!)
    expect(
      house.runtime.loader
        .find('lamp')!
        .reloads.list(100)
        .filter(({ cause }) => cause.kind === 'mistakes'),
    ).toHaveLength(1)
  })

  test('mistakes of a first version, or long after a swap, bring nothing back', async () => {
    house = await houseWith({ lamp: { 'index.ts': failing } })
    await fail(20)
    await house.save('lamp/index.ts', failing.replace('two', 'three'))
    await house.clock.advance(30_001)
    await fail(20)
    // A rollback would be decided by now.
    await house.save('lamp/index.ts', failing.replace('two', 'four'))
    expect(await answerOf(house)).toBe('four')
    expect(view().generation).toBe(3)
  })

  test('a plugin that makes as many mistakes as ever stays as it is', async () => {
    house = await houseWith({ lamp: { 'index.ts': failing } })
    await fail(15)
    await house.save('lamp/index.ts', failing.replace('two', 'three'))
    await fail(24)
    expect(await answerOf(house)).toBe('three')
    await fail(1)
    await until('the version before', async () => (await answerOf(house)) === 'two')
  })

  test('a newer version that is on its way comes first', async () => {
    house = await houseWith({ lamp: { 'index.ts': lamp('one') } })
    await house.save('lamp/index.ts', failing)
    house.write('lamp/index.ts', answering('three', `await Bun.sleep(300)`))
    await until('the third version to be on its way', () => house.runtime.loader.find('lamp')!.isTrying)
    await fail(10)
    expect(house.logs.some(({ message }) => message.includes('going back'))).toBe(true)
    await until('the third version', async () => (await answerOf(house)) === 'three')
    // What else was on its way is decided before this one.
    await house.runtime.loader.tryOnly(house.runtime.loader.find('lamp')!)
    expect(view()).toMatchObject({ generation: 3, pinned: null })
  })

  test('the owner sets how many are too many, and switches it off', async () => {
    house = await houseWith({ lamp: { 'index.ts': lamp('one') } })
    const set = (rollbackAfter: unknown) => house.send('PATCH', '/api/core/plugins/lamp', { rollbackAfter })
    expect(await (await set(0)).json()).toMatchObject({ rollbackAfter: 0 })
    await house.save('lamp/index.ts', failing)
    await fail(20)
    expect(view().generation).toBe(2)
    await set(21)
    await fail(1)
    await goneBack()
    expect((await set(-1)).status).toBe(400)
    expect(await (await set(null)).json()).toMatchObject({ rollbackAfter: null })
  })

  test('what a version that is gone still does wrong is not held against the one that serves', async () => {
    // Each fails as soon as the next version serves.
    const drained = `await new Promise((resolve) => ctx.draining.addEventListener('abort', resolve))`
    const slow = `router.get('/slow', async () => {
      ctx.events.emit('lamp.began', {})
      ${drained}
      throw new Error('late')
    })`
    house = await houseWith({ lamp: { 'index.ts': answering('one', slow) } })
    const slowOnes = Array.from({ length: 12 }, () => house.request('/api/plugins/lamp/slow'))
    for (const _ of slowOnes) await house.event('lamp.began')
    await house.save('lamp/index.ts', lamp('two'))
    await Promise.all(slowOnes)
    expect(house.runtime.loader.faults.get('lamp')).toBe(12)
    await house.save('lamp/index.ts', lamp('three'))
    expect(view().generation).toBe(3)
    expect(await answerOf(house)).toBe('three')
  })

  test('the house sets it for all', async () => {
    house = await houseWith({ lamp: { 'index.ts': lamp('one') } }, { config: { rollbackAfter: 2 } })
    await house.save('lamp/index.ts', failing)
    await fail(2)
    await goneBack()
  })
})

describe('before the commit', () => {
  const first = `import { definePlugin } from '@home-console/sdk'
import * as v from 'valibot'
export default definePlugin({
  events: { 'lamp.on': v.object({}), 'lamp.gone': v.object({}) },
  scopes: { 'lamp.read': 'Read' },
  onLoad(ctx) {
    ctx.services.provide('lamp.switch', { flip() {}, dim() {} })
    const router = ctx.router({ security: [] })
    router.get('/word', (c) => c.text('one'))
    router.get('/gone', (c) => c.text('one'))
    return router
  },
})
`
  const second = first
    .replace("'lamp.gone'", "'lamp.new'")
    .replace("'lamp.read': 'Read'", "'lamp.write': 'Write'")
    .replace("router.get('/gone'", "router.post('/gone'")
    .replace('dim() {}', 'glow() {}')
    .replaceAll("'one'", "'two'")
  const changes = {
    routes: {
      added: [{ method: 'POST', path: '/api/plugins/lamp/gone' }],
      removed: [{ method: 'GET', path: '/api/plugins/lamp/gone' }],
    },
    events: { added: ['lamp.new'], removed: ['lamp.gone'] },
    services: {
      added: [{ name: 'lamp.switch', methods: ['glow'] }],
      removed: [{ name: 'lamp.switch', methods: ['dim'] }],
    },
    scopes: { added: ['lamp.write'], removed: ['lamp.read'] },
  }

  test('a record says what a version changes for others', async () => {
    house = await houseWith({ lamp: { 'index.ts': first } })
    expect(view().lastReload!.changes!.events).toEqual({ added: ['lamp.on', 'lamp.gone'], removed: [] })
    expect((await house.save('lamp/index.ts', second)).changes).toEqual(changes)
    expect((await house.save('lamp/index.ts', '}')).changes).toBeNull()
  })

  test('a dry run says so too, and leaves no trace', async () => {
    let before: { events: number; view: ReturnType<typeof view> }
    let answer: Response
    const unit = () => house.runtime.loader.find('lamp')!
    const dryRun = async () => {
      await house?.stop()
      house = await houseWith({ lamp: { 'index.ts': first } })
      before = { events: house.events.length, view: view() }
      // Written in place: the Core waits until it has been quiet, the dry run does not.
      writeFileSync(house.path('lamp/index.ts'), second)
      answer = await post('reload?dryRun=true')
      return unit().lastNumber === 1
    }
    // On a busy machine it may be as late as the save: then there is nothing to see.
    for (let tries = 1; !(await dryRun()); tries++) expect(tries).toBeLessThan(10)
    expect(house.events.length).toBe(before!.events)
    expect(view()).toEqual(before!.view)
    expect(unit().reloads.list(10)).not.toContainEqual(expect.objectContaining({ dryRun: true }))
    expect([answer!.status, await answer!.json()]).toEqual([
      200,
      expect.objectContaining({ outcome: 'kept_old', error: null, dryRun: true, changes }),
    ])
    // It took nothing away from the save itself.
    await until('the save', async () => (await answerOf(house)) === 'two')
  })

  test('a dry run of a plugin that is switched off is none', async () => {
    house = await houseWith({ lamp: { 'index.ts': first } })
    await house.send('PATCH', '/api/core/plugins/lamp', { enabled: false })
    const answer = await post('reload?dryRun=true')
    expect([answer.status, await answer.json()]).toEqual([
      409,
      expect.objectContaining({ code: 'plugin_disabled' }),
    ])
  })

  test('a dry run of a version that would be refused is refused', async () => {
    house = await houseWith({ lamp: { 'index.ts': first } })
    house.write('lamp/index.ts', first.replace('onLoad(ctx) {', `onLoad(ctx) { throw new Error('no')`))
    const answer = await post('reload?dryRun=true')
    expect(answer.status).toBe(422)
    expect(await answer.json()).toMatchObject({
      code: 'reload_refused',
      reload: { outcome: 'kept_old', dryRun: true, error: { message: 'no', line: 6 } },
    })
    expect(await answerOf(house)).toBe('one')
  })
})

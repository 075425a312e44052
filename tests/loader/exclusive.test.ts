// Exclusive plugins and what a version hands over: never two at once, nobody turned away, and the old one back.

import { afterEach, expect, test } from 'bun:test'
import type { TestHouse } from '@home-console/sdk/testing'
import { until } from '../until.ts'
import { answerOf, expectUntouchedBystander, houseWith } from './bystander.ts'
import { freePort, holder, port } from './port.ts'

let house: TestHouse
afterEach(async () => {
  await house.stop()
  freePort()
})

test('the old version is drained and closed before the new one is imported, and whoever asks meanwhile waits', async () => {
  house = await houseWith({ lamp: { 'index.ts': holder('old') } })
  const slow = answerOf(house, 'lamp', '/slow')
  await until('it is under way', () => house.runtime.loader.find('lamp')!.serving!.holds !== undefined)
  await Bun.sleep(20)

  const saved = house.save('lamp/index.ts', holder('new'))
  await until('the old one falls silent', () => house.runtime.loader.find('lamp')!.isBetween)
  const waiting = [answerOf(house), answerOf(house), house.service('port').word() as Promise<string>]
  house.runtime.bus.emit({ type: 'ping', source: '/clients/test', data: 1 })
  house.runtime.bus.emit({ type: 'ping', source: '/clients/test', data: 2 })
  expect((await saved).outcome).toBe('committed')

  expect(await slow).toBe('old')
  expect(await Promise.all(waiting)).toEqual(['new', 'new', 'new'])
  expect(port.log).toEqual(['take old', 'give old', 'take new'])
  expect([(await house.event('pong')).data, (await house.event('pong')).data]).toEqual(['new 1', 'new 2'])
  expect(house.events.filter(({ type }) => type === 'pong')).toHaveLength(2)
  expect(house.runtime.loader.view('lamp')).toMatchObject({ state: 'active', generation: 2 })
  await expectUntouchedBystander(house)
})

for (const [how, text] of Object.entries({
  'throws in onLoad': holder('bad', { load: `throw new Error('no')` }),
  'throws when it is imported, and holds the port then': holder('bad') + `\nthrow new Error('no')`,
  'needs what is not there': holder('bad', { more: `requires: ['moon'],` }),
  'is no exclusive one any more and fails': holder('bad', { load: `throw new Error('no')` }).replace(
    'exclusive: true,',
    '',
  ),
})) {
  test(`a version that ${how}: the old one is back, with what it handed over`, async () => {
    house = await houseWith({ lamp: { 'index.ts': holder('old') } })

    // What a version holds from its import on must be let go of when it is refused: only its disposal knows.
    const bad = text.replace(
      `globalThis.port.take('bad')`,
      `globalThis.port.take('bad'); process.on('exit', () => {})`,
    )
    const saved = house.save(
      'lamp/index.ts',
      bad.replace(`globalThis.port.take('bad')`, `if (globalThis.port.log) 0`),
    )
    const during = answerOf(house)
    expect(await saved).toMatchObject({ outcome: 'kept_old' })

    expect(await during).toBe('old')
    expect(await answerOf(house)).toBe('old')
    expect(await answerOf(house, 'lamp', '/seen')).toBe('["old","old"]')
    expect(port.holder).toBe('old')
    expect(house.runtime.loader.view('lamp')).toMatchObject({ state: 'active', generation: 1 })
    expect((await house.save('lamp/index.ts', holder('new'))).outcome).toBe('committed')
    expect(await answerOf(house, 'lamp', '/seen')).toBe('["old","old","new"]')
    expect(port.log.slice(-2)).toEqual(['give old', 'take new'])
  })
}

test('what does not even parse is refused without a step aside', async () => {
  house = await houseWith({ lamp: { 'index.ts': holder('old') } })
  for (const bad of ['export default {', `import './gone.ts'\nexport default {}`]) {
    const { outcome, error } = await house.save('lamp/index.ts', bad)
    expect(outcome).toBe('kept_old')
    expect(error!.line).toBe(1)
  }
  expect(port.log).toEqual(['take old'])
})

test('a version that becomes exclusive makes the one before step aside', async () => {
  const plain = holder('old').replace('exclusive: true,', '').replace(`globalThis.port.take('old')`, '')
  const onLoad = (text: string, word: string) =>
    text.replace('async onLoad(ctx) {', `async onLoad(ctx) { globalThis.port.take('${word}');`)
  house = await houseWith({ lamp: { 'index.ts': onLoad(plain, 'old') } })

  const next = onLoad(holder('new').replace(`globalThis.port.take('new')`, ''), 'new')
  expect((await house.save('lamp/index.ts', next)).outcome).toBe('committed')
  expect(port.log).toEqual(['take old', 'give old', 'take new'])
})

test('a newer save while one steps in overtakes it, and nobody is turned away', async () => {
  house = await houseWith({ lamp: { 'index.ts': holder('old') } })
  house.write('lamp/index.ts', holder('slow', { load: `await new Promise(() => {})` }))
  await until('the slow one holds the port', () => port.holder === 'slow')
  const waiting = answerOf(house)
  await house.save('lamp/index.ts', holder('new'))

  expect(await waiting).toBe('new')
  expect(port.log).toEqual(['take old', 'give old', 'take slow', 'give slow', 'take new'])
  expect(await answerOf(house, 'lamp', '/seen')).toBe('["old","new"]')
})

test('disabled in the middle of a swap, it is gone, and whoever waited is told', async () => {
  house = await houseWith({ lamp: { 'index.ts': holder('old') } })
  house.write('lamp/index.ts', holder('slow', { load: `await new Promise(() => {})` }))
  await until('the slow one holds the port', () => port.holder === 'slow')
  const waiting = house.request('/api/plugins/lamp/word')
  await Bun.sleep(20)
  await house.send('PATCH', '/api/core/plugins/lamp', { enabled: false })

  expect((await waiting).status).toBe(503)
  expect((await waiting).headers.get('Retry-After')).toBe('1')
  expect(house.runtime.loader.view('lamp')!.state).toBe('disabled')
  expect(port.holder).toBeNull()
  const enabled = house.send('PATCH', '/api/core/plugins/lamp', { enabled: true })
  await until('it is tried again', () => port.holder === 'slow')
  await house.save('lamp/index.ts', holder('new'))
  expect((await enabled).status).toBe(200)
  expect(await answerOf(house)).toBe('new')
})

test('more than a thousand do not wait: the rest are told to come back', async () => {
  house = await houseWith({ lamp: { 'index.ts': holder('old') } })
  house.write('lamp/index.ts', holder('slow', { load: `await new Promise(() => {})` }))
  await until('the slow one holds the port', () => port.holder === 'slow')
  // One process asks no more than 256 at a time unless told.
  const crowd = Bun.spawn({
    cmd: [
      process.execPath,
      '-e',
      `const ask = async () => { const { status, headers } = await fetch('${house.url}/api/plugins/lamp/word'); console.log(status, headers.get('Retry-After')) }
       await Promise.all(Array.from({ length: 1_010 }, ask))`,
    ],
    env: { ...process.env, BUN_CONFIG_MAX_HTTP_REQUESTS: '2000' },
    stdout: 'pipe',
  })
  const lines: string[] = []
  const reading = (async () => {
    const text = new TextDecoder()
    for await (const chunk of crowd.stdout) lines.push(...text.decode(chunk).trim().split('\n'))
  })()
  await until('ten are told', () => lines.length >= 10, 10_000)
  expect(lines).toEqual(Array(10).fill('503 1'))
  await house.save('lamp/index.ts', holder('new'))
  await reading
  expect(lines.slice(10)).toEqual(Array(1_000).fill('200 null'))
}, 20_000)

test('what a version hands over is a copy, asked for just before the next one is loaded', async () => {
  const plugin = (word: string, handover: string) => `
    export default {
      onLoad(ctx) {
        const router = ctx.router({ security: [] })
        router.get('/word', (c) => c.json({ word: '${word}', got: ctx.handover ?? null }))
        return router
      },
      handover: (ctx) => ${handover},
    }`
  const got = async () => JSON.parse(await answerOf(house))
  house = await houseWith({
    lamp: { 'index.ts': plugin('one', `({ id: ctx.id, when: new Date(0), map: new Map([[1, 2]]).size })`) },
  })
  expect(await got()).toEqual({ word: 'one', got: null })

  expect((await house.save('lamp/index.ts', plugin('two', `{ throw new Error('not now') }`))).outcome).toBe(
    'committed',
  )
  expect(await got()).toEqual({ word: 'two', got: { id: 'lamp', when: '1970-01-01T00:00:00.000Z', map: 1 } })

  const refused = await house.save('lamp/index.ts', plugin('three', '1'))
  expect(refused).toMatchObject({ outcome: 'kept_old', error: { code: 'handover_failed' } })
  expect(refused.error!.message).toContain('not now')
  expect((await got()).word).toBe('two')
})

for (const odd of ['() => {}', 'Promise.resolve(1)', 'Symbol()'])
  test(`${odd} cannot be handed over`, async () => {
    const plugin = (more: string) => `export default { onLoad() {}, ${more} }`
    house = await houseWith({ lamp: { 'index.ts': plugin(`handover: () => (${odd})`) } })
    const { error } = await house.save('lamp/index.ts', plugin(''))
    expect(error).toMatchObject({ code: 'handover_failed' })
  })

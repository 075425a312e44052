// A plugin that swaps while the house runs: from the save to the goodbye of the old generation.

import { afterEach, expect, test } from 'bun:test'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'

let house: TestHouse
afterEach(() => house?.stop())

const plugin = (answer: string) => `
import { definePlugin } from '@home-console/sdk'
import { word } from './word.ts'
export default definePlugin({
  onLoad(ctx) {
    const router = ctx.router({ security: [] })
    router.get('/word', (c) => c.text('${answer} ' + word))
    return router
  },
})
`

test('a helper that is saved answers with its new text, as the next generation', async () => {
  house = await startTestHouse({
    plugins: { lamp: { 'index.ts': plugin('says'), 'word.ts': `export const word = 'one'` } },
  })
  expect(await (await house.request('/api/plugins/lamp/word')).text()).toBe('says one')

  const reload = await house.save('lamp/word.ts', `export const word = 'two'`)

  expect(reload).toMatchObject({
    plugin: 'lamp',
    generation: 2,
    outcome: 'committed',
    error: null,
    cause: { kind: 'file' },
  })
  expect(await (await house.request('/api/plugins/lamp/word')).text()).toBe('says two')
})

test('a file that does not parse keeps the old generation serving, and says where', async () => {
  house = await startTestHouse({
    plugins: { lamp: { 'index.ts': plugin('says'), 'word.ts': `export const word = 'one'` } },
  })

  const reload = await house.save('lamp/word.ts', `export const word =\n}`)

  expect(reload).toMatchObject({
    outcome: 'kept_old',
    error: { code: 'syntax_error', file: house.path('lamp/word.ts'), line: 2 },
  })
  expect(await (await house.request('/api/plugins/lamp/word')).text()).toBe('says one')
  expect((await house.save('lamp/word.ts', `export const word = 'three'`)).outcome).toBe('committed')
  expect(await (await house.request('/api/plugins/lamp/word')).text()).toBe('says three')
})

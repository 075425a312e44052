// What an adapter's definition may say of modes and of its external service.

import { afterEach, expect, test } from 'bun:test'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'
import { adapterOf } from './kit.ts'

let house: TestHouse
afterEach(() => house.stop())

for (const [members, complaint] of [
  [`modes: ['in_proces']`, 'modes.0'],
  [`modes: []`, 'modes: must name a mode'],
  [`modes: ['in_process', 'in_process']`, 'modes: must not name a mode twice'],
  [`modes: ['embedded']`, 'modes: embedded and microservice need an external service'],
  [`external: '../etc'`, 'external: '],
] as const) {
  test(`${members} is refused`, async () => {
    house = await startTestHouse({
      plugins: { adapter: { 'index.ts': `export default { ${members}, onLoad() {} }` } },
    })
    const { error, state } = adapterOf(house)
    expect(state).toBe('failed')
    expect(error).toMatchObject({ code: 'invalid_definition', message: expect.stringContaining(complaint) })
  })
}

test('a plugin that can only run here is a plugin', async () => {
  house = await startTestHouse({
    plugins: { adapter: { 'index.ts': `export default { modes: ['in_process'], onLoad() {} }` } },
  })
  expect(adapterOf(house)).toMatchObject({ state: 'active', kind: 'plugin', mode: 'in_process', status: [] })
})

// What a plugin's module may export, and what is said of the rest.

import { expect, test } from 'bun:test'
import { startTestHouse } from '@home-console/sdk/testing'

test('a member that no plugin has is told, and passed over; what an instance of a class has besides is its own', async () => {
  await using house = await startTestHouse({
    plugins: {
      misspelt: { 'index.ts': `export default { onLoad() {}, exclusiv: true }` },
      instance: { 'index.ts': `export default new (class { exclusiv = true; onLoad() {} })()` },
    },
  })
  const told = house.logs.filter(({ message }) => message.includes('exclusiv'))
  expect(told).toMatchObject([
    {
      level: 'warn',
      plugin: 'misspelt',
      message: `${house.path('misspelt/index.ts')}: a plugin has no member "exclusiv"; it is passed over. Is it misspelt?`,
    },
  ])
  expect(house.runtime.loader.count()).toMatchObject({ active: 2 })
})

test('a plugin may be called like what every object comes with', async () => {
  await using house = await startTestHouse({
    plugins: { constructor: { 'index.ts': `export default { onLoad() {} }` } },
  })
  expect(house.runtime.loader.view('constructor')).toMatchObject({ state: 'active', error: null })
})

// The guide's plugins, as a reader types them.

import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { startTestHouse } from '@home-console/sdk/testing'
import { checkPlugin } from '../../core/cli/check/check.ts'
import { pluginFolder } from '../../core/cli/plugin-template.ts'
import { pluginsFolder } from './plugin-on-disk.ts'

const guide = await Bun.file(join(import.meta.dir, '../../docs/guide.md')).text()
const snippets = [...guide.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!)

/** The one snippet that has this in it. */
function snippet(mark: string): string {
  const found = snippets.filter((code) => code.includes(mark))
  expect([mark, found.length]).toEqual([mark, 1])
  return found[0]!
}

test('it shows the contract and the test that hc plugin new writes', () => {
  const files = pluginFolder('lamp')
  expect(snippets).toContain(files['contract.ts']!)
  expect(snippet('bun:test')).toStartWith(files['index.test.ts']!)
})

test('its plugins pass the check, run together and do what it says', async () => {
  const lamp: Record<string, string> = { ...pluginFolder('lamp'), 'index.ts': snippet("already_so', `") }
  const alarm = snippet('// plugins/alarm.ts')
  const live = snippet('// plugins/live.ts')
  using folder = pluginsFolder({
    'lamp/index.ts': lamp['index.ts']!,
    'lamp/contract.ts': lamp['contract.ts']!,
    'alarm.ts': alarm,
    'live.ts': live,
  })
  for (const name of ['lamp', 'alarm.ts', 'live.ts']) expect(checkPlugin(join(folder.path, name))).toEqual([])

  await using house = await startTestHouse({
    plugins: { lamp, alarm: join(folder.path, 'alarm.ts'), live: join(folder.path, 'live.ts') },
  })
  const on = { on: true }
  expect((await house.send('PUT', '/api/plugins/lamp/state', on)).status).toBe(200)
  expect((await house.event('lamp.changed')).data).toEqual(on)
  expect((await house.send('PUT', '/api/plugins/lamp/state', on)).status).toBe(409)
  expect(house.logs.some(({ plugin, message }) => plugin === 'alarm' && message === 'Somebody is in.')).toBe(
    true,
  )

  const ticks = await house.request('/api/plugins/live/ticks', { headers: { authorization: '' } })
  const { value } = await ticks.body!.getReader().read()
  expect(new TextDecoder().decode(value)).toBe('data: 1\n\n')
})

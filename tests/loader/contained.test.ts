// Mistakes that reach for the whole house: each stays with the plugin that made it.

import { afterEach, expect, test } from 'bun:test'
import { mkdirSync, symlinkSync } from 'node:fs'
import { startTestHouse, type PluginFiles, type TestHouse } from '@home-console/sdk/testing'

let house: TestHouse | undefined
afterEach(async () => {
  await house?.stop()
  house = undefined
})

const onLoad = (body: string, head = '') => ({
  'index.ts': `import { definePlugin } from '@home-console/sdk'\n${head}\nexport default definePlugin({ onLoad(ctx) {\n${body}\n} })\n`,
})
const bystander = onLoad(
  `const router = ctx.router({ security: [] }); router.get('/', (c) => c.text('well')); return router`,
)

async function houseWith(plugin: PluginFiles): Promise<TestHouse> {
  house = await startTestHouse({ plugins: { plugin, bystander } })
  return house
}

async function expectWell(): Promise<void> {
  expect(await (await house!.request('/api/plugins/bystander')).text()).toBe('well')
  for (const path of ['/health', '/metrics', '/api/core/plugins', '/api/core/plugins/plugin/reloads']) {
    expect([path, (await house!.request(path)).status]).toEqual([path, 200])
  }
}

test.each([
  ['process.exit', `process.exit(0)`, ''],
  ['exit of node:process', `exit(0)`, `import { exit } from 'node:process'`],
  ['the default of node:process', `proc.exit(0)`, `import proc from 'node:process'`],
  ['the process of globalThis', `globalThis.process.exit(0)`, ''],
  [
    'require',
    `createRequire(import.meta.url)('process').exit(0)`,
    `import { createRequire } from 'node:module'`,
  ],
  ['abort of node:process', `abort()`, `import { abort } from 'node:process'`],
  ['a signal to itself', `kill(process.pid, 'SIGKILL')`, `import { kill } from 'node:process'`],
  ['a signal to its whole group', `process.kill(0, 'SIGKILL')`, ''],
  ['a signal to everybody', `process.kill(-1, 'SIGKILL')`, ''],
])('%s does not end the Core, and is refused in plain words', async (_name, call, head) => {
  await houseWith(onLoad(call, head))
  const plugin = await (await house!.request('/api/core/plugins/plugin')).json()
  expect(plugin).toMatchObject({ state: 'failed', error: { code: 'not_allowed', line: 4 } })
  expect((plugin as { error: { message: string } }).error.message).toContain('the Core owns the process')
  await expectWell()
})

test.each([
  ['a status that is no text', `ctx.status('x', 'ok', 5n)`],
  ['a status that goes in a circle', `const o = {}; o.o = o; ctx.status('x', 'ok', o)`],
  ['an event of an odd type', `ctx.events.emit({ toString() { throw 1 } }, 1)`],
  [
    'data whose toJSON throws an odd thing',
    `ctx.events.emit('a.b', { toJSON() { throw Object.create(null) } })`,
  ],
  [
    'an odd message in the log',
    `ctx.log.info(Object.create(null)); ctx.log.info('x', { toJSON() {} }); ctx.log.info('x', 7)`,
  ],
])('%s is no trouble for anybody', async (_name, call) => {
  await houseWith(onLoad(call))
  expect(await (await house!.request('/api/core/plugins/plugin')).json()).toMatchObject({ state: 'active' })
  await expectWell()
})

test('a status of an unknown state is refused', async () => {
  await houseWith(onLoad(`ctx.status('x', 'fine')`))
  expect(await (await house!.request('/api/core/plugins/plugin')).json()).toMatchObject({
    state: 'failed',
    error: { code: 'invalid_argument' },
  })
})

test('an error whose message is no text is told all the same', async () => {
  await houseWith(onLoad(`const e = new Error('x'); const o = {}; o.o = o; e.message = o; throw e`))
  expect(await (await house!.request('/api/core/plugins/plugin')).json()).toMatchObject({ state: 'failed' })
  await expectWell()
})

test('a definition is read once: what it says later is nobody’s trouble', async () => {
  await houseWith({
    'index.ts': `
      let reads = 0
      export default { onLoad() {}, get name() { if (reads++ > 1) throw new Error('no more'); return 'Odd' } }
    `,
  })
  for (let i = 0; i < 3; i++) await expectWell()
  expect(await (await house!.request('/api/core/plugins/plugin')).json()).toMatchObject({ name: 'Odd' })
})

test('routes on a router that nobody returned are refused, and the version before serves on', async () => {
  await houseWith(bystander)
  const reload = await house!.save(
    'plugin/index.ts',
    onLoad(`const router = ctx.router(); router.get('/', (c) => c.text('lost'))`)['index.ts'],
  )
  expect(reload).toMatchObject({ outcome: 'kept_old', error: { code: 'router_not_returned', line: 3 } })
  expect(await (await house!.request('/api/plugins/plugin')).text()).toBe('well')
})

test('links in a circle, and what is no file, are no plugins and stop none', async () => {
  await houseWith(bystander)
  symlinkSync('self', house!.path('self'))
  symlinkSync('self.ts', house!.path('self.ts'))
  mkdirSync(house!.path('pipe'))
  expect(Bun.spawnSync(['mkfifo', house!.path('pipe/package.json')]).exitCode).toBe(0)
  const reload = await house!.save('later/index.ts', bystander['index.ts'])
  expect(reload).toMatchObject({ plugin: 'later', outcome: 'committed' })
  await expectWell()
})

test('a mistake in a handler is told with file, line and source', async () => {
  await houseWith(
    onLoad(`const router = ctx.router({ security: [] })
router.get('/', () => { throw new Error('on line 5') })
return router`),
  )
  expect((await house!.request('/api/plugins/plugin')).status).toBe(500)
  const line = house!.logs.find(({ message }) => message.includes('on line 5'))!
  expect(line.message).toContain(
    `A mistake in GET /api/plugins/plugin at ${house!.path('plugin/index.ts')}:5: on line 5`,
  )
  expect(line.message).toContain(`> 5 | router.get('/', () => { throw new Error('on line 5') })`)
  expect(JSON.stringify(line.fields)).not.toContain('/core/http/')
})

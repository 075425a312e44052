// Versions that cannot serve: the one before goes on, the reason is on record with file and line, and the next save heals.

import { afterEach, describe, expect, test } from 'bun:test'
import type { Reload } from '@home-console/sdk'
import type { TestHouse } from '@home-console/sdk/testing'
import { until } from '../until.ts'
import { answering, answerOf, expectUntouchedBystander, houseWith } from './bystander.ts'

let house: TestHouse
afterEach(() => house?.stop())

const DEFINE = `import { createRoute, definePlugin, z } from '@home-console/sdk'\n`
/** The body stands on line 3 and after. */
const onLoad = (body: string) =>
  `${DEFINE}export default definePlugin({ onLoad: async (ctx) => {\n${body}\n} })\n`
const loads = 'export default { onLoad() {} }\n'

interface Bad {
  readonly files: Record<string, string>
  readonly code: string
  readonly message: string | RegExp
  /** `index.ts` unless given. */
  readonly file?: string
  readonly line: number | undefined
  /** How long it takes to be refused. */
  readonly slow?: boolean
}

const bad: Record<string, Bad> = {
  'a syntax error': {
    files: { 'index.ts': `${DEFINE}\nconst = 3\n${loads}` },
    code: 'syntax_error',
    message: 'Expected identifier but found "="',
    line: 3,
  },
  'one name declared twice': {
    files: { 'index.ts': `let a = 1\n\nlet a = 2\n${loads}` },
    code: 'syntax_error',
    message: '"a" has already been declared',
    line: 3,
  },
  'a syntax error in a helper': {
    files: { 'index.ts': `import './helper.ts'\n${loads}`, 'helper.ts': 'export const a = 1\n\n}\n' },
    code: 'syntax_error',
    message: 'Unexpected }',
    file: 'helper.ts',
    line: 3,
  },
  'a throw at top level': {
    files: { 'index.ts': `${DEFINE}\n\nthrow new RangeError('too far')\n${loads}` },
    code: 'load_failed',
    message: 'RangeError: too far',
    line: 4,
  },
  'a throw at top level of a helper': {
    files: {
      'index.ts': `import './helper.ts'\n${loads}`,
      'helper.ts': `\nconst fail = () => {\n  throw new TypeError('no') }\nfail()\n`,
    },
    code: 'load_failed',
    message: 'TypeError: no',
    file: 'helper.ts',
    line: 3,
  },
  'a rejection at top level': {
    files: { 'index.ts': `\nawait Promise.reject(new Error('not today'))\n${loads}` },
    code: 'load_failed',
    message: 'not today',
    line: 2,
  },
  'a string thrown at top level': {
    files: { 'index.ts': `throw 'words'\n${loads}` },
    code: 'load_failed',
    message: 'words',
    line: undefined,
  },
  'a throw in onLoad': {
    files: { 'index.ts': onLoad(`throw new Error('not ready')`) },
    code: 'load_failed',
    message: 'not ready',
    line: 3,
  },
  'undefined thrown in onLoad': {
    files: { 'index.ts': onLoad('throw undefined') },
    code: 'load_failed',
    message: 'a thrown undefined: undefined',
    line: undefined,
  },
  'a rejection in onLoad, out of a helper': {
    files: {
      'index.ts': `import { fail } from './helper.ts'\n${onLoad('await fail()')}`,
      'helper.ts': `export async function fail() {\n  await Bun.sleep(1)\n  throw new Error('deep down')\n}\n`,
    },
    code: 'load_failed',
    message: 'deep down',
    file: 'helper.ts',
    line: 3,
  },
  'an onLoad that hangs': {
    files: {
      'index.ts': `${DEFINE}export default definePlugin({ loadTimeout: 150,\n  onLoad: () => new Promise(() => {}) })\n`,
    },
    code: 'load_timeout',
    message: /did not finish within 150 ms/,
    line: 3,
  },
  'a top-level await that hangs': {
    files: { 'index.ts': `await new Promise(() => {})\n${loads}` },
    code: 'import_timeout',
    message: /did not finish within 10000 ms/,
    line: undefined,
    slow: true,
  },
  'an import that leads nowhere': {
    files: { 'index.ts': `${DEFINE}import { a } from './nowhere.ts'\nconsole.log(a)\n${loads}` },
    code: 'import_missing',
    message: /Cannot find module '.\/nowhere.ts'/,
    line: 2,
  },
  'an import that leads nowhere, in a helper': {
    files: {
      'index.ts': `import './helper.ts'\n${loads}`,
      'helper.ts': `\n\nimport { a } from './gone.ts'\nconsole.log(a)\n`,
    },
    code: 'import_missing',
    message: /Cannot find module '.\/gone.ts'/,
    file: 'helper.ts',
    line: 3,
  },
  'a package that is not installed': {
    files: { 'index.ts': `\nimport left from 'left-out'\nconsole.log(left)\n${loads}` },
    code: 'import_missing',
    message: /Cannot find package 'left-out'/,
    line: 2,
  },
  'an import() that leads nowhere, in onLoad': {
    files: { 'index.ts': onLoad(`\nawait import('./later.ts')`) },
    code: 'import_missing',
    message: /Cannot find module '.\/later.ts'/,
    line: 4,
  },
  'an export that is not there': {
    files: {
      'index.ts': `import {\n  a,\n  b,\n} from './helper.ts'\nconsole.log(a, b)\n${loads}`,
      'helper.ts': 'export const a = 1\n',
    },
    code: 'import_missing',
    message: /'b' not found/,
    line: 3,
  },
  'an export that the SDK has not': {
    files: { 'index.ts': `\nimport { magic } from '@home-console/sdk'\nconsole.log(magic)\n${loads}` },
    code: 'import_missing',
    message: /'magic' not found/,
    line: 2,
  },
  'no default export': {
    files: { 'index.ts': 'export const plugin = {}\n' },
    code: 'no_default_export',
    message: /no default export/,
    line: 1,
  },
  'a default export that is a function': {
    files: { 'index.ts': '\nexport default () => {}\n' },
    code: 'invalid_definition',
    message: /is a function/,
    line: 2,
  },
  'a default export that is null': {
    files: { 'index.ts': '\nexport default null\n' },
    code: 'invalid_definition',
    message: /is a null/,
    line: 2,
  },
  'an id that another plugin has': {
    files: { 'package.json': '{\n  "homeConsole": { "id": "bystander" }\n}\n' },
    code: 'id_taken',
    message: /"bystander" belongs to .*plugins\/bystander already/,
    file: 'package.json',
    line: 2,
  },
  'an id that is none': {
    files: { 'package.json': '{\n  "homeConsole": {\n    "id": "Not An Id"\n  }\n}\n' },
    code: 'invalid_id',
    message: /"Not An Id" cannot be a plugin's id/,
    file: 'package.json',
    line: 3,
  },
  'a name that is reserved': {
    files: { 'package.json': '{ "homeConsole": { "id": "core" } }\n' },
    code: 'invalid_id',
    message: /"core" cannot be/,
    file: 'package.json',
    line: 1,
  },
  'a manifest that is no JSON': {
    files: { 'package.json': '{\n  "name": "lamp",\n  "version":\n}\n' },
    code: 'invalid_manifest',
    message: /is no JSON/,
    file: 'package.json',
    line: 4,
  },
  'a manifest that is nonsense': {
    files: { 'package.json': '{\n  "name": "lamp",\n  "version": 3\n}\n' },
    code: 'invalid_manifest',
    message: /version: Invalid type: Expected string but received 3/,
    file: 'package.json',
    line: 3,
  },
  'a manifest that is a list': {
    files: { 'package.json': '[]\n' },
    code: 'invalid_manifest',
    message: /package.json: the whole: Invalid type/,
    file: 'package.json',
    line: 1,
  },
  'an entry that is not there': {
    files: { 'package.json': '{\n  "exports": { ".": "./main.ts" }\n}\n' },
    code: 'entry_missing',
    message: /main.ts is missing/,
    file: 'main.ts',
    line: undefined,
  },
  'an entry outside its folder': {
    files: { 'package.json': '{\n  "name": "lamp",\n  "exports": "../other/index.ts"\n}\n' },
    code: 'invalid_manifest',
    message: /"\.\.\/other\/index\.ts" leads out of the plugin's folder/,
    file: 'package.json',
    line: 3,
  },
  'an entry in a list that is not there': {
    files: { 'package.json': '{ "exports": { ".": [{ "import": "./main.ts" }, "./index.ts"] } }\n' },
    code: 'entry_missing',
    message: /main.ts is missing/,
    file: 'main.ts',
    line: undefined,
  },
  'a table that is no JSON': {
    files: {
      'index.ts': `import data from './data.json'\nconsole.log(data)\n${loads}`,
      'data.json': '{\n  "a": 1,\n  "b":\n}\n',
    },
    code: 'syntax_error',
    message: /data\.json is no JSON: JSON Parse error/,
    file: 'data.json',
    line: 4,
  },
  'a table that is JavaScript and no JSON': {
    files: {
      'index.ts': `import data from './data.json'\nconsole.log(data)\n${loads}`,
      'data.json': '{\n  "a": 1,\n  "b": oops\n}\n',
    },
    code: 'syntax_error',
    message: /data\.json is no JSON: .*"oops"/,
    file: 'data.json',
    line: 3,
  },
  'a value that does not fit a schema of valibot': {
    files: {
      'index.ts': `import * as v from 'valibot'\n${onLoad(`v.parse(v.object({ a: v.object({ b: v.string() }) }), { a: { b: 1 } })`)}`,
    },
    code: 'load_failed',
    message: 'ValiError: a.b: Invalid type: Expected string but received 1',
    line: 4,
  },
  'values that do not fit a schema of zod': {
    files: {
      'index.ts': `import { z } from 'zod'\n${onLoad(`z.object({ a: z.string(), b: z.number() }).parse({ a: 1 })`)}`,
    },
    code: 'load_failed',
    message:
      'ZodError: a: Invalid input: expected string, received number; b: Invalid input: expected number, received undefined',
    // zod cuts its own stack off, and with it the line.
    line: undefined,
  },
  'an SDK of another age': {
    files: { 'package.json': '{\n  "peerDependencies": {\n    "@home-console/sdk": "^99.0.0"\n  }\n}\n' },
    code: 'incompatible_sdk',
    message: /written for @home-console\/sdk \^99\.0\.0/,
    file: 'package.json',
    line: 3,
  },
  'something returned that is no router': {
    files: {
      'index.ts': `${DEFINE}export default definePlugin({\n  onLoad: () => ({ fetch() {} }) as never,\n})\n`,
    },
    code: 'invalid_router',
    message: /no router/,
    line: 3,
  },
  'a schema that cannot be described': {
    files: {
      'index.ts': onLoad(`const router = ctx.router()
router.openapi(
  createRoute({ method: 'get', path: '/map', responses: { 200: { description: 'A map', content: { 'application/json': { schema: z.map(z.string(), z.string()) } } } } }),
  (c) => c.json({} as never),
)
return router`),
    },
    code: 'undescribable_schema',
    message: /GET \/map/,
    line: 4,
  },
  'two routes of one path': {
    files: {
      'index.ts': onLoad(`const router = ctx.router()
const route = createRoute({ method: 'get', path: '/twice', responses: { 200: { description: 'Once' } } })
router.openapi(route, (c) => c.text('first'))
router.openapi(route, (c) => c.text('second'))
return router`),
    },
    code: 'route_collision',
    message: /GET \/twice is registered twice/,
    line: 6,
  },
  'two routes of one operationId': {
    files: {
      'index.ts': onLoad(`const router = ctx.router()
const route = (path) => createRoute({ method: 'get', path, operationId: 'list', responses: { 200: { description: 'All' } } })
router.openapi(route('/lamps'), (c) => c.text('lamps'))
router.openapi(route('/rooms'), (c) => c.text('rooms'))
return router`),
    },
    code: 'route_collision',
    message: /GET \/rooms has the operationId "list" of GET \/lamps/,
    line: 6,
  },
  'a parameter that the path does not have': {
    files: {
      'index.ts': onLoad(`const router = ctx.router()
const request = { params: z.object({ nam: z.string() }) }
router.openapi(createRoute({ method: 'get', path: '/lamps/{name}', request, responses: { 200: { description: 'One' } } }), (c) => c.text('one'))
return router`),
    },
    code: 'undescribable_schema',
    message: /The params of GET \/lamps\/\{name\} describe "nam"/,
    line: 5,
  },
  'a pattern that is none': {
    files: { 'index.ts': onLoad(`ctx.events.on('a..b', () => {})`) },
    code: 'invalid_pattern',
    message: /^"a\.\.b" is no event pattern/,
    line: 3,
  },
  'a schedule that is none': {
    files: { 'index.ts': onLoad(`ctx.every('now and then', () => {})`) },
    code: 'invalid_schedule',
    message: /^"now and then" in UTC is no schedule/,
    line: 3,
  },
  'a period of nothing': {
    files: { 'index.ts': onLoad('ctx.every(0, () => {})') },
    code: 'invalid_schedule',
    message: /0 is no time to wait/,
    line: 3,
  },
  'a zone that is none': {
    files: { 'index.ts': onLoad(`ctx.every('* * * * *', () => {}, { timeZone: 'Moon/Tycho' })`) },
    code: 'invalid_schedule',
    message: /Moon\/Tycho/,
    line: 3,
  },
  'a listener that is no function': {
    files: { 'index.ts': onLoad(`ctx.events.on('a.b', 3 as never)`) },
    code: 'invalid_argument',
    message: /ctx.events.on takes a function, not number/,
    line: 3,
  },
  'a server of its own': {
    files: { 'index.ts': onLoad('Bun.serve({ port: 0, fetch: () => new Response() })') },
    code: 'not_allowed',
    message: /^Bun.serve does not work in a plugin: the Core owns the only server/,
    line: 3,
  },
  'a port of its own': {
    files: { 'index.ts': onLoad(`Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })`) },
    code: 'not_allowed',
    message: /^Bun.listen does not work in a plugin/,
    line: 3,
  },
  'an end of the process': {
    files: { 'index.ts': `process.exit(3)\n${loads}` },
    code: 'not_allowed',
    message: /^process.exit does not work in a plugin: the Core owns the process/,
    line: 1,
  },
}

const members: Record<string, string> = {
  onLoad: `'yes'`,
  onUnload: '{}',
  version: '1',
  name: '[]',
  description: 'true',
  events: `{ 'lamp.on': {} }`,
  scopes: `{ read: 1 }`,
  loadTimeout: '-5',
}
for (const [member, value] of Object.entries(members)) {
  const onLoad = member === 'onLoad' ? '' : 'onLoad() {},'
  bad[`a definition whose ${member} is ${value}`] = {
    files: { 'index.ts': `\n\nexport default {\n  ${onLoad}\n  ${member}: ${value},\n}\n` },
    code: 'invalid_definition',
    message: new RegExp(`^The default export is no plugin definition: ${member}`),
    line: 3,
  }
}

/** Writes everything but the last file first: the last one decides. */
async function saveAll(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files).reverse()) house.write(`lamp/${name}`, text)
}

async function refusal(slow = false): Promise<Reload> {
  const decided = () => house.events.find(({ type }) => /^plugin\.(kept_old|failed)$/.test(type))
  const { data } = await until('a refusal', decided, slow ? 12_000 : 5_000)
  return (data as { reload: Reload }).reload
}

function expectFault({ error }: Reload, { code, message, file = 'index.ts', line }: Bad): void {
  expect(error).toMatchObject({
    code,
    message: message instanceof RegExp ? expect.stringMatching(message) : message,
    file: house.path(`lamp/${file}`),
  })
  expect(error?.line).toBe(line)
  if (line !== undefined) expect(error?.frame).toMatch(new RegExp(`^> *${line} \\|`, 'm'))
}

describe.each(Object.entries(bad))('%s', (_name, version) => {
  const time = version.slow ? 20_000 : 5_000

  test(
    'keeps the old generation serving, and the next good save takes over',
    async () => {
      house = await houseWith({ lamp: { 'index.ts': answering('old') } })

      await saveAll(version.files)
      const reload = await refusal(version.slow)

      expect(reload).toMatchObject({
        plugin: 'lamp',
        generation: 2,
        outcome: 'kept_old',
        leaks: [],
      })
      expectFault(reload, version)
      const { file = 'index.ts', line } = version
      expect(house.logs.find(({ message }) => message.startsWith('Refused'))).toMatchObject({
        level: 'error',
        message: expect.stringContaining(
          `at ${house.path(`lamp/${file}`)}${line === undefined ? '' : `:${line}`}: `,
        ),
      })
      expect(await answerOf(house)).toBe('old')
      expect(house.runtime.loader.view('lamp')).toMatchObject({
        state: 'active',
        generation: 1,
        error: reload.error,
      })

      if ('package.json' in version.files) house.write('lamp/package.json', '{}')
      house.write('lamp/index.ts', answering('new'))
      await until('the new answer', async () => (await answerOf(house)) === 'new')
      expect(house.runtime.loader.view('lamp')).toMatchObject({ state: 'active', error: null })
      await expectUntouchedBystander(house)
    },
    time,
  )

  test(
    'as the first version is failed, and the next good save loads',
    async () => {
      house = await houseWith({ lamp: { 'index.ts': answering('never'), ...version.files } })

      const reload = version.slow ? await refusal(true) : (await house.event('plugin.failed')).data.reload

      expect(reload).toMatchObject({ generation: 1, outcome: 'failed', cause: { kind: 'boot' } })
      expectFault(reload, version)
      const unit = house.runtime.loader.units.find(({ place }) => place.name === 'lamp')!
      expect(unit.state).toBe('failed')

      if ('package.json' in version.files) house.write('lamp/package.json', '{}')
      house.write('lamp/index.ts', answering('new'))
      await until('the new answer', async () => (await answerOf(house)) === 'new')
      expect(house.runtime.loader.view('lamp')).toMatchObject({ state: 'active', generation: 1, error: null })
      await expectUntouchedBystander(house)
    },
    time,
  )
})

test('a save overtakes a version that is still being staged, and nothing of that version shows', async () => {
  house = await houseWith({ lamp: { 'index.ts': answering('old') } })
  const slow = `ctx.events.emit('lamp.slow', {}); ctx.defer(() => console.log('taken back')); await Bun.sleep(60_000)`
  house.write('lamp/index.ts', answering('slow', slow))
  await Bun.sleep(100)

  const reload = await house.save('lamp/index.ts', answering('new'))

  expect(reload).toMatchObject({ generation: 2, outcome: 'committed' })
  expect(
    house.runtime.loader
      .find('lamp')!
      .reloads.list(3)
      .map(({ outcome }) => outcome),
  ).toEqual(['committed', 'superseded', 'committed'])
  expect(await answerOf(house)).toBe('new')
  await until('what it registered to be taken back', () =>
    house.logs.some(({ message }) => message === 'taken back'),
  )
  expect(house.events.some(({ type }) => type === 'lamp.slow')).toBe(false)
  await expectUntouchedBystander(house)
})

test('a save overtakes a version that hangs in a top-level await', async () => {
  house = await houseWith({ lamp: { 'index.ts': answering('old') } })
  house.write('lamp/index.ts', `await new Promise(() => {})\n${loads}`)
  await Bun.sleep(100)
  expect((await house.save('lamp/index.ts', answering('new'))).outcome).toBe('committed')
  expect(await answerOf(house)).toBe('new')
  await expectUntouchedBystander(house)
})

test('a helper that is deleted while its plugin is staged refuses nothing that was read already; the next look does', async () => {
  house = await houseWith({ lamp: { 'index.ts': answering('old') } })
  const withHelper = `import { word } from './word.ts'\n${answering('new', 'await Bun.sleep(300); console.log(word)')}`
  house.write('lamp/word.ts', `export const word = 'hello'`)
  house.write('lamp/index.ts', withHelper)
  await Bun.sleep(100)
  const { unlink } = await import('node:fs/promises')
  await unlink(house.path('lamp/word.ts'))

  const { data } = await house.event('plugin.kept_old')

  expect(data.reload.error).toMatchObject({
    code: 'import_missing',
    file: house.path('lamp/index.ts'),
    line: 1,
  })
  expect(await answerOf(house)).toBe('old')
  house.write('lamp/word.ts', `export const word = 'hello'`)
  await until('the new answer', async () => (await answerOf(house)) === 'new')
  await expectUntouchedBystander(house)
})

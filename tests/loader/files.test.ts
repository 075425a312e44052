// Files as people and programs leave them: torn, moved, linked, deleted and put back. What is read is always whole.

import { afterEach, describe, expect, test } from 'bun:test'
import {
  appendFileSync,
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestHouse } from '@home-console/sdk/testing'
import { until } from '../until.ts'
import { answering, answerOf, expectUntouchedBystander, houseWith } from './bystander.ts'

let house: TestHouse
afterEach(async () => {
  await expectUntouchedBystander(house)
  await house.stop()
})

const answers = (text: string, id = 'lamp') =>
  until(`"${text}"`, async () => (await answerOf(house, id)) === text)
const isGone = (id = 'lamp') => until(`${id} to be gone`, () => house.runtime.loader.view(id) === undefined)
const outcomes = (id = 'lamp') =>
  house.runtime.loader
    .find(id)!
    .reloads.list(100)
    .map(({ outcome }) => outcome)
    .reverse()
/** Long enough for every hint to have been heard and every wait to be over. */
const calm = () => Bun.sleep(250)

const lamp = (text = 'old') => ({ lamp: { 'index.ts': answering(text) } })

/** Writes in place, in pieces, as a slow program does. @returns its longest pause, in ms */
async function writeSlowly(path: string, text: string, pauseMs: number, pieces = 5): Promise<number> {
  const file = openSync(path, 'w')
  const size = Math.ceil(text.length / pieces)
  let longest = 0
  let wrote = performance.now()
  for (let at = 0; at < text.length; at += size) {
    writeSync(file, text.slice(at, at + size))
    longest = Math.max(longest, performance.now() - wrote)
    wrote = performance.now()
    await Bun.sleep(pauseMs)
  }
  closeSync(file)
  return longest
}

/** Who pauses for longer has stopped, as far as anyone can see. */
const QUIET_MS = 50

/** On a busy machine a program may be kept from writing on for longer than it means to: then it is tried once more. */
async function keepingPace(write: () => Promise<number>): Promise<void> {
  for (let tries = 1; (await write()) >= QUIET_MS; tries++) {
    if (tries === 10) throw new Error('This machine is too busy: the writer never kept its pace.')
  }
}

/** Any part of it that ends with a line loads and answers, and the answer says how much was read. */
const growing = (lines: number) =>
  answering('none') + Array.from({ length: lines }, (_, at) => `globalThis.torn?.push(${at + 1})\n`).join('')

describe('a save', () => {
  test('of the same content does nothing', async () => {
    house = await houseWith(lamp())
    house.write('lamp/index.ts', answering('old'))
    const now = new Date()
    utimesSync(house.path('lamp/index.ts'), now, now)
    await calm()
    expect(outcomes()).toEqual(['committed'])
  })

  test('a thousand times over makes few reloads, and the last one serves', async () => {
    house = await houseWith(lamp())
    for (let save = 1; save <= 1000; save++)
      writeFileSync(house.path('lamp/index.ts'), answering(String(save)))
    await answers('1000')
    await calm()
    expect(outcomes().filter((outcome) => outcome === 'committed').length).toBeLessThanOrEqual(3)
    expect(outcomes()).not.toContain('kept_old')
  })

  test('in one step, hundreds of times, each in a turn of its own, makes few reloads, and the last one serves', async () => {
    house = await houseWith(lamp())
    for (let save = 1; save <= 300; save++) {
      writeFileSync(house.path('lamp/next.tmp'), answering(String(save)))
      renameSync(house.path('lamp/next.tmp'), house.path('lamp/index.ts'))
      await Bun.sleep(1)
    }
    await answers('300')
    await calm()
    expect(outcomes().length).toBeLessThanOrEqual(20)
  })

  test.each([30, 40])('in place, with pieces %d ms apart, is never read torn', async (pause) => {
    let torn: number[]
    await keepingPace(async () => {
      Object.assign(globalThis, { torn: (torn = []) })
      await house?.[Symbol.asyncDispose]()
      house = await houseWith(lamp())
      const longest = await writeSlowly(house.path('lamp/index.ts'), growing(20), pause)
      await answers('none')
      await calm()
      return longest
    })
    expect(outcomes()).toEqual(['committed', 'committed'])
    expect(torn!).toEqual(Array.from({ length: 20 }, (_, at) => at + 1))
  })

  test('by a program that writes slowly into a new file is never read torn', async () => {
    let torn: number[]
    await keepingPace(async () => {
      Object.assign(globalThis, { torn: (torn = []) })
      await house?.[Symbol.asyncDispose]()
      house = await houseWith(lamp())
      const longest = await writeSlowly(house.path('chair.ts'), growing(20), 35)
      await answers('none', 'chair')
      return longest
    })
    expect(outcomes('chair')).toEqual(['committed'])
    expect(torn!).toEqual(Array.from({ length: 20 }, (_, at) => at + 1))
  })

  test('that moves a file here from another folder is read', async () => {
    house = await houseWith(lamp())
    const elsewhere = join(house.folder, 'made-elsewhere.ts')
    writeFileSync(elsewhere, answering('moved'))
    renameSync(elsewhere, house.path('lamp/index.ts'))
    await answers('moved')
  })

  test('as vim does it, with a backup beside, makes one reload', async () => {
    house = await houseWith(lamp())
    writeFileSync(house.path('lamp/4913'), '')
    unlinkSync(house.path('lamp/4913'))
    renameSync(house.path('lamp/index.ts'), house.path('lamp/index.ts~'))
    writeFileSync(house.path('lamp/index.ts'), answering('vim'))
    unlinkSync(house.path('lamp/index.ts~'))
    await answers('vim')
    await calm()
    expect(outcomes()).toEqual(['committed', 'committed'])
  })

  test('of a file that nothing imports, or of a test, does nothing', async () => {
    house = await houseWith(lamp())
    house.write('lamp/notes.txt', 'one')
    house.write('lamp/index.test.ts', 'throw 1')
    house.write('lamp/.env', 'a=b')
    house.write('lamp/unused.ts', '}')
    await calm()
    expect(outcomes()).toEqual(['committed'])
  })
})

describe('a plugin’s files are what its modules import', () => {
  test.each([
    [
      'JSON',
      'word.json',
      `import data from './word.json'`,
      'data.word',
      (word: string) => JSON.stringify({ word }),
    ],
    [
      'text',
      'word.txt',
      `import data from './word.txt' with { type: 'text' }`,
      'data',
      (word: string) => word,
    ],
    [
      'SQL',
      'word.sql',
      `import data from './word.sql' with { type: 'text' }`,
      'data',
      (word: string) => word,
    ],
    [
      'a script',
      'word.js',
      `import { word } from './word.js'`,
      'word',
      (word: string) => `export const word = '${word}'`,
    ],
    [
      'CommonJS',
      'word.cjs',
      `import data from './word.cjs'`,
      'data.word',
      (word: string) => `module.exports = { word: '${word}' }`,
    ],
    [
      'what an import() names',
      'word.ts',
      '',
      `(await import('./word.ts')).word`,
      (word: string) => `export const word = '${word}'`,
    ],
    [
      'a helper without its ending',
      'word.ts',
      `import { word } from './word'`,
      'word',
      (word: string) => `export const word = '${word}'`,
    ],
    [
      'a folder with an index',
      'words/index.ts',
      `import { word } from './words'`,
      'word',
      (word: string) => `export const word = '${word}'`,
    ],
  ])('%s', async (_what, file, top, expression, content) => {
    const text = answering(
      'x',
      `const word = ${expression}; router.get('/it', (c) => c.text(word))`,
      top,
    ).replace('const word = word;', '')
    house = await houseWith({ lamp: { 'index.ts': text, [file]: content('one') } })
    expect(await answerOf(house, 'lamp', '/it')).toBe('one')
    house.write(`lamp/${file}`, content('two'))
    await until('the new word', async () => (await answerOf(house, 'lamp', '/it')) === 'two')
  })

  test('a helper beside the plugins, of two of them', async () => {
    const text = answering(
      'x',
      `router.get('/it', (c) => c.text(word))`,
      `import { word } from '../_shared/word.ts'`,
    )
    house = await houseWith({
      lamp: { 'index.ts': text },
      chair: { 'index.ts': text },
      _shared: { 'word.ts': `export const word = 'one'` },
    })
    house.write('_shared/word.ts', `export const word = 'two'`)
    for (const id of ['lamp', 'chair'])
      await until('the new word', async () => (await answerOf(house, id, '/it')) === 'two')
    expect(house.runtime.loader.view('_shared')).toBeUndefined()
  })

  test('a helper outside the plugins folder', async () => {
    house = await houseWith(lamp())
    mkdirSync(join(house.folder, 'outside'))
    const helper = join(house.folder, 'outside', 'word.ts')
    writeFileSync(helper, `export const word = 'one'`)
    await house.save(
      'lamp/index.ts',
      answering(
        'new',
        `router.get('/it', (c) => c.text(word))`,
        `import { word } from '../../outside/word.ts'`,
      ),
    )
    expect(await answerOf(house, 'lamp', '/it')).toBe('one')
    await Bun.sleep(100)
    writeFileSync(helper, `export const word = 'two'`)
    await until('the new word', async () => (await answerOf(house, 'lamp', '/it')) === 'two')
  })

  test('a package of its own, by its package.json', async () => {
    const pack = (version: string) => {
      mkdirSync(house.path('lamp/node_modules/bulb'), { recursive: true })
      writeFileSync(house.path('lamp/node_modules/bulb/index.js'), `exports.version = '${version}'`)
      writeFileSync(
        house.path('lamp/node_modules/bulb/package.json'),
        JSON.stringify({ name: 'bulb', version }),
      )
    }
    house = await houseWith(lamp())
    pack('1.0.0')
    await house.save(
      'lamp/index.ts',
      answering('new', `router.get('/it', (c) => c.text(version))`, `import { version } from 'bulb'`),
    )
    expect(await answerOf(house, 'lamp', '/it')).toBe('1.0.0')
    await Bun.sleep(100)
    pack('2.0.0')
    await until('the new version', async () => (await answerOf(house, 'lamp', '/it')) === '2.0.0')
  })
})

describe('a folder', () => {
  test('that is copied file by file loads', async () => {
    house = await houseWith({})
    mkdirSync(house.path('chair'))
    writeFileSync(house.path('chair/package.json'), JSON.stringify({ version: '3.2.1' }))
    await Bun.sleep(70)
    writeFileSync(house.path('chair/index.ts'), answering('sit', '', `import './legs.ts'`))
    await Bun.sleep(70)
    writeFileSync(house.path('chair/legs.ts'), 'export const legs = 4')
    await answers('sit', 'chair')
    expect(house.runtime.loader.view('chair')).toMatchObject({ state: 'active', version: '3.2.1' })
  })

  test('that is deleted unloads its plugin, and loads it again when it comes back', async () => {
    house = await houseWith(lamp())
    rmSync(house.path('lamp'), { recursive: true })
    await isGone()
    expect((await house.event('plugin.unloaded')).data).toMatchObject({
      plugin: 'lamp',
      generation: 1,
      reload: { outcome: 'unloaded', cause: { kind: 'file' } },
    })
    expect((await house.request('/api/plugins/lamp/word')).status).toBe(404)
    expect(house.events.some(({ type }) => type === 'plugin.kept_old')).toBe(false)
    house.write('lamp/index.ts', answering('back'))
    await answers('back')
  })

  test('that is deleted and put back at once serves what is in it', async () => {
    house = await houseWith(lamp())
    for (let round = 1; round <= 5; round++) {
      rmSync(house.path('lamp'), { recursive: true })
      mkdirSync(house.path('lamp'))
      writeFileSync(house.path('lamp/index.ts'), answering(`round ${round}`))
      await answers(`round ${round}`)
    }
  })

  test('that is replaced by another in one step swaps its plugin', async () => {
    house = await houseWith(lamp())
    mkdirSync(join(house.folder, 'new-lamp'))
    writeFileSync(join(house.folder, 'new-lamp', 'index.ts'), answering('replaced'))
    renameSync(house.path('lamp'), join(house.folder, 'old-lamp'))
    renameSync(join(house.folder, 'new-lamp'), house.path('lamp'))
    await answers('replaced')
    await Bun.sleep(100)
    writeFileSync(house.path('lamp/index.ts'), answering('and edited'))
    await answers('and edited')
  })

  test('that is renamed is another plugin', async () => {
    house = await houseWith(lamp())
    renameSync(house.path('lamp'), house.path('chair'))
    await answers('old', 'chair')
    await isGone('lamp')
  })

  test('that is renamed keeps the id that its package.json says', async () => {
    house = await houseWith({
      lamp: { 'index.ts': answering('old'), 'package.json': '{ "homeConsole": { "id": "bulb" } }' },
    })
    expect(await answerOf(house, 'bulb')).toBe('old')
    renameSync(house.path('lamp'), house.path('chair'))
    await until('the new place', () => house.runtime.loader.find('bulb')?.place.name === 'chair')
    await answers('old', 'bulb')
  })

  test('whose package.json gives another id moves, without its old place answering', async () => {
    house = await houseWith(lamp())
    house.write('lamp/package.json', '{ "homeConsole": { "id": "bulb" } }')
    await answers('old', 'bulb')
    expect((await house.request('/api/plugins/lamp/word')).status).toBe(404)
    expect(house.runtime.loader.list().map(({ id }) => id)).toEqual(['bulb', 'bystander'])
  })

  test('that is a link loads, and follows its target', async () => {
    house = await houseWith({})
    const target = join(house.folder, 'elsewhere')
    mkdirSync(target)
    writeFileSync(join(target, 'index.ts'), answering('one', '', `import './more.ts'`))
    writeFileSync(join(target, 'more.ts'), '')
    symlinkSync(target, house.path('linked'))
    await answers('one', 'linked')
    await Bun.sleep(150)
    writeFileSync(join(target, 'index.ts'), answering('two'))
    await answers('two', 'linked')
    unlinkSync(house.path('linked'))
    await isGone('linked')
  })

  test('becomes a file of the same name, and the plugin goes on under its id', async () => {
    house = await houseWith(lamp())
    rmSync(house.path('lamp'), { recursive: true })
    writeFileSync(house.path('lamp.ts'), answering('single'))
    await answers('single')
    expect(house.runtime.loader.list().map(({ id, state }) => `${id} ${state}`)).toEqual([
      'bystander active',
      'lamp active',
    ])
  })
})

describe('a single file', () => {
  test('is a plugin, swaps, and unloads', async () => {
    house = await houseWith({})
    writeFileSync(house.path('chair.ts'), answering('one'))
    await answers('one', 'chair')
    writeFileSync(house.path('chair.ts'), answering('two'))
    await answers('two', 'chair')
    unlinkSync(house.path('chair.ts'))
    await isGone('chair')
  })

  test('that is a link follows its target', async () => {
    house = await houseWith({})
    const target = join(house.folder, 'real.ts')
    writeFileSync(target, answering('one'))
    symlinkSync(target, house.path('chair.ts'))
    await answers('one', 'chair')
    await Bun.sleep(150)
    writeFileSync(target, answering('two'))
    await answers('two', 'chair')
  })

  test.each(['_lamp.ts', '.lamp.ts', 'lamp.test.ts', 'lamp.d.ts', 'lamp.txt'])(
    'called %s is no plugin',
    async (name) => {
      house = await houseWith({})
      writeFileSync(house.path(name), answering('x'))
      await calm()
      expect(house.runtime.loader.list().map(({ id }) => id)).toEqual(['bystander'])
    },
  )
})

describe('the plugins folders', () => {
  test('deleted and put back: everything is there again', async () => {
    house = await houseWith(lamp())
    const plugins = join(house.folder, 'plugins')
    cpSync(plugins, join(house.folder, 'kept'), { recursive: true })
    rmSync(plugins, { recursive: true })
    await until('all to be gone', () => house.runtime.loader.list().length === 0)
    cpSync(join(house.folder, 'kept'), plugins, { recursive: true })
    await answers('old')
    await until('the bystander', () => house.runtime.loader.view('bystander')?.state === 'active')
    await Bun.sleep(100)
    appendFileSync(house.path('lamp/index.ts'), '\n')
    await until('an edit to be noticed', () => house.runtime.loader.view('lamp')?.generation === 2)
  }, 15_000)

  test('moved away, and another in its place: what is in the new one serves, and edits in it are noticed', async () => {
    house = await houseWith(lamp())
    const plugins = join(house.folder, 'plugins')
    cpSync(plugins, join(house.folder, 'new'), { recursive: true })
    renameSync(plugins, join(house.folder, 'old'))
    renameSync(join(house.folder, 'new'), plugins)
    writeFileSync(house.path('lamp/index.ts'), answering('in the new one'))
    await answers('in the new one')
    await Bun.sleep(300)
    writeFileSync(house.path('lamp/index.ts'), answering('and edited'))
    await answers('and edited')
  }, 15_000)

  test('one that is not there at the start is found when it comes, and an edit in it is noticed', async () => {
    const { startTestHouse } = await import('@home-console/sdk/testing')
    const late = join(mkdtempSync(join(tmpdir(), 'home-console-')), 'made', 'later')
    const other = await startTestHouse({ config: { pluginsDirs: [late] } })
    try {
      mkdirSync(late, { recursive: true })
      writeFileSync(join(late, 'chair.ts'), answering('sit'))
      await until('the plugin', async () => (await answerOf(other, 'chair')) === 'sit')
      writeFileSync(join(late, 'chair.ts'), answering('stand'))
      await until('the edit', async () => (await answerOf(other, 'chair')) === 'stand')
    } finally {
      await other.stop()
      rmSync(dirname(dirname(late)), { recursive: true })
    }
    house = await houseWith({})
  }, 15_000)

  test('are several, of which one may not be there: two plugins of one id are the first one’s', async () => {
    const other = realpathSync(mkdtempSync(join(tmpdir(), 'home-console-')))
    mkdirSync(join(other, 'first', 'lamp'), { recursive: true })
    writeFileSync(join(other, 'first', 'lamp', 'index.ts'), answering('first', 'await Bun.sleep(50)'))
    mkdirSync(join(other, 'second', 'lamp'), { recursive: true })
    writeFileSync(join(other, 'second', 'lamp', 'index.ts'), answering('second'))
    writeFileSync(join(other, 'second', 'chair.ts'), answering('sit'))
    const { startTestHouse } = await import('@home-console/sdk/testing')
    const two = await startTestHouse({
      config: { pluginsDirs: [join(other, 'gone'), join(other, 'first'), join(other, 'second')] },
    })
    try {
      expect(await answerOf(two)).toBe('first')
      expect(await answerOf(two, 'chair')).toBe('sit')
      expect(two.logs.find(({ message }) => message.includes('belongs to'))).toMatchObject({
        level: 'error',
        message: `Refused at ${other}/second/lamp/index.ts: The id "lamp" belongs to ${other}/first/lamp already. Rename one of the two.`,
      })
      rmSync(join(other, 'first', 'lamp'), { recursive: true })
      await until('the second to have the id', async () => (await answerOf(two)) === 'second')
    } finally {
      await two.stop()
      rmSync(other, { recursive: true })
    }
    house = await houseWith({})
  }, 10_000)
})

describe('from outside the repository', () => {
  test.each([
    '@home-console/sdk',
    'hono',
    'hono/streaming',
    'hono/http-exception',
    '@hono/zod-openapi',
    'zod',
    'zod/v4',
    'valibot',
    'drizzle-orm',
    'drizzle-orm/sqlite-core',
    'drizzle-orm/bun-sqlite',
  ])('%s is the Core’s own', async (name) => {
    Object.assign(globalThis, { seen: null })
    house = await houseWith({
      lamp: { 'index.ts': answering('x', `globalThis.seen = all`, `import * as all from '${name}'`) },
    })
    const { seen } = globalThis as unknown as { seen: Record<string, unknown> }
    // A class or a function is the same one; `OpenAPIHono` has another form in plugins.
    const own = (await import(name)) as Record<string, unknown>
    const shared = Object.keys(own).filter((key) => typeof own[key] === 'function' && key !== 'OpenAPIHono')
    expect(shared.length).toBeGreaterThan(0)
    for (const key of shared) expect(seen[key]).toBe(own[key])
  })
})

describe('the owner', () => {
  const patch = (enabled: boolean) => house.send('PATCH', '/api/core/plugins/lamp', { enabled })

  test('disables a plugin, which no save brings back, and enables it as it is by then', async () => {
    house = await houseWith(lamp())
    expect(await (await patch(false)).json()).toMatchObject({
      state: 'disabled',
      enabled: false,
      generation: 0,
    })
    house.write('lamp/index.ts', answering('new'))
    await calm()
    expect(await answerOf(house)).not.toContain('new')
    expect(house.runtime.loader.view('lamp')).toMatchObject({ state: 'disabled', routes: [] })
    expect(await (await patch(true)).json()).toMatchObject({ state: 'active', enabled: true })
    expect(await answerOf(house)).toBe('new')
  })

  test('has a wish that outlives the process', async () => {
    house = await houseWith(lamp())
    await patch(false)
    const { Runtime } = await import('../../core/runtime.ts')
    await house.runtime.stop('the test starts another')
    const again = new Runtime({
      config: {
        host: '127.0.0.1',
        port: 0,
        dataDir: join(house.folder, 'data'),
        pluginsDirs: [join(house.folder, 'plugins')],
        logLevel: 'error',
        logFormat: 'json',
        adminToken: null,
        publicUrl: null,
        allowedHosts: [],
        trustedProxies: [],
        blockedLoopMs: 0,
        runtimeDir: join(house.folder, 'data'),
        notify: null,
        secretKeyFile: null,
        backupDir: join(house.folder, 'data/backups'),
        externalDir: '/nowhere',
        external: {},
        childEnvironment: {},
        pluginEnvironment: {},
        rollbackAfter: 10,
        timeZone: 'UTC',
      },
      write: () => {},
    })
    await again.start()
    expect(again.loader.view('lamp')).toMatchObject({ state: 'disabled', enabled: false })
    expect(again.loader.view('bystander')).toMatchObject({ state: 'active' })
    await again.stop('the test is over')
    house = await houseWith({})
  })

  test('reloads an unchanged plugin by his word, and is told when it is refused', async () => {
    house = await houseWith(lamp())
    const reload = () => house.request('/api/core/plugins/lamp/reload', { method: 'POST' })
    expect(await (await reload()).json()).toMatchObject({
      generation: 2,
      outcome: 'committed',
      cause: { kind: 'api' },
    })
    house.write('lamp/index.ts', 'export default 3')
    await house.event('plugin.kept_old')
    const refused = await reload()
    expect(refused.status).toBe(422)
    expect(await refused.json()).toMatchObject({
      code: 'reload_refused',
      reload: { outcome: 'kept_old', error: { code: 'invalid_definition' } },
    })
    expect(await answerOf(house)).toBe('old')
  })
})

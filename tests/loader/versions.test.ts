// The store of versions: what is kept comes back as it was, whatever became of the disk.

import { afterEach, beforeEach, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { TestClock } from '@home-console/sdk/testing'
import { readPlace } from '../../core/loader/files/discovery.ts'
import { SourceReader } from '../../core/loader/files/sources.ts'
import { VersionStore } from '../../core/loader/versions/versions.ts'

let folder: string
let plugins: string
let store: VersionStore
let clock: TestClock
let errors: unknown[]

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'home-console-')))
  plugins = join(folder, 'plugins')
  clock = new TestClock(Date.parse('2026-01-01T00:00:00Z'))
  errors = []
  store = newStore()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const newStore = () =>
  new VersionStore({ dir: join(folder, 'versions'), clock, onError: (error) => errors.push(error) })
const place = () => ({ path: join(plugins, 'lamp'), name: 'lamp', single: false })
const read = () => new SourceReader().read(readPlace(place()))

function save(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(place().path, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
}

/** Has the store keep what is on the disk now. */
function keep(): string {
  const sources = read()
  store.keep('lamp', place(), sources)
  return sources.digest
}

const imported = async (entry: string) =>
  (await new Bun.ModuleGraph().import<{ default: unknown }>(entry)).default

test('a version comes back while the disk holds another, with what is outside its folder, and what it reads', async () => {
  save({
    'index.ts': `
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import word from './word.ts'
import shared from '../_shared/shared.ts'
import tool from 'tool'
export default [word, shared, tool, readFileSync(join(import.meta.dir, 'data.txt'), 'utf8')]`,
    'word.ts': `export default 'old word'`,
    'data.txt': 'data',
    'node_modules/tool/package.json': '{"name": "tool", "main": "index.js"}',
    'node_modules/tool/index.js': `module.exports = 'tool'`,
    '../_shared/shared.ts': `export default 'old share'`,
  })
  const digest = keep()
  await store.flush()
  save({ 'index.ts': 'export default "new"', 'word.ts': '}', '../_shared/shared.ts': '}' })

  const { source, sources } = await store.restore('lamp', digest)

  expect(await imported(source.entry)).toEqual(['old word', 'old share', 'tool', 'data'])
  expect(source).toMatchObject({ id: 'lamp', dir: dirname(source.entry) })
  expect(source.entry).toEndWith(place().path + '/index.ts')
  expect(sources.missing).toEqual([])
  expect(readFileSync(join(place().path, 'index.ts'), 'utf8')).toBe('export default "new"')
})

test('a package of a folder above is found from where a version was restored', async () => {
  save({
    'index.ts': `export { default } from 'tool'`,
    '../../node_modules/tool/package.json': '{"name": "tool", "main": "index.js"}',
    '../../node_modules/tool/index.js': `module.exports = 'from above'`,
  })
  const { source } = await store.restore('lamp', keep())
  expect(await imported(source.entry)).toBe('from above')
})

test('a plugin that is a single file comes back under its name', async () => {
  const single = { path: join(plugins, 'fan.ts'), name: 'fan', single: true }
  save({ '../fan.ts': `export { default } from './_shared/a.ts'`, '../_shared/a.ts': `export default 1` })
  const sources = new SourceReader().read(readPlace(single))
  store.keep('fan', single, sources)
  await store.flush()
  rmSync(plugins, { recursive: true })
  const { source } = await store.restore('fan', sources.digest)
  expect(source.id).toBe('fan')
  expect(await imported(source.entry)).toBe(1)
})

test('versions outlive the process, and one that served again counts as the newest', async () => {
  const digests = []
  for (const text of ['1', '2', '1']) {
    save({ 'index.ts': `export default ${text}` })
    digests.push(keep())
    await clock.advance(1_000)
  }
  await store.flush()
  store = newStore()
  await store.start()
  const kept = await store.list('lamp')
  expect(kept.map(({ digest }) => digest)).toEqual([digests[2]!, digests[1]!])
  expect(kept[0]!.since).toBe('2026-01-01T00:00:02.000Z')
  expect(await imported((await store.restore('lamp', digests[1]!)).source.entry)).toBe(2)
})

test('three versions of a plugin are kept, and no file of the fourth', async () => {
  for (const text of ['1', '2', '3', '4']) {
    save({ 'index.ts': `export default ${text}` })
    keep()
    await store.flush()
  }
  expect(await store.list('lamp')).toHaveLength(3)
  expect(readdirSync(join(folder, 'versions/blobs'))).toHaveLength(3)
})

test('a storm of saves is written once, and what never changes is not written again', async () => {
  const blobs = () => readdirSync(join(folder, 'versions/blobs'))
  save({ 'word.ts': 'export default 1' })
  for (let count = 0; count < 1_000; count++) {
    save({ 'index.ts': `import './word.ts'; export default ${count}` })
    if (count % 50 === 0) keep()
  }
  expect(existsSync(join(folder, 'versions'))).toBe(false)
  await clock.advance(10_000)
  await store.flush()
  expect(blobs()).toHaveLength(4)

  rmSync(join(folder, 'versions/blobs'), { recursive: true })
  store = newStore()
  save({ 'index.ts': `import './word.ts'; export default 950` })
  keep()
  await store.flush()
  expect(blobs()).toHaveLength(2)
  expect(errors).toEqual([])
})

test('contents are not held in memory once they are on the disk', async () => {
  save({ 'index.ts': 'export default 1' })
  const sources = read()
  const [file] = sources.contents.values()
  expect(file!.content).toBeInstanceOf(Buffer)
  store.keep('lamp', place(), sources)
  await store.flush()
  expect(file!.content).toBeNull()
})

test('a version is not restored from a damaged file', async () => {
  save({ 'index.ts': 'export default 1' })
  const digest = keep()
  await store.flush()
  const [blob] = readdirSync(join(folder, 'versions/blobs'))
  writeFileSync(join(folder, 'versions/blobs', blob!), 'export default 2')
  expect(store.restore('lamp', digest)).rejects.toThrow('damaged')
  expect(store.restore('lamp', 'other')).rejects.toThrow('No version other of "lamp" is kept.')
})

test('what cannot be written is told, and the store goes on', async () => {
  writeFileSync(join(folder, 'versions'), 'in the way')
  save({ 'index.ts': 'export default 1' })
  keep()
  await store.flush()
  expect(errors).toHaveLength(1)
  rmSync(join(folder, 'versions'))
  keep()
  expect(await store.list('lamp')).toHaveLength(1)
})

test('a folder that a version was laid out in is gone after its end, and after a start', async () => {
  save({ 'index.ts': 'export default 1' })
  const digest = keep()
  const first = await store.restore('lamp', digest)
  const second = await store.restore('lamp', digest)
  await first.remove()
  expect([existsSync(first.source.entry), existsSync(second.source.entry)]).toEqual([false, true])
  await newStore().start()
  expect(existsSync(second.source.entry)).toBe(false)
  expect(existsSync(join(place().path, 'index.ts'))).toBe(true)
})

let runs = 0

test('whatever the files, and whatever becomes of the disk, the same version comes back', async () => {
  const name = fc.constantFrom(
    'a.ts',
    'b.ts',
    'b/index.ts',
    'b/c.ts',
    'a.json',
    'd/e/f.ts',
    '../_shared/a.ts',
  )
  const file = fc.record({ name, text: fc.string({ unit: 'binary' }), bare: fc.boolean() })
  const change = fc.record({
    name: fc.oneof(name, fc.constantFrom('index.ts', 'a.tsx', 'b.js', 'd.ts', 'd/e/f.js', 'd/e/f/index.ts')),
    text: fc.option(fc.string()),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(file, { selector: (one) => one.name, maxLength: 7 }),
      fc.array(change, { maxLength: 10 }),
      async (files, changes) => {
        // Bun remembers what it saw in a folder.
        plugins = join(folder, `plugins-${++runs}`)
        save({ 'index.ts': entryOf(files) })
        for (const { name, text } of files)
          save({
            [name]: name.endsWith('.json') ? JSON.stringify(text) : `export default ${JSON.stringify(text)}`,
          })
        const before = await imported(join(place().path, 'index.ts'))
        const digest = keep()
        await store.flush()

        for (const { name, text } of changes) {
          const path = join(place().path, name)
          rmSync(path, { recursive: true, force: true })
          if (text !== null) save({ [name]: text })
        }

        const restored = await store.restore('lamp', digest)
        expect(await imported(restored.source.entry)).toEqual(before)
        expect(restored.sources.missing).toEqual([])
        await restored.remove()
      },
    ),
    { numRuns: 60, includeErrorInReport: true },
  )
})

/** Imports all of them, some without their ending, and exports what they export. */
function entryOf(files: readonly { name: string; bare: boolean }[]): string {
  const specifiers = files.map(({ name, bare }) => {
    const path = name.startsWith('.') ? name : `./${name}`
    return bare ? path.replace(/(\/index)?\.(ts|json)$/, '') : path
  })
  return [
    ...specifiers.map((specifier, at) => `import file${at} from ${JSON.stringify(specifier)}`),
    `export default [${files.map((_, at) => `file${at}`).join(', ')}]`,
  ].join('\n')
}

test('what was not loaded for 90 days is forgotten with its files, and what is loaded is not, however old', async () => {
  const DAY = 24 * 60 * 60 * 1_000
  const keepAs = async (id: string) => {
    store.keep(id, place(), read())
    await store.flush()
  }
  save({ 'index.ts': 'export default "gone"' })
  await keepAs('gone')
  save({ 'index.ts': 'export default "stays"' })
  await keepAs('stays')
  const left = () => readdirSync(join(folder, 'versions', 'blobs')).length

  clock.set(60 * DAY)
  store = newStore()
  await keepAs('stays')
  clock.set(29 * DAY)
  await keepAs('stays')
  expect((await store.list('gone')).length).toBe(1)
  expect(left()).toBe(2)

  clock.set(2 * DAY)
  await keepAs('stays')
  expect(await store.list('gone')).toEqual([])
  expect((await store.list('stays')).length).toBe(1)
  expect(left()).toBe(1)

  // It runs for a year, and is not loaded again meanwhile.
  clock.set(365 * DAY)
  save({ 'index.ts': 'export default "other"' })
  await keepAs('other')
  expect((await store.list('stays')).length).toBe(1)
  expect(errors).toEqual([])
})

// The files of a plugin are those that Bun imports, however their imports spell them.

import { afterEach, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { startTestHouse } from '@home-console/sdk/testing'
import { readPlace } from '../../core/loader/files/discovery.ts'
import { SourceReader } from '../../core/loader/files/sources.ts'

const made: string[] = []
afterEach(() => made.splice(0).forEach((folder) => rmSync(folder, { recursive: true })))

function folderOf(files: Record<string, string>): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'home-console-')))
  made.push(folder)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

test('of several files that an import may mean, the one is read that Bun takes', () => {
  const endings = ['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs', '.json']
  const name = fc
    .tuple(fc.constantFrom('word', 'word/index'), fc.constantFrom(...endings))
    .map(([stem, ending]) => stem + ending)
  const specifier = fc.constantFrom(
    './word',
    ...['.js', '.ts', '.mjs', '.jsx', '.cjs'].map((end) => `./word${end}`),
  )
  fc.assert(
    fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 5 }), specifier, (names, asked) => {
      const files = Object.fromEntries(names.map((file) => [file, file.endsWith('.json') ? '{}' : '']))
      const path = folderOf({ ...files, 'index.ts': `import '${asked}'` })
      const { files: read } = new SourceReader().read(readPlace({ path, name: 'lamp', single: false }))
      const found = [...read].filter((file) => !file.endsWith('/index.ts') || dirname(file) !== path)
      expect(found).toEqual(resolved(asked, path))
    }),
    { numRuns: 300 },
  )
})

function resolved(specifier: string, folder: string): string[] {
  try {
    return [Bun.resolveSync(specifier, folder)]
  } catch {
    return []
  }
}

test('a helper that is imported under the name of what it becomes is watched like any other', async () => {
  await using house = await startTestHouse({
    plugins: {
      lamp: {
        'index.ts': `
import { word } from './word.js'
export default { onLoad: (ctx) => ctx.router({ security: [] }).get('/', (c) => c.text(word)) }`,
        'word.ts': `export const word = 'one'`,
      },
    },
  })
  expect((await house.save('lamp/word.ts', `export const word = 'two'`)).outcome).toBe('committed')
  expect(await (await house.request('/api/plugins/lamp')).text()).toBe('two')
})

// What holds for every file of the repository: nothing private, one version of Bun, guessable names, an opening line.

import { expect, test } from 'bun:test'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dir, '../..')
const read = (path: string) => Bun.file(join(root, path)).text()

/** Committed files, and those that are about to be. */
const listed = await Bun.$`git ls-files --cached --others --exclude-standard`.cwd(root).text()
const paths: string[] = []
for (const path of listed.trim().split('\n')) if (await Bun.file(join(root, path)).exists()) paths.push(path)
const modules = paths.filter((path) => path.endsWith('.ts'))

/** Each `path: match` of `pattern`, a global expression, in the text of the repository. */
async function mentions(pattern: RegExp, among = paths): Promise<string[]> {
  const found = await Promise.all(
    among.map(async (path) =>
      Array.from((await read(path)).matchAll(pattern), ([match]) => `${path}: ${match}`),
    ),
  )
  return found.flat()
}

test('the lockfile names no host, so packages come from whatever registry a machine is set up with', async () => {
  expect(await mentions(/\w+:\/\/[^\s"]+/g, ['bun.lock'])).toEqual([])
})

test('no file names a package registry or a folder of one machine', async () => {
  const registry = /\bregistry\.[\w.-]+\.(com|dev|io|net|org)\b/g
  const folder = /(?<![\w.-])\/(work|Users\/\w+)\/[\w.-]*/g
  expect([...(await mentions(registry)), ...(await mentions(folder))]).toEqual([])
})

test('whoever names a version of Bun names the one in package.json', async () => {
  const { engines, devDependencies } = JSON.parse(await read('package.json'))
  expect(devDependencies['bun-types']).toBe(engines.bun)
  const named = await mentions(/\bbun[@:]\d+\.\d+\.\d+/g)
  expect(named).toContain(`.ci/run: bun@${engines.bun}`)
  expect(named.filter((mention) => !mention.endsWith(engines.bun))).toEqual([])
})

test('a module has a lower-kebab name', () => {
  const kebab = /^_?[a-z0-9]+(-[a-z0-9]+)*(\.(test|d|config))?\.ts$/
  expect(modules.filter((path) => !kebab.test(path.slice(path.lastIndexOf('/') + 1)))).toEqual([])
  expect(modules).not.toBeEmpty()
})

test('a module opens with a sentence that says what it alone does', async () => {
  const opening = /^(#!.*\n)?(\/\/ |\/\*\*)/
  const silent: string[] = []
  // The names of its tests say it for a test.
  for (const path of modules.filter((module) => !module.endsWith('.test.ts'))) {
    if (!opening.test(await read(path))) silent.push(path)
  }
  expect(silent).toEqual([])
})

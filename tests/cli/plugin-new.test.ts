// hc plugin new: what it writes works at once, and what is there already stays.

import { expect, test } from 'bun:test'
import { cpSync, existsSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { checkPlugin } from '../../core/cli/check/check.ts'
import { hc } from './hc.ts'
import { pluginsFolder } from './plugin-on-disk.ts'

const ROOT = join(import.meta.dir, '../..')

test('writes a plugin whose own test, types and check pass at once', async () => {
  using folder = pluginsFolder({})
  symlinkSync(join(ROOT, 'node_modules'), join(folder.path, 'node_modules'))
  cpSync(join(ROOT, 'tsconfig.json'), join(folder.path, 'tsconfig.json'))
  const made = await hc(['plugin', 'new', 'garden-pump', '--dir', '.', '--json'], { cwd: folder.path })
  expect([made.code, JSON.parse(made.out)]).toEqual([0, { id: 'garden-pump', path: 'garden-pump' }])

  const dir = join(folder.path, 'garden-pump')
  expect(readdirSync(dir).sort()).toEqual(['contract.ts', 'index.test.ts', 'index.ts'])
  expect(checkPlugin(dir)).toEqual([])
  const options = { cwd: dir, stdout: 'pipe', stderr: 'pipe' } as const
  const tested = Bun.spawnSync([process.execPath, 'test'], options)
  expect([tested.stderr.toString(), tested.exitCode]).toEqual([expect.stringContaining('1 pass'), 0])
  const typed = Bun.spawnSync(
    [process.execPath, 'check', '--no-script', '-p', '../tsconfig.json', '.'],
    options,
  )
  expect([typed.stdout.toString() + typed.stderr.toString(), typed.exitCode]).toEqual([expect.any(String), 0])
}, 30_000)

test('writes a plugin of one file', async () => {
  using folder = pluginsFolder({})
  const { code } = await hc(['plugin', 'new', 'lamp', '--single', '--dir', folder.path])
  expect(code).toBe(0)
  expect(readdirSync(folder.path)).toEqual(['lamp.ts'])
  expect(checkPlugin(join(folder.path, 'lamp.ts'))).toEqual([])
})

test.each([
  '',
  'Lamp',
  '1lamp',
  'lamp_two',
  'lamp.two',
  '../lamp',
  'a'.repeat(64),
  'core',
  'plugins',
  'ui',
  'docs',
  'health',
  'metrics',
])('refuses the id "%s", and writes nothing', async (id) => {
  using folder = pluginsFolder({})
  const { code, err } = await hc(['plugin', 'new', id, '--dir', folder.path])
  expect(code).toBe(2)
  expect(err).toContain(`"${id}"`)
  expect(readdirSync(folder.path)).toEqual([])
})

test('writes it where the Core looks for plugins first', async () => {
  using folder = pluginsFolder({})
  const env = { PLUGINS_DIR: `${join(folder.path, 'mine')}:${join(folder.path, 'others')}` }
  const { code } = await hc(['plugin', 'new', 'lamp', '--single'], { env, cwd: folder.path })
  expect([code, existsSync(join(folder.path, 'mine/lamp.ts'))]).toEqual([0, true])
})

test('takes an id of 63 letters', async () => {
  using folder = pluginsFolder({})
  const id = 'a'.repeat(63)
  expect((await hc(['plugin', 'new', id, '--dir', folder.path])).code).toBe(0)
  expect(existsSync(join(folder.path, id, 'index.ts'))).toBe(true)
})

test.each([
  ['a folder', 'lamp/mine.ts', []],
  ['a folder', 'lamp/mine.ts', ['--single']],
  ['a file', 'lamp.ts', []],
  ['a file', 'lamp.ts', ['--single']],
])('where there is %s of that name (%s), nothing is written', async (_, file, options) => {
  using folder = pluginsFolder({ [file]: 'mine' })
  const { code, err } = await hc(['plugin', 'new', 'lamp', '--dir', folder.path, ...options])
  expect(code).toBe(1)
  expect(err).toContain('is there already')
  expect(readdirSync(folder.path)).toEqual([file.split('/')[0]!])
  expect(await Bun.file(join(folder.path, file)).text()).toBe('mine')
})

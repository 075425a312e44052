// What hc says to those who ask for something that there is not, and with which exit code.

import { expect, test } from 'bun:test'
import { hc } from './hc.ts'
import { pluginsFolder } from './plugin-on-disk.ts'

test.each([
  ['nothing', []],
  ['a command that there is not', ['dance']],
  ['a command of a group that there is not', ['plugin', 'dance']],
  ['a group without a command', ['event']],
  ['an option that there is not', ['status', '--dance']],
  ['a short option that there is not', ['status', '-x']],
  ['an option before its command', ['plugin', '--dance', 'list']],
  ['an argument too many', ['plugin', 'list', 'lamp']],
  ['an argument too few', ['plugin', 'reload']],
  ['an option without its value', ['plugin', 'new', 'lamp', '--dir']],
  ['a value that is not one of those to choose from', ['plugin', 'logs', '--level', 'loud']],
  ['an event whose data is no JSON', ['event', 'emit', 'lamp.pressed', '{on']],
  ['a check of what is not there', ['plugin', 'check', 'no/such/folder']],
])('%s is bad usage', async (_, args) => {
  const { code, out, err } = await hc(args)
  expect([code, out]).toEqual([2, ''])
  expect(err).toStartWith('hc: ')
})

test('hc without a command says so in one sentence', async () => {
  expect((await hc([])).err).toBe('hc: No command specified. See hc --help.\n')
})

test('an address that is none is bad usage', async () => {
  const { code, err } = await hc(['status'], { url: 'ftp://house' })
  expect(code).toBe(2)
  expect(err).toContain('HC_URL is "ftp://house"')
})

test('a port that is none is bad usage', async () => {
  const { code, err } = await hc(['status'], { url: '', env: { PORT: '99999' } })
  expect(code).toBe(2)
  expect(err).toContain('HOST and PORT make "http://127.0.0.1:99999"')
})

test('nobody there is exit code 3, and says where it looked', async () => {
  for (const args of [
    ['status'],
    ['plugin', 'list', '--json'],
    ['event', 'tail'],
    ['call', 'lamp.getState'],
  ]) {
    const { code, out, err } = await hc(args)
    expect([args, code, out]).toEqual([args, 3, ''])
    expect(err).toContain('http://127.0.0.1:9')
  }
})

test('--help names the commands and is no failure', async () => {
  const { code, out } = await hc(['plugin', '--help'])
  expect(code).toBe(0)
  for (const name of ['list', 'new', 'check', 'reload', 'logs', 'enable', 'disable'])
    expect(out).toContain(name)
  expect(out).not.toContain('\x1b')
})

test('check prints one finding a line, as file:line:column, and ends with 1', async () => {
  using folder = pluginsFolder({ 'lamp/index.ts': 'Bun.serve({})\nprocess.exit()\n' })
  const { code, out } = await hc(['plugin', 'check', 'lamp'], { cwd: folder.path })
  expect(code).toBe(1)
  expect(out.split('\n')).toEqual([
    expect.stringMatching(/^lamp\/index\.ts:1:1 Bun\.serve starts a server\. Instead: /),
    expect.stringMatching(/^lamp\/index\.ts:2:1 process\.exit ends the whole Core\. Instead: /),
    '',
  ])
})

test('check says of what it has nothing to object to', async () => {
  using folder = pluginsFolder({ 'lamp/index.ts': '' })
  const { code, out } = await hc(['plugin', 'check', 'lamp'], { cwd: folder.path })
  expect([code, out]).toEqual([0, 'lamp: nothing to object to\n'])
})

test('check --json prints a list, wherever --json stands', async () => {
  using folder = pluginsFolder({ 'lamp/index.ts': 'Bun.serve({})', 'fan.ts': '' })
  const bad = await hc(['--json', 'plugin', 'check', 'lamp'], { cwd: folder.path })
  expect(bad.code).toBe(1)
  expect(JSON.parse(bad.out)).toMatchObject([{ file: 'lamp/index.ts', line: 1, column: 1, rule: 'server' }])

  const good = await hc(['plugin', 'check', 'fan.ts', '--json'], { cwd: folder.path })
  expect([good.code, good.out]).toEqual([0, '[]\n'])
})

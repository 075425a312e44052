// hc against a real Core.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'
import { pluginFolder } from '../../core/cli/plugin-template.ts'
import { hc, type Options, start } from './hc.ts'

let house: TestHouse
let here: Options

beforeAll(async () => {
  house = await startTestHouse({ plugins: { lamp: pluginFolder('lamp'), fan: pluginFolder('fan') } })
  here = { url: house.url, env: { HC_TOKEN: house.token } }
})
afterAll(() => house.stop())

test('status says how the house is', async () => {
  const words = await hc(['status'], here)
  expect(words).toMatchObject({ code: 0, err: '' })
  expect(words.out).toMatch(/^Home Console \S+ ok, up \d+ s\nplugins: 2 active, /)

  const json = await hc(['status', '--json'], here)
  expect(JSON.parse(json.out)).toMatchObject({ status: 'ok', plugins: { active: 2 } })
})

test('the token of the Core on this machine is found in its data folder', async () => {
  const found = await hc(['plugin', 'list'], { url: house.url, env: { DATA_DIR: `${house.folder}/data` } })
  expect(found.code).toBe(0)
  const none = await hc(['plugin', 'list'], { url: house.url, env: { DATA_DIR: '/nowhere' } })
  expect(none).toMatchObject({ code: 1, out: '' })
  expect(none.err).toContain('(unauthorized, 401)')
})

test('without HC_URL, the Core is where HOST and PORT of the environment have it listen', async () => {
  const { port } = new URL(house.url)
  for (const host of ['', '127.0.0.1', 'localhost', '0.0.0.0', '::']) {
    const { code, out } = await hc(['status'], { url: '', env: { HOST: host, PORT: port } })
    expect([host, code, out]).toEqual([host, 0, expect.stringContaining('plugins: 2 active')])
  }
})

test('plugin list is a table, and JSON for programs', async () => {
  const words = await hc(['plugin', 'list'], here)
  expect(words.out.split('\n').map((line) => line.split(/\s+/).slice(0, 4))).toEqual([
    ['plugin', 'state', 'kind', 'version'],
    ['fan', 'active', 'plugin', '0.1.0'],
    ['lamp', 'active', 'plugin', '0.1.0'],
    [''],
  ])
  const json = await hc(['plugin', 'list', '--json'], here)
  expect(JSON.parse(json.out).plugins.map(({ id }: { id: string }) => id)).toEqual(['fan', 'lamp'])
})

test('a plugin is switched off and on', async () => {
  const off = await hc(['plugin', 'disable', 'fan'], here)
  expect([off.code, off.out]).toEqual([0, 'fan disabled\n'])
  expect((await house.request('/api/plugins/fan/state')).status).toBe(503)

  const call = await hc(['call', 'fan.getState'], here)
  expect(call).toMatchObject({ code: 1, out: '' })
  expect(call.err).toContain('There is no operation "fan.getState": the plugin fan is disabled.')

  const on = await hc(['plugin', 'enable', 'fan', '--json'], here)
  expect(JSON.parse(on.out)).toMatchObject({ id: 'fan', state: 'active' })
  expect((await house.request('/api/plugins/fan/state')).status).toBe(200)
})

test('a reload says what it did, and a refused one shows file, line and source', async () => {
  const good = await hc(['plugin', 'reload', 'lamp'], here)
  expect(good).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^lamp committed, generation \d+ \(settle /),
  })

  house.write('lamp/index.ts', 'const a = 1\nconst b = ;\n')
  const bad = await hc(['plugin', 'reload', 'lamp'], here)
  expect(bad).toMatchObject({ code: 1, out: '' })
  expect(bad.err).toStartWith('hc: lamp kept old, generation')
  expect(bad.err).toContain('(reload_refused, 422)')
  expect(bad.err).toContain(`${house.path('lamp/index.ts')}:2\n`)
  expect(bad.err).toContain('> 2 | const b = ;')

  const json = await hc(['plugin', 'reload', 'lamp', '--json'], here)
  expect(json.code).toBe(1)
  expect(JSON.parse(json.out)).toMatchObject({ code: 'reload_refused', reload: { outcome: 'kept_old' } })
  const { out } = await hc(['plugin', 'list'], here)
  expect(out).toContain('kept its old version: ')
  expect(out).toContain(`(${house.path('lamp/index.ts')}:2)`)
})

test('a dry run says what would change, and changes nothing', async () => {
  const { generation } = house.runtime.loader.view('fan')!
  const dry = await hc(['plugin', 'reload', 'fan', '--dry-run'], here)
  expect([dry.code, dry.err]).toEqual([0, ''])
  expect(dry.out).toStartWith('fan would be committed; it was only tried (settle ')
  expect(house.runtime.loader.view('fan')!.generation).toBe(generation)
  const bad = await hc(['plugin', 'reload', 'lamp', '--dry-run'], here)
  expect(bad).toMatchObject({ code: 1, out: '' })
  expect(bad.err).toContain('> 2 | const b = ;')
})

test('a rollback brings the version before back, and the list says so until a reload', async () => {
  const text = await Bun.file(house.path('fan/index.ts')).text()
  const smaller = `export default { onLoad: (ctx) => ctx.router().get('/new', () => new Response()) }`
  await house.save('fan/index.ts', smaller)
  const back = await hc(['plugin', 'rollback', 'fan'], here)
  expect([back.code, back.err]).toEqual([0, ''])
  expect(back.out).toMatch(/^fan committed, generation \d+, a version from before \(/)
  expect(back.out).toContain('\n- route GET /api/plugins/fan/new\n')
  expect((await hc(['plugin', 'list'], here)).out).toContain('pinned to a version from before since ')

  const again = await hc(['plugin', 'rollback', 'fan'], here)
  expect(again).toMatchObject({ code: 1, out: '' })
  expect(again.err).toContain('(nothing_to_roll_back, 409)')
  expect((await hc(['plugin', 'reload', 'fan'], here)).out).toContain('\n+ route GET /api/plugins/fan/new\n')
  expect((await hc(['plugin', 'list'], here)).out).not.toContain('pinned')
  await house.save('fan/index.ts', text)
})

test.each([[['reload']], [['rollback']], [['logs']], [['logs', '--follow']]])(
  'a plugin that there is not is refused: %p',
  async (command) => {
    const { code, out, err } = await hc(['plugin', ...command, 'nobody'], here)
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain('(no_such_plugin, 404)')
  },
)

test('call puts each value where the operation declares it', async () => {
  expect((await hc(['call', 'fan.setState', 'on=true', '--json'], here)).out).toBe('{"on":true}\n')
  expect((await hc(['call', 'fan.getState'], here)).out).toBe('{\n  "on": true\n}\n')
  const one = await hc(['call', 'core.getPlugin', 'id=fan', '--json'], here)
  expect(JSON.parse(one.out).id).toBe('fan')
  const lines = await hc(['call', 'core.listLogs', 'plugin=fan', 'limit=1', '--json'], here)
  expect(JSON.parse(lines.out).logs).toHaveLength(1)
})

test('call says what does not fit, and which operations there are', async () => {
  const unfit = await hc(['call', 'fan.setState', 'on=maybe'], here)
  expect(unfit.code).toBe(1)
  expect(unfit.err).toContain('(invalid_request, 400)\n  /on: ')
  const unknown = await hc(['call', 'fan.dance'], here)
  expect(unknown.code).toBe(2)
  expect(unknown.err).toContain('there are fan.getState, fan.setState')
})

test('events are published, and shown as they happen until Ctrl-C', async () => {
  const tail = start(['event', 'tail', 'lamp.*', 'door.**', '--json'], here)
  const lines = tail.stdout.pipeThrough(new TextDecoderStream()).getReader()
  // The stream is open when the first event arrives; until then, knock.
  const first = lines.read()
  let knocks = 0
  while (await Promise.race([first.then(() => false), Bun.sleep(100).then(() => true)])) {
    await hc(['event', 'emit', 'lamp.knock', `{"count":${knocks++}}`, '--subject', 'front'], here)
  }
  const event = JSON.parse((await first).value!.split('\n')[0]!)
  expect(event).toMatchObject({ type: 'lamp.knock', source: '/clients/hc', subject: 'front' })

  await hc(['event', 'emit', 'window.opened'], here)
  await hc(['event', 'emit', 'door.front.opened'], here)
  let rest = ''
  while (!rest.includes('door.front.opened')) rest += (await lines.read()).value!
  expect(rest).not.toContain('window.opened')

  tail.kill('SIGINT')
  expect(await tail.exited).toBe(0)
})

test('an event that is not ours to say is refused', async () => {
  const { code, err } = await hc(['event', 'emit', 'core.started'], here)
  expect(code).toBe(1)
  expect(err).toContain('(reserved_event_type, 403)')
})

test('logs are shown oldest first, of one plugin and level', async () => {
  const { out } = await hc(['plugin', 'logs', 'fan', '--json'], here)
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines.length).toBeGreaterThan(1)
  expect(lines.every(({ plugin }) => plugin === 'fan')).toBe(true)
  expect(lines.map(({ id }) => id)).toEqual(lines.map(({ id }) => id).sort((a, b) => a - b))
  const errors = await hc(['plugin', 'logs', '--level', 'error', 'fan'], here)
  expect(errors).toEqual({ code: 0, out: '', err: '' })
})

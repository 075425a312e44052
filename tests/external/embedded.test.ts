// An external service that the Core runs as a child process: how it starts, what it is given, how it dies and ends.

import { afterEach, expect, test } from 'bun:test'
import { chmodSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { TestHouse } from '@home-console/sdk/testing'
import { gone, isAlive } from '../processes.ts'
import { until } from '../until.ts'
import {
  adapter,
  adapterOf,
  ask,
  clientsOf,
  embedded,
  folderOf,
  houseWithAdapter,
  inState,
  server,
  startable,
} from './kit.ts'

let house: TestHouse
afterEach(() => house.stop())

const linesOf = (text: string) => house.logs.filter(({ message }) => message.includes(text))

test('it is started, waited for and reached; what it writes stands in the adapter’s log', async () => {
  house = await houseWithAdapter(
    embedded(server('hello', `console.log('a word'); console.error('a complaint')`)),
  )
  const { pid, url } = await inState(house, 'up')
  expect(await ask(house, '/')).toBe('hello')
  expect(await ask(house, '/pid')).toBe(String(pid))
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  expect(adapterOf(house)).toMatchObject({ kind: 'adapter', mode: 'embedded', state: 'active' })
  await until('its lines', () => linesOf('a word').length > 0 && linesOf('a complaint').length > 0)
  expect(linesOf('a word')[0]).toMatchObject({
    level: 'info',
    plugin: 'adapter',
    fields: { external: 'clients' },
  })
  expect(linesOf('a complaint')[0]).toMatchObject({ level: 'warn', plugin: 'adapter' })
})

test('it gets a port, a folder, the Core’s address and a credential, and nothing of the Core’s own', async () => {
  house = await houseWithAdapter(
    embedded(
      server(),
      startable({ command: ['bun', 'main.ts', '--port={port}'], environment: { COLOUR: 'red', PORT: '1' } }),
    ),
  )
  process.env['A_SECRET_OF_THE_CORE'] = 'hunter2'
  const { url } = await inState(house, 'up')
  const environment = JSON.parse(await ask(house, '/environment')) as Record<string, string>
  delete process.env['A_SECRET_OF_THE_CORE']
  const { port } = new URL(url!)
  const dataDir = join(house.folder, 'data/external/clients')
  expect(environment).toEqual({
    PATH: expect.any(String) as string,
    COLOUR: 'red',
    HOST: '127.0.0.1',
    PORT: port,
    DATA_DIR: dataDir,
    HOME_CONSOLE_URL: house.url,
    HOME_CONSOLE_CREDENTIAL: house.runtime.external.find('clients')!.reach!.credential,
  })
  expect(environment['HOME_CONSOLE_CREDENTIAL']!.length).toBeGreaterThan(40)
  expect(JSON.stringify(environment)).not.toContain(house.token)
  expect(statSync(dataDir).mode & 0o777).toBe(0o700)
  expect(JSON.parse(await ask(house, '/arguments'))).toEqual([`--port=${port}`])
})

test('killed, it is back at another port, again and again, and the house says so', async () => {
  house = await houseWithAdapter(embedded())
  for (let death = 1; death <= 4; death++) {
    const { pid, url } = await inState(house, 'up')
    process.kill(pid!, 'SIGKILL')
    const view = await until('another one is up', () => {
      const now = clientsOf(house)
      return now.state === 'up' && now.pid !== pid && now
    })
    expect(view).toMatchObject({ restarts: death, error: null })
    expect(view.url).not.toBe(url)
    expect(await ask(house, '/')).toBe('well')
  }
  expect(linesOf('It ended with SIGKILL').length).toBe(4)
  const states = house.events
    .filter(({ type }) => type === 'core.external')
    .map(({ data }) => (data as { state: string }).state)
  expect(states.slice(0, 5)).toEqual(['starting', 'up', 'down', 'up', 'down'])
})

test('while it is dead there is nowhere to call, and the reason is told', async () => {
  house = await houseWithAdapter(
    embedded(
      server(
        '',
        `if (require('node:fs').existsSync(process.env.DATA_DIR + '/died')) await Bun.sleep(60_000)`,
      ),
    ),
  )
  const { pid } = await inState(house, 'up')
  await Bun.write(join(house.folder, 'data/external/clients/died'), '')
  process.kill(pid!, 'SIGKILL')
  await inState(house, 'down')
  const { reach, trouble } = house.runtime.external.find('clients')!
  expect(reach).toBeNull()
  expect(trouble).toBe('"clients" is down: It ended with SIGKILL.')
})

test('one that never comes up is tried with growing pauses and given up, with its last words; a restart is another chance', async () => {
  house = await houseWithAdapter(embedded(`console.error('no such table: lamps'); process.exit(3)`))
  const view = await inState(house, 'given_up', 15_000)
  expect(view).toMatchObject({ restarts: 5, pid: null, url: null })
  expect(view.error).toBe(
    'It ended with exit code 3: no such table: lamps. It died 6 times in a row before it answered, and is not started again. When that is mended: hc external restart clients',
  )
  expect(house.runtime.external.find('clients')!.trouble).toStartWith('"clients" is given up: It ended')
  expect(adapterOf(house)).toMatchObject({ state: 'active', status: [{ label: 'external', state: 'down' }] })
  const told = await until('the event', () =>
    house.events.find(
      ({ type, data }) => type === 'core.external' && (data as { state: string }).state === 'given_up',
    ),
  )
  expect(told.data).toMatchObject({ name: 'clients', adapter: 'adapter', error: view.error })
  const starts = linesOf('no such table: lamps').filter(({ fields }) => fields['external'] === 'clients')
  const times = starts.map(({ time }) => Date.parse(time))
  const pauses = times.slice(1).map((time, index) => time - times[index]!)
  expect(pauses.length).toBe(5)
  expect(pauses[4]!).toBeGreaterThan(pauses[0]! * 2)

  await expect(house.runtime.external.find('clients')!.restart()).rejects.toThrow('exit code 3')
  expect(clientsOf(house).state).toBe('given_up')
  house.write('clients/main.ts', server(), 'external')
  await house.runtime.external.find('clients')!.restart()
  expect(clientsOf(house)).toMatchObject({ state: 'up', error: null })
})

test('what a dying child tells of its credential is told to nobody', async () => {
  const tells = `console.error('here it is: ' + process.env.HOME_CONSOLE_CREDENTIAL); process.exit(1)`
  house = await houseWithAdapter(embedded(tells))
  expect((await inState(house, 'given_up', 15_000)).error).toContain('here it is: ***')
  expect(JSON.stringify([house.events, house.logs])).not.toMatch(/here it is: [^*]/)
})

test('one that cannot even be started is given up with the reason', async () => {
  house = await houseWithAdapter(embedded(server(), startable({ command: ['there-is-no-such-program'] })))
  expect((await inState(house, 'given_up', 15_000)).error).toStartWith(
    `It cannot be started: there is no program "there-is-no-such-program", neither on the PATH nor seen from ${folderOf(house, 'clients')}.`,
  )
})

test.each([
  ["throw new Error('no credential')", 'exit code 1: error: no credential'],
  [
    "import { readFileSync } from 'node:fs'; readFileSync('/no/such/file')",
    'exit code 1: ENOENT: no such file or directory',
  ],
  ["import './no-such-file.ts'", "exit code 1: error: Cannot find module './no-such-file.ts'"],
  [
    "console.error('note: all is well'); console.error('too little room'); process.exit(2)",
    'exit code 2: too little room',
  ],
])('%s at its start is told as what went wrong', async (main, told) => {
  house = await houseWithAdapter(embedded(main))
  const view = await until('the reason', () => clientsOf(house!).error !== null && clientsOf(house!))
  expect(view.error).toStartWith(`It ended with ${told}`)
})

test('a program is found in the folder of its service', async () => {
  house = await houseWithAdapter({
    ...embedded(server(), startable({ command: ['./start.sh'] })),
    'start.sh': `#!/bin/sh\nexec "${process.execPath}" main.ts\n`,
  })
  await inState(house, 'given_up', 15_000)
  chmodSync(folderOf(house, 'clients', 'start.sh'), 0o755)
  await house.runtime.external.find('clients')!.restart()
  expect(clientsOf(house)).toMatchObject({ state: 'up', error: null })
})

test('one that listens elsewhere is told where nobody listens, and what says so', async () => {
  const elsewhere = server().replace('Number(process.env.PORT)', '0')
  house = await houseWithAdapter(embedded(elsewhere, startable({ readyMs: 500 })))
  const { error } = await until('the reason', () => clientsOf(house!).error !== null && clientsOf(house!))
  expect(error).toMatch(
    /^It was not ready within 500 ms: \/health cannot be reached: nobody listens at http:\/\/127\.0\.0\.1:\d+\. HOST and PORT tell it where to listen\.$/,
  )
})

test('one that hangs is started again', async () => {
  house = await houseWithAdapter(
    embedded(
      server('well', `process.on('SIGUSR1', () => { for (;;); })`),
      startable({}, { health: { everyMs: 100, timeoutMs: 100 } }),
    ),
  )
  const { pid } = await inState(house, 'up')
  process.kill(pid!, 'SIGUSR1')
  expect((await inState(house, 'down')).error).toContain('/health does not answer within 100 ms')
  await until('another one is up', () => clientsOf(house).state === 'up' && clientsOf(house).pid !== pid)
  expect(isAlive(pid!)).toBe(false)
})

test('the port is taken in the same moment: the next start has another one', async () => {
  const dies = `
    const fs = require('node:fs'), file = process.env.DATA_DIR + '/tries'
    const tries = fs.existsSync(file) ? Number(fs.readFileSync(file)) : 0
    fs.writeFileSync(file, String(tries + 1))
    if (tries === 0) Bun.listen({ hostname: '127.0.0.1', port: Number(process.env.PORT), socket: { data() {} } })`
  house = await houseWithAdapter(embedded(server('well', dies)))
  expect(await inState(house, 'up')).toMatchObject({ restarts: 1 })
  expect(await ask(house, '/')).toBe('well')
})

test('the adapter goes: its goodbye still reaches the service, which then ends by itself, children and all', async () => {
  const goodbye = `
    onUnload(ctx) {
      const { url } = JSON.parse(require('node:fs').readFileSync(ctx.files + '/url', 'utf8'))
      return fetch(url + '/pid').then(async (answer) => ctx.log.info('goodbye to ' + (await answer.text())))
    }`
  const helper = `
    const helper = Bun.spawn(['sleep', '600'], { stdio: ['ignore', 'ignore', 'ignore'] })
    console.log('helper ' + helper.pid)
    process.on('SIGTERM', () => { console.log('told to end'); process.exit(0) })`
  house = await houseWithAdapter(embedded(server('well', helper)), { plugin: adapter(goodbye, 'ctx.files') })
  const { pid, url } = await inState(house, 'up')
  await Bun.write(join(house.folder, 'data/files/adapter/url'), JSON.stringify({ url }))
  const line = await until('the helper', () => linesOf('helper ')[0])
  const helperPid = Number(line.message.split(' ')[1])
  expect(isAlive(helperPid)).toBe(true)
  await house.send('PATCH', '/api/core/plugins/adapter', { enabled: false })
  await gone(pid!)
  await gone(helperPid)
  await until('its last word', () => linesOf('told to end').length > 0)
  const order = house.logs
    .map(({ message }) => message)
    .filter((message) => /^(goodbye to|told to end)/.test(message))
  expect(order).toEqual([`goodbye to ${pid}`, 'told to end'])
  expect(clientsOf(house)).toMatchObject({ state: 'stopped', pid: null })
})

test('a child that does not listen to SIGTERM is ended by force when its time is up', async () => {
  house = await houseWithAdapter(
    embedded(server('well', `process.on('SIGTERM', () => console.log('no'))`), startable({ stopMs: 300 })),
  )
  const { pid } = await inState(house, 'up')
  const began = performance.now()
  await house.send('PATCH', '/api/core/plugins/adapter', { enabled: false })
  await gone(pid!)
  expect(performance.now() - began).toBeGreaterThan(290)
  expect(linesOf('no').length).toBeGreaterThan(0)
})

test('the house stops: the plugins first, then the services', async () => {
  const farewell = `onUnload(ctx) { ctx.log.info('the adapter leaves') }`
  house = await houseWithAdapter(
    embedded(
      server('well', `process.on('SIGTERM', () => { console.log('the service leaves'); process.exit(0) })`),
    ),
    { plugin: adapter(farewell) },
  )
  const { pid } = await inState(house, 'up')
  await house.runtime.stop('the test says so')
  expect(isAlive(pid!)).toBe(false)
  const order = house.logs.map(({ message }) => message).filter((message) => message.endsWith('leaves'))
  expect(order).toEqual(['the adapter leaves', 'the service leaves'])
})

test('whoever floods the log is cut short, and drowns neither the log nor the house', async () => {
  const flood = `setInterval(() => { for (let line = 0; line < 5_000; line++) console.log('drop ' + line) }, 10)
    console.log('x'.repeat(200_000))`
  house = await houseWithAdapter(embedded(server('well', flood)))
  await inState(house, 'up')
  await until('the count of what was lost', () => linesOf('lines more were not kept').length > 0)
  expect(linesOf('drop ').length).toBeLessThan(1_500)
  expect(linesOf('xxxx')[0]!.message).toContain('bytes more')
  const began = performance.now()
  expect((await house.request('/health')).status).toBe(200)
  expect(performance.now() - began).toBeLessThan(500)
})

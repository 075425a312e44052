// What systemd is told, over a real datagram socket, and what of that a plugin can see.

import { afterEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CoreProcess } from '../faults/core-process.ts'
import { until } from '../until.ts'
import { spinner } from './spinner.ts'

/** Prints each datagram as a line of JSON. */
const LISTENER = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = sys.argv[1]
s.bind('\\0' + name[1:] if name[0] == '@' else name)
print(json.dumps('bound'), flush=True)
while True: print(json.dumps(s.recv(4096).decode()), flush=True)
`

const folder = mkdtempSync(join(tmpdir(), 'home-console-notify-'))
let listener: Bun.Subprocess | undefined
afterEach(() => listener?.kill())
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

async function listen(socket: string): Promise<string[]> {
  const heard: string[] = []
  const python = Bun.spawn(['python3', '-c', LISTENER, socket], { stdout: 'pipe' })
  listener = python
  const { promise, resolve } = Promise.withResolvers<void>()
  void (async () => {
    let rest = ''
    for await (const chunk of python.stdout) {
      const lines = (rest + Buffer.from(chunk).toString()).split('\n')
      rest = lines.pop()!
      heard.push(...lines.map((line) => JSON.parse(line) as string))
      resolve()
    }
  })()
  await promise
  return heard
}

const NOSY = `c.header('X-Env', Bun.spawnSync(['env']).stdout.toString().match(/NOTIFY_SOCKET|WATCHDOG_USEC/)?.[0] ?? 'nothing')`

test.each([
  ['a path', join(folder, 'notify')],
  ['an abstract name', `@home-console-${process.pid}`],
])('systemd hears at %s that the Core is ready, alive and stopping', async (_kind, socket) => {
  const heard = await listen(socket)
  await using core = await CoreProcess.start(
    { 'lamp.ts': spinner({ route: NOSY }) },
    { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '400000' },
  )
  await until('three beats', () => heard.filter((text) => text === 'WATCHDOG=1').length >= 3)
  expect(heard[1]).toStartWith('READY=1\nSTATUS=1 plugins, http://')
  expect((await core.request('/api/plugins/lamp/go')).headers.get('X-Env')).toBe('nothing')
  expect(await core.stop()).toBe(0)
  await until('the farewell', () => heard.includes('STOPPING=1'))
})

test('a manager that cannot be reached is no reason not to start', async () => {
  await using core = await CoreProcess.start({}, { NOTIFY_SOCKET: join(folder, 'nobody-listens') })
  expect((await core.request('/health')).status).toBe(200)
  await using odd = await CoreProcess.start({}, { NOTIFY_SOCKET: 'vsock:2:1234' })
  await odd.log(({ message }) => message.includes('"vsock:2:1234" is no address'))
})

// What a client is told to run: only what the policy lets, without a shell, ended when it must, with all that it says kept.

import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive } from '../processes.ts'
import { until } from '../until.ts'
import { AgentProcess, type OutputEvent, ServiceProcess } from './kit.ts'

let service: ServiceProcess
let agent: AgentProcess
let id: string

beforeAll(async () => {
  service = await ServiceProcess.start()
  agent = new AgentProcess(service.socketUrl, '--code', await service.code())
  id = await agent.id()
  await service.connected(id)
})
afterAll(async () => {
  await agent[Symbol.asyncDispose]()
  await service[Symbol.asyncDispose]()
})
beforeEach(() => service.setFree())

const run = (body: unknown, query = '') => service.ask('POST', `/api/commands/${id}${query}`, body)

test('output can be read while the command runs, from its first word, and resumed', async () => {
  // It goes on only when what it said has arrived.
  const gate = join(agent.folder, 'gate')
  const { command_id } = await service.launch(id, [
    'sh',
    '-c',
    `echo one; echo oops >&2; while [ ! -e ${gate} ]; do sleep 0.01; done; echo two; exit 3`,
  ])
  const seen: OutputEvent[] = []
  for await (const event of service.events(command_id)) {
    seen.push(event)
    if (seen.length === 2) {
      expect((await service.command(command_id)).status).toBe('running')
      await Bun.write(gate, '')
    }
  }
  expect(seen.slice(0, 2).map(({ data }) => data)).toContainEqual({ stream: 'stdout', data: 'one\n' })
  expect(seen.slice(0, 2).map(({ data }) => data)).toContainEqual({ stream: 'stderr', data: 'oops\n' })
  expect(seen[2]).toEqual({ event: 'output', id: '3', data: { stream: 'stdout', data: 'two\n' } })
  expect(seen[3]).toMatchObject({
    event: 'finished',
    data: { status: 'failed', exit_code: 3, success: false },
  })

  const later = await Array.fromAsync(service.events(command_id, 2))
  expect(later.map(({ event, data }) => data.data ?? event)).toEqual(['two\n', 'finished'])
})

test('who waits for the end is given it, with both streams', async () => {
  const { status, body } = await run({ command: ['sh', '-c', 'echo out; echo err >&2'] })
  expect(status).toBe(200)
  expect(body).toMatchObject({
    client_id: id,
    asked_by: 'anna',
    status: 'succeeded',
    success: true,
    exit_code: 0,
    error: null,
    result: { stdout: 'out\n', stderr: 'err\n', complete: true },
  })
})

test('without the owner’s word only what is on the list may be run, by name or by what it comes to', async () => {
  const policy = {
    commands: {
      hello: {
        argv: ['echo', '--', '{whom}', '{times}', '{how}'],
        params: {
          whom: { type: 'text', pattern: '[a-z]+' },
          times: { type: 'integer', min: 1, max: 3, default: 2 },
          how: { type: 'choice', choices: ['loud', 'low'], default: 'low' },
        },
      },
      elsewhere: { argv: ['true'], clients: ['0'.repeat(32)] },
    },
  }
  expect((await service.ask('PUT', '/api/policy', policy)).status).toBe(200)

  const hello = await run({ name: 'hello', params: { whom: 'world', times: 3 } })
  expect(hello.body.result.stdout).toBe('-- world 3 low\n')
  expect(hello.body.name).toBe('hello')
  const same = await run({ command: 'echo -- world 1 loud' })
  expect(same.body).toMatchObject({ name: 'hello', status: 'succeeded' })

  for (const [params, what] of [
    [{}, '"hello" needs "whom"'],
    [{ whom: 'x; id' }, 'must match'],
    [{ whom: 'x\n' }, 'control characters'],
    [{ whom: '-n' }, 'must not begin with "-"'],
    [{ whom: 'x', times: 4 }, 'from 1 to 3'],
    [{ whom: 'x', times: '1e0' }, 'from 1 to 3'],
    [{ whom: 'x', how: 'LOUD' }, 'must be one of'],
    [{ whom: 'x', other: 'y' }, 'has no parameter'],
    [JSON.parse('{"whom":"x","constructor":"y"}'), 'has no parameter'],
  ] as const) {
    const { status, body } = await run({ name: 'hello', params })
    expect(status).toBe(400)
    expect(body.detail).toContain(what)
  }
  for (const command of [
    ['echo', '--', 'world', '1'],
    ['id'],
    'sh -c id',
    ['echo', '--', '$(id)', '1', 'low'],
  ]) {
    expect((await run({ command })).body).toMatchObject({ status: 403, code: 'command_refused' })
  }
  for (const name of ['nope', 'constructor', '__proto__']) {
    expect((await run({ name })).body).toMatchObject({ status: 404, code: 'unknown_command' })
  }
  expect((await run({ name: 'elsewhere' })).body).toMatchObject({ status: 403, code: 'command_refused' })
  expect((await run({})).status).toBe(400)
  expect((await run({ name: 'hello', command: 'id' })).status).toBe(400)
})

test('a policy that makes no sense is refused with the place of the mistake, and changes nothing', async () => {
  // Whoever allows free commands does not by the way forget the others.
  expect((await service.ask('PUT', '/api/policy', { free: false })).body.errors[0].pointer).toBe('/commands')
  for (const [commands, pointer] of [
    [{ x: { argv: [] } }, '/commands/x/argv'],
    [{ x: { argv: ['{a}'], params: { a: { type: 'text' } } } }, '/commands/x/argv/0'],
    [{ x: { argv: ['echo', '{b}'] } }, '/commands/x/argv'],
    [{ x: { argv: ['echo'], params: { a: { type: 'text' } } } }, '/commands/x/params/a'],
    [
      { x: { argv: ['echo', '{a}'], params: { a: { type: 'text', pattern: '(' } } } },
      '/commands/x/params/a/pattern',
    ],
  ] as const) {
    const { status, body } = await service.ask('PUT', '/api/policy', { commands })
    expect(status).toBe(400)
    expect(body.errors[0].pointer).toBe(pointer)
  }
  expect((await service.ask('GET', '/api/policy')).body).toEqual({ free: true, commands: {} })
})

test('no shell reads a command: what would mean something to one is an argument like any other, or refused', async () => {
  const hostile = [
    '$(touch pwned)',
    '`touch pwned`',
    '; touch pwned',
    '&& touch pwned',
    '| touch pwned',
    '> pwned',
    '*',
    '\n',
  ]
  const { body } = await run({ command: ['printf', '%s|', ...hostile] })
  expect(body.result.stdout).toBe(hostile.map((text) => `${text}|`).join(''))
  expect(existsSync(join(agent.folder, 'pwned'))).toBe(false)
  for (const text of [
    'echo $(id)',
    'echo `id`',
    'true; id',
    'true && id',
    'id | cat',
    'id > x',
    'echo "a"',
    'ls *',
    'a\nb',
    '',
  ])
    expect((await run({ command: text })).status).toBe(400)
  expect((await run({ command: ['echo', 'a\0b'] })).status).toBe(400)
  expect((await run({ command: 'echo plain words' })).body.result.stdout).toBe('plain words\n')
})

test('a command that is called off ends with all that it started, even if it will not listen', async () => {
  const pids = join(agent.folder, 'pids')
  const { command_id } = await service.launch(id, [
    'sh',
    '-c',
    `trap '' TERM; sleep 300 & echo $$ $! > ${pids}; echo ready; while :; do wait; done`,
  ])
  await until('it to be ready', async () => (await service.command(command_id)).result.stdout === 'ready\n')
  const [own, child] = (await Bun.file(pids).text()).trim().split(' ').map(Number)
  expect(isAlive(own!) && isAlive(child!)).toBe(true)

  const path = `/api/commands/${id}/cancel?command_id=${command_id}`
  const { status } = await service.ask('POST', path, undefined, 'bert')
  expect(status).toBe(202)

  const ended = await service.ended(command_id, 8_000)
  expect(ended).toMatchObject({ status: 'cancelled', cancelled_by: 'bert', success: false })
  expect(isAlive(own!) || isAlive(child!)).toBe(false)
  expect((await service.ask('POST', path)).body).toMatchObject({ status: 409, code: 'has_ended' })
}, 15_000)

test('a command that runs for too long is ended, and its caller told which it was', async () => {
  const { status, body } = await run({ command: ['sleep', '300'] }, '?timeout=1')
  expect(status).toBe(408)
  expect((await service.command(body.command_id)).status).toBe('timed_out')
  expect((await run({ command: ['true'] }, '?timeout=301')).status).toBe(400)
})

test('what a command leaves behind ends with it, and holds nobody up', async () => {
  const pids = join(agent.folder, 'left')
  const { body } = await run({ command: ['sh', '-c', `sleep 300 & echo $! > ${pids}; echo done`] })
  expect(body).toMatchObject({ status: 'succeeded', result: { stdout: 'done\n' } })
  const pid = Number(await Bun.file(pids).text())
  await until('it to be gone', () => !isAlive(pid))
})

test('what left its group and talks on is not listened to for ever', async () => {
  const pids = join(agent.folder, 'talker')
  const talker = `echo $$ > ${pids}; while :; do echo x; sleep 0.05; done`
  const script = `setsid sh -c '${talker}' & while [ ! -s ${pids} ]; do sleep 0.01; done; echo started`
  const { command_id } = await service.launch(id, ['sh', '-c', script], 1)
  const { status, result } = await service.ended(command_id, 10_000)
  expect(status).toBe('succeeded')
  expect(result.stdout).toContain('started\n')
  const pid = Number(await Bun.file(pids).text())
  // Nobody reads any more what it writes.
  await until('it to be gone', () => !isAlive(pid))
}, 15_000)

test('what cannot be started says why', async () => {
  const { body } = await run({ command: ['no-such-program-here'] })
  expect(body).toMatchObject({ status: 'failed', success: false, exit_code: null })
  expect(body.error).toContain('no-such-program-here')
})

test('a command sees nothing of what the agent was started with', async () => {
  const { body } = await run({ command: ['env'] })
  expect(body.result.stdout).toContain(`HOME=${agent.folder}`)
  expect(body.result.stdout).not.toContain('SECRET_OF_THE_AGENT')
})

test('of a command that never stops talking 10 MiB are kept, all else goes on, and the agent stays small', async () => {
  const { command_id } = await service.launch(id, ['sh', '-c', 'yes "a line that goes on and on"'], 8)
  const beside = await run({ command: ['echo', 'beside'] })
  expect(beside.body.result.stdout).toBe('beside\n')
  // A busy machine takes some seconds for 10 MiB.
  const ended = await service.ended(command_id, 16_000)
  expect(ended).toMatchObject({ status: 'timed_out', truncated: true })
  expect(ended.output_bytes).toBeLessThanOrEqual(10 * 1024 * 1024)
  expect(ended.output_bytes).toBeGreaterThan(9 * 1024 * 1024)
  expect(ended.result.complete).toBe(false)
  const peak = /VmHWM:\s+(\d+) kB/.exec(await Bun.file(`/proc/${agent.pid}/status`).text())![1]
  expect(Number(peak)).toBeLessThan(160 * 1024)
}, 30_000)

test('text in any script arrives whole, however it is cut on its way', async () => {
  const { body } = await run({ command: ['bash', '-c', 'for i in {1..20000}; do printf "зимá🏠"; done'] })
  expect(body.result.stdout).toBe('зимá🏠'.repeat(20_000))
})

test('four at once on one client, and one more is refused and leaves no trace, until one of them has ended', async () => {
  const running = await Promise.all([1, 2, 3, 4].map(() => service.launch(id, ['sleep', '300'])))
  expect((await run({ command: ['true'] })).body).toMatchObject({ status: 429, code: 'too_many_commands' })
  const { commands } = (await service.ask('GET', `/api/commands/history?client_id=${id}&limit=4`)).body
  const ids = (all: any[]) => new Set(all.map(({ command_id }) => command_id))
  expect(ids(commands)).toEqual(ids(running))
  const end = async ({ command_id }: any) => {
    await service.ask('POST', `/api/commands/${id}/cancel?command_id=${command_id}`)
    await service.ended(command_id)
  }
  await end(running.pop())
  expect((await run({ command: ['true'] })).body).toMatchObject({ status: 'succeeded' })
  await Promise.all(running.map(end))
})

test('the history tells who ran what, page by page, and forgets what it is told to', async () => {
  const ids: string[] = []
  for (const word of ['a', 'b', 'c'])
    ids.push(
      (await service.ask('POST', `/api/commands/${id}`, { command: ['echo', word] }, 'carla')).body
        .command_id,
    )
  expect(new Set(ids).size).toBe(3)
  const first = (await service.ask('GET', `/api/commands/history?client_id=${id}&limit=2`)).body
  expect(first.commands.map(({ command_id }: any) => command_id)).toEqual([ids[2], ids[1]])
  expect(first.commands[0]).toMatchObject({ asked_by: 'carla', argv: ['echo', 'c'], exit_code: 0 })
  const second = (await service.ask('GET', `/api/commands/history?limit=2&before=${first.next}`)).body
  expect(second.commands[0].command_id).toBe(ids[0])
  expect((await service.ask('DELETE', `/api/commands/${ids[0]}`)).status).toBe(204)
  expect((await service.ask('GET', `/api/commands/${ids[0]}`)).status).toBe(404)
})

// What goes wrong between agents and the service: either is killed, or says what it must not. Nothing hangs, and nothing is lost that was said.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Clients } from '../../external/client-manager-service/clients.ts'
import { CommandLog } from '../../external/client-manager-service/command-log.ts'
import { Commands } from '../../external/client-manager-service/commands.ts'
import { openDatabase } from '../../external/client-manager-service/database.ts'
import { Herald } from '../../external/client-manager-service/herald.ts'
import { Links } from '../../external/client-manager-service/links.ts'
import { startService } from '../../external/client-manager-service/server.ts'
import { until } from '../until.ts'
import {
  AgentProcess,
  CREDENTIAL,
  idOf,
  type Keys,
  makeKeys,
  ServiceProcess,
  Stranger,
  temporaryFolder,
} from './kit.ts'

let service: ServiceProcess

beforeAll(async () => {
  service = await ServiceProcess.start()
  await service.setFree()
})
afterAll(() => service[Symbol.asyncDispose]())

async function admitted(on = service): Promise<{ keys: Keys; id: string; link: Stranger }> {
  const keys = makeKeys()
  const link = new Stranger(on.socketUrl)
  await link.register(keys, { enrollment_token: await on.code() })
  await on.connected(idOf(keys))
  return { keys, id: idOf(keys), link }
}

test('the service is killed while a command talks: the agent comes back, and not a word is missing or said twice', async () => {
  await using service = await ServiceProcess.start()
  await service.setFree()
  await using agent = new AgentProcess(service.socketUrl, '--code', await service.code())
  const id = await agent.id()
  await service.connected(id)
  const script = 'i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo $i; sleep 0.005; done'
  const { command_id } = await service.launch(id, ['sh', '-c', script])
  await until('it to have begun', async () => (await service.command(command_id)).output_bytes > 0)

  for (let times = 0; times < 2; times++) {
    await service.kill('SIGKILL')
    await service.start()
    await service.connected(id)
  }

  const ended = await service.ended(command_id, 15_000)
  expect(ended).toMatchObject({ status: 'succeeded', exit_code: 0 })
  expect(ended.result.stdout).toBe(Array.from({ length: 400 }, (_, at) => `${at + 1}\n`).join(''))
}, 40_000)

test('a command that ends while the service is away is told of when it is back', async () => {
  await using service = await ServiceProcess.start()
  await service.setFree()
  await using agent = new AgentProcess(service.socketUrl, '--code', await service.code())
  const id = await agent.id()
  await service.connected(id)
  const done = join(agent.folder, 'done')
  const gate = join(agent.folder, 'gate')
  const script = `while [ ! -e ${gate} ]; do sleep 0.01; done; echo later; touch ${done}`
  const { command_id } = await service.launch(id, ['sh', '-c', script])

  await service.kill('SIGKILL')
  await Bun.write(gate, '')
  await until('it to have ended', () => Bun.file(done).exists())
  await service.start()

  expect(await service.ended(command_id, 15_000)).toMatchObject({
    status: 'succeeded',
    result: { stdout: 'later\n' },
  })
}, 30_000)

test('the agent is killed: its command is lost, is not run again, and its caller is answered', async () => {
  await using agent = new AgentProcess(service.socketUrl, '--code', await service.code())
  const id = await agent.id()
  await service.connected(id)
  const runs = join(agent.folder, 'runs')
  const asked = service.ask('POST', `/api/commands/${id}?timeout=60`, {
    command: ['sh', '-c', `echo run >> ${runs}; echo $$ > ${runs}.pid; exec sleep 60`],
  })
  await until('it to run', () => Bun.file(`${runs}.pid`).exists())
  await agent.kill('SIGKILL')
  agent.start()
  const { status, body } = await asked
  expect(status).toBe(200)
  expect(body).toMatchObject({ status: 'lost', success: false, exit_code: null })
  await service.connected(id)
  expect(await Bun.file(runs).text()).toBe('run\n')
  process.kill(Number(await Bun.file(`${runs}.pid`).text()), 'SIGKILL')
})

test('an agent may be there before the service, and says once that it is alone', async () => {
  await using service = new ServiceProcess()
  await using agent = new AgentProcess(service.socketUrl)
  await agent.says(`No connection to ${service.socketUrl}: `)
  await service.start()
  await agent.says('held until the owner approves', 15_000)
  expect(agent.output.match(/No connection/g)).toHaveLength(1)
}, 30_000)

test('an agent that stops ends its commands', async () => {
  await using agent = new AgentProcess(service.socketUrl, '--code', await service.code())
  const id = await agent.id()
  await service.connected(id)
  const { command_id } = await service.launch(id, ['sleep', '300'])
  expect(await agent.kill('SIGTERM')).toBe(0)
  expect((await service.ended(command_id)).status).toBe('cancelled')
})

test('a command ends as lost when its agent stays away, and when it will not end it', async () => {
  const folder = temporaryFolder()
  const db = openDatabase(folder)
  const log = new CommandLog(db)
  const herald = new Herald({ coreUrl: null, credential: '', source: '', log: () => {} })
  const sent: unknown[] = []
  const way = { send: (type: string, data: unknown) => void sent.push([type, data]) }
  const commands = new Commands({ log, herald, wayTo: () => way, awayMs: 20, overdueMs: 20 })

  const away = commands.start('a', { name: null, argv: ['x'] }, 'anna', 100)
  commands.left('a')
  expect(await commands.end(away.id)).toMatchObject({ status: 'lost' })

  const silent = commands.start('b', { name: null, argv: ['x'] }, 'anna', 0)
  expect(await commands.end(silent.id)).toMatchObject({ status: 'lost' })

  // It is heard of after all.
  const result = { outcome: 'exited', exit_code: 0, signal: null, truncated: false } as const
  commands.ended('b', { command_id: silent.id, success: true, result, error: null }, way)
  expect(log.get(silent.id)).toMatchObject({ status: 'succeeded' })
  // What another client says of it is nothing.
  commands.ended('b', { command_id: away.id, success: true, result, error: null }, way)
  expect(log.get(away.id)).toMatchObject({ status: 'lost' })
  commands.stop()
  db.close()
  rmSync(folder, { recursive: true })
})

test('an agent bears whatever the other end says, and takes no orders before it is let in', async () => {
  const orders: ((type: string, data: unknown) => void)[] = []
  let beats = 0
  using odd = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request, server) => (server.upgrade(request) ? undefined : new Response(null, { status: 400 })),
    websocket: {
      open(socket) {
        orders.push((type, data) => socket.send(JSON.stringify({ type, data })))
        socket.send('{')
        socket.send('null')
        socket.send(new Uint8Array([1, 2]))
        socket.send(JSON.stringify({ type: 'auth_challenge', data: { nonce: 1 } }))
      },
      message: () => void beats++,
    },
  })
  await using agent = new AgentProcess(`ws://127.0.0.1:${odd.port}/ws`)
  await until('the agent to come', () => beats > 0)
  const send = orders[0]!
  const marks = join(agent.folder, 'mark')
  const order = (mark: string) => ({
    command_id: crypto.randomUUID(),
    command: ['touch', marks + mark],
    timeout: 5,
  })
  send('command_request', order('early'))
  send('registration_success', { trusted: true })
  await agent.says('Connected.')
  for (const command of [undefined, 'touch x', [], [1], { length: 1 }])
    send('command_request', { command_id: 'x', command, timeout: 1 })
  send('command_cancel', null)
  send('result_chunk_ack', { command_id: 'nobody', seq: 'x' })
  send('constructor', {})
  send('command_request', order('late'))
  await until('the order to be carried out', () => Bun.file(`${marks}late`).exists())
  expect(await Bun.file(`${marks}early`).exists()).toBe(false)
})

test('nonsense cuts off who said it, and nobody else', async () => {
  const { id, link } = await admitted()
  using _link = link
  const nonsense = [
    'no json',
    '',
    'null',
    '[]',
    '{"type":"register"}',
    '{"type":"constructor","data":{}}',
    '{"__proto__":{"type":"heartbeat"},"data":{}}',
    JSON.stringify({ type: 'heartbeat', data: 'x' }),
    '['.repeat(20_000),
    `{"type":"register","data":{"hostname":"${'x'.repeat(40_000)}"}}`,
  ]
  for (const text of nonsense) {
    using stranger = new Stranger(service.socketUrl)
    await stranger.frame('auth_challenge')
    stranger.socket.send(text)
    expect([text.slice(0, 40), (await stranger.closed).code]).toEqual([text.slice(0, 40), 1008])
  }
  using binary = new Stranger(service.socketUrl)
  await binary.frame('auth_challenge')
  binary.socket.send(new Uint8Array([0xff, 0xfe]))
  expect((await binary.closed).code).toBe(1008)
  expect((await service.client(id)).status).toBe('connected')
})

test('what a computer says of itself cannot hold more than it may, nor what a terminal would obey', async () => {
  for (const extra of [
    { hostname: 'a\u001b[2Jb' },
    { hostname: '' },
    { tags: ['x'.repeat(65)] },
    { tags: Array.from({ length: 33 }, () => 'x') },
    { os_info: { name: 'a\nb' } },
    { os_info: Object.fromEntries(Array.from({ length: 33 }, (_, at) => [at, 1])) },
    { metadata: { nested: { deep: true } } },
    { running: ['not-an-id'] },
  ]) {
    using stranger = new Stranger(service.socketUrl)
    await stranger.register(makeKeys(), extra)
    expect((await stranger.closed).code).toBe(1008)
  }
})

test('who falls silent is taken for gone, and so is who never says who they are; who is heard of stays', async () => {
  const dataDir = temporaryFolder()
  const patience = { introductionMs: 300, silenceMs: 300 }
  const environment = { host: '127.0.0.1', port: 0, dataDir, credential: CREDENTIAL, coreUrl: null }
  const running = startService(environment, () => {}, patience)
  const at = running.url.href.replace('http', 'ws') + 'ws'
  const [mute, silent, alive] = [new Stranger(at), new Stranger(at), new Stranger(at)]
  await silent.register(makeKeys())
  await alive.register(makeKeys())
  await alive.frame('registration_success')
  const beat = setInterval(() => alive.say('heartbeat'), 50)
  const ends = await Promise.all([mute.closed, silent.closed])
  expect(ends.map(({ reason }) => reason)).toEqual(Array(2).fill('Nothing was heard for too long.'))
  alive.frames.length = 0
  await alive.frame('heartbeat_ack')
  clearInterval(beat)
  await alive.closed
  await running.stop()
  rmSync(dataDir, { recursive: true })
})

test('a frame that is too large ends the connection', async () => {
  const { id, link } = await admitted()
  link.say('result_chunk', { data: 'x'.repeat(1024 * 1024 + 1) })
  expect((await link.closed).code).toBe(1009)
  await until('it to be gone', async () => (await service.client(id)).status === 'disconnected')
})

test('who floods is cut off', async () => {
  const { link } = await admitted()
  for (let count = 0; count < 6_000; count++) link.say('heartbeat')
  expect((await link.closed).code).toBe(1008)
})

test('before it is approved, an agent has nothing to say', async () => {
  const { id, link } = await admitted()
  using _link = link
  const { command_id } = await service.launch(id, ['true'])
  await link.frame('command_request')
  for (const [type, data] of [
    [
      'command_result',
      {
        command_id,
        success: true,
        result: { outcome: 'exited', exit_code: 0, signal: null, truncated: false },
        error: null,
      },
    ],
    ['result_chunk', { command_id, seq: 1, stream: 'stdout', data: 'forged' }],
    ['command_cancel_ack', { command_id }],
  ] as const) {
    using stranger = new Stranger(service.socketUrl)
    await stranger.register(makeKeys())
    await stranger.frame('registration_success')
    stranger.say(type, data)
    expect((await stranger.closed).code).toBe(1008)
  }
  // Nor has one that is approved, of another’s commands.
  const other = await admitted()
  other.link.say('result_chunk', { command_id, seq: 1, stream: 'stdout', data: 'forged' })
  await other.link.frame('result_chunk_ack')
  other.link[Symbol.dispose]()
  expect(await service.command(command_id)).toMatchObject({ status: 'running', output_bytes: 0 })
})

test('output with a gap is not taken, and output that comes twice is taken once', async () => {
  const { id, link, keys } = await admitted()
  const { command_id } = await service.launch(id, ['true'])
  const chunk = (seq: number, data: string) => ({ command_id, seq, stream: 'stdout', data })
  link.say('result_chunk', chunk(1, 'one'))
  link.say('result_chunk', chunk(1, 'one'))
  await until(
    'both to be confirmed',
    () => link.frames.filter(({ type }) => type === 'result_chunk_ack').length === 2,
  )
  link.say('result_chunk', chunk(3, 'three'))
  expect((await link.closed).code).toBe(1008)

  using again = new Stranger(service.socketUrl)
  await again.register(keys, { running: [command_id] })
  await again.frame('registration_success')
  again.say('result_chunk', chunk(2, 'two'))
  await again.frame('result_chunk_ack')
  expect((await service.command(command_id)).result.stdout).toBe('onetwo')
})

test('strangers are so many and no more: the oldest make room, and who has a code or a key gets in', async () => {
  await using service = await ServiceProcess.start()
  const before = await admitted(service)
  const strangers: Stranger[] = []
  for (let count = 0; count < 60; count++) {
    const stranger = new Stranger(service.socketUrl)
    strangers.push(stranger)
    await stranger.register(makeKeys())
    await Promise.race([stranger.frame('registration_success'), stranger.closed])
  }
  expect((await strangers[0]!.closed).code).toBe(1013)
  expect((await service.ask('GET', '/api/enrollments/pending')).body.pending.length).toBe(50)
  const connected = strangers.filter(({ socket }) => socket.readyState === WebSocket.OPEN)
  expect(connected.length).toBeLessThanOrEqual(32)
  const { id, link } = await admitted(service)
  expect((await service.client(id)).status).toBe('connected')
  expect((await service.client(before.id)).status).toBe('connected')
  for (const { socket } of [...strangers, link, before.link]) socket.close()
}, 15_000)

test('a computer that does not come back after a restart of the service is told of', async () => {
  const folder = temporaryFolder()
  const db = openDatabase(folder)
  const clients = new Clients(db)
  const about = {
    hostname: 'desk',
    device_type: 'linux',
    os_info: {},
    capabilities: [],
    tags: [],
    location: null,
    metadata: {},
  }
  for (const id of ['stays', 'left']) {
    clients.approve(id, 'anna', { publicKey: id, about, ip: null })
    clients.arrived(id, about, null)
  }
  clients.left('left', 1)
  const { promise, resolve } = Promise.withResolvers<unknown>()
  const herald = { tell: (type: string, id: string) => resolve([type, id]) } as unknown as Herald
  new Links(clients, herald).awaitReturn(10)
  expect(await promise).toEqual(['client.disconnected', 'stays'])
  expect(clients.online()).toEqual([])
  db.close()
  rmSync(folder, { recursive: true })
})

test('events wait for the Core to come back, and are told in order', async () => {
  const told: any[] = []
  let up = false
  using core = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      if (!up) return new Response(null, { status: 503 })
      expect(request.headers.get('Authorization')).toBe('Bearer a-credential-of-this-test-only')
      told.push(await request.json())
      return Response.json({ id: 'x' }, { status: 202 })
    },
  })
  await using service = await ServiceProcess.start({ HOME_CONSOLE_URL: core.url.href })
  await service.setFree()
  const { id, link } = await admitted(service)
  link[Symbol.dispose]()
  await until('it to be gone', async () => (await service.client(id)).status === 'disconnected')
  up = true
  await until('both to be told', () => told.length === 2)
  expect(told.map(({ type, source, subject }) => [type, source, subject])).toEqual([
    ['client.connected', '/external/client-manager-service', id],
    ['client.disconnected', '/external/client-manager-service', id],
  ])
})

// Who gets in: those whom the owner let in, by hand or by a code, and nobody who only says so.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { copyFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Codes } from '../../external/client-manager-service/codes.ts'
import { openDatabase } from '../../external/client-manager-service/database.ts'
import { until } from '../until.ts'
import {
  AgentProcess,
  idOf,
  introduction,
  makeKeys,
  ServiceProcess,
  Stranger,
  temporaryFolder,
} from './kit.ts'

let service: ServiceProcess

beforeAll(async () => {
  service = await ServiceProcess.start()
})
afterAll(() => service[Symbol.asyncDispose]())

const pending = async (): Promise<any[]> =>
  (await service.ask('GET', '/api/enrollments/pending')).body.pending
const waits = (id: string) =>
  until(`${id} to wait`, async () => (await pending()).some(({ client_id }) => client_id === id))

test('an agent that comes by itself is held until the owner approves it, and shows the id to compare', async () => {
  await using agent = new AgentProcess(service.socketUrl, '--tag', 'desk', '--location', 'study')
  const id = await agent.id()
  await agent.says('held until the owner approves')
  const [found] = (await pending()).filter(({ client_id }) => client_id === id)
  expect(found.data).toMatchObject({ tags: ['desk'], location: 'study', capabilities: ['commands'] })
  expect((await service.ask('GET', `/api/clients/${id}`)).status).toBe(404)
  expect((await service.ask('POST', `/api/commands/${id}`, { name: 'uptime' })).status).toBe(404)

  const { status, body } = await service.ask('POST', `/api/enrollments/${id}/approve`, undefined, 'bert')

  expect(status).toBe(200)
  expect(body).toMatchObject({ id, status: 'connected', approved_by: 'bert' })
  await agent.says('Connected.\n')
  expect(await pending()).not.toContainEqual(expect.objectContaining({ client_id: id }))
})

test('a code lets one computer in, and no second one', async () => {
  const code = await service.code()
  await using agent = new AgentProcess(service.socketUrl, '--code', code.toLowerCase())
  await service.connected(await agent.id())
  expect((await service.client(await agent.id())).approved_by).toBe('anna')

  await using second = new AgentProcess(service.socketUrl, '--code', code)

  expect(await second.exited).toBe(1)
  expect(second.output).toContain('wrong, was used already, or has expired')
  expect((await service.ask('GET', `/api/clients/${await second.id()}`)).status).toBe(404)
})

test('the agent is the same client after a restart, with its code long used, and its key is for its user alone', async () => {
  await using agent = new AgentProcess(service.socketUrl, '--code', await service.code())
  const id = await agent.id()
  await service.connected(id)
  expect(statSync(agent.stateFile).mode & 0o777).toBe(0o600)
  await agent.kill('SIGTERM')
  await until('it to be gone', async () => (await service.client(id)).status === 'disconnected')
  agent.output = ''
  agent.start()
  await service.connected(id)
  expect(await agent.id()).toBe(id)
})

test('a wrong code, and one that was taken back, are refused', async () => {
  const takenBack = await service.code()
  const { codes } = (await service.ask('GET', '/api/enrollments/codes')).body
  expect(JSON.stringify(codes)).not.toContain(takenBack.slice(0, 9))
  expect((await service.ask('DELETE', `/api/enrollments/codes/${codes[0].id}`)).status).toBe(204)
  for (const code of ['AAAA-AAAA-AAAA-AAAA-AAAA', '', takenBack]) {
    using stranger = new Stranger(service.socketUrl)
    await stranger.register(makeKeys(), { enrollment_token: code })
    expect(await stranger.frame('registration_error')).toMatchObject({ code: 'bad_code' })
    expect((await stranger.closed).code).toBe(4_003)
  }
})

test('a code is good until its time, and once', () => {
  const folder = temporaryFolder()
  const db = openDatabase(folder)
  try {
    const codes = new Codes(db)
    const { code } = codes.create('anna', 60_000, 1_000)
    expect(codes.redeem(code, 'late', 61_000)).toBeNull()
    expect(codes.redeem(code, 'first', 60_999)).toEqual({ by: 'anna' })
    expect(codes.redeem(code, 'second', 60_999)).toBeNull()
  } finally {
    db.close()
    rmSync(folder, { recursive: true })
  }
})

test('nobody takes another client’s place without its key', async () => {
  await using agent = new AgentProcess(service.socketUrl, '--code', await service.code())
  const id = await agent.id()
  await service.connected(id)
  const { key } = JSON.parse(readFileSync(agent.stateFile, 'utf8'))
  const mine = makeKeys()

  // Its public key, with a signature of one's own.
  using poser = new Stranger(service.socketUrl)
  await poser.register({ publicKey: key.x, privateKey: mine.privateKey })
  expect(await poser.frame('registration_error')).toMatchObject({ code: 'bad_signature' })

  // A signature that is genuine, but was made for another connection.
  using first = new Stranger(service.socketUrl)
  const { nonce } = await first.frame('auth_challenge')
  const overheard = introduction(mine, nonce)
  using replayer = new Stranger(service.socketUrl)
  await replayer.frame('auth_challenge')
  replayer.say('register', overheard)
  expect(await replayer.frame('registration_error')).toMatchObject({ code: 'bad_signature' })

  // 32 bytes that are no key.
  using nobody = new Stranger(service.socketUrl)
  await nobody.frame('auth_challenge')
  nobody.say('register', { ...overheard, public_key: 'A'.repeat(43) })
  expect(await nobody.frame('registration_error')).toMatchObject({ code: 'bad_signature' })

  expect((await service.client(id)).status).toBe('connected')
})

test('what the service keeps lets nobody in who steals it', async () => {
  const code = await service.code()
  await using agent = new AgentProcess(service.socketUrl, '--code', await service.code())
  await service.connected(await agent.id())
  const { key } = JSON.parse(readFileSync(agent.stateFile, 'utf8'))
  const folder = join(service.folder, 'data')
  expect(statSync(folder).mode & 0o777).toBe(0o700)
  const kept = readdirSync(folder).map((name) => readFileSync(join(folder, name)).toString('latin1'))
  for (const secret of [code, code.replaceAll('-', ''), key.d]) {
    expect(kept.some((text) => text.includes(secret))).toBe(false)
  }
  expect(kept.some((text) => text.includes(key.x))).toBe(true)
})

test('the same client again takes the place of its older connection', async () => {
  const keys = makeKeys()
  using older = new Stranger(service.socketUrl)
  await older.register(keys, { enrollment_token: await service.code() })
  await service.connected(idOf(keys))
  using newer = new Stranger(service.socketUrl)
  await newer.register(keys)
  expect(await newer.frame('registration_success')).toMatchObject({ trusted: true })
  expect((await older.closed).code).toBe(4_001)
  expect((await service.client(idOf(keys))).status).toBe('connected')
})

test('two agents with one key do not drive each other out again and again', async () => {
  await using first = new AgentProcess(service.socketUrl, '--code', await service.code())
  const id = await first.id()
  await service.connected(id)
  await using second = new AgentProcess(service.socketUrl)
  await second.id()
  await second.kill()
  copyFileSync(first.stateFile, second.stateFile)
  second.output = ''
  second.start()
  await second.says('Connected.')
  await first.says('Another agent with this computer’s key has connected. The next try is in some minutes.')
  expect((await service.client(id)).status).toBe('connected')
})

test('who is rejected is sent away, and stays so when they come again; a code of the owner’s still counts', async () => {
  const keys = makeKeys()
  const id = idOf(keys)
  using stranger = new Stranger(service.socketUrl)
  await stranger.register(keys)
  await waits(id)
  expect((await service.ask('POST', `/api/enrollments/${id}/reject`)).status).toBe(204)
  expect((await stranger.closed).code).toBe(4_003)
  expect((await service.ask('POST', `/api/enrollments/${id}/approve`)).status).toBe(404)

  using again = new Stranger(service.socketUrl)
  await again.register(keys)
  expect(await again.frame('registration_error')).toMatchObject({ code: 'rejected' })

  using invited = new Stranger(service.socketUrl)
  await invited.register(keys, { enrollment_token: await service.code() })
  expect(await invited.frame('registration_success')).toMatchObject({ trusted: true })
})

test('a client that is removed is a stranger when it comes again', async () => {
  const keys = makeKeys()
  const id = idOf(keys)
  using client = new Stranger(service.socketUrl)
  await client.register(keys, { enrollment_token: await service.code() })
  await service.connected(id)
  expect((await service.ask('DELETE', `/api/clients/${id}`)).status).toBe(204)
  expect((await client.closed).code).toBe(4_003)
  expect((await service.ask('GET', `/api/clients/${id}`)).status).toBe(404)

  using again = new Stranger(service.socketUrl)
  await again.register(keys)
  expect(await again.frame('registration_success')).toMatchObject({ trusted: false })
})

test('an agent without an address, or with a damaged key, says so and ends', async () => {
  await using lost = new AgentProcess('http://127.0.0.1:1/ws')
  expect(await lost.exited).toBe(2)
  await lost.says('no ws:// or wss:// address')
  await using agent = new AgentProcess(service.socketUrl)
  await agent.id()
  await agent.kill()
  writeFileSync(agent.stateFile, '{"key":')
  agent.start()
  expect(await agent.exited).toBe(2)
  await agent.says(`The agent cannot start: ${agent.stateFile} holds no key`)
})

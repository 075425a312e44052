// The client manager and its agents as processes of their own, and strangers who speak to it by hand.

import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sign as signJwt } from 'hono/jwt'
import { freePort } from '../processes.ts'
import { until } from '../until.ts'

const SERVICE_FOLDER = join(import.meta.dir, '../../external/client-manager-service')
const AGENT = join(SERVICE_FOLDER, 'agent/agent.ts')
export const CREDENTIAL = 'a-credential-of-this-test-only'
const AUDIENCE = 'client-manager-service'

export function temporaryFolder(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'client-manager-')))
}

/** What a folder holds, at all depths, by its path below `as`. */
export function filesOf(folder: string, as: string): Record<string, string> {
  return Object.assign(
    {},
    ...readdirSync(folder).map((name) => {
      const path = join(folder, name)
      if (statSync(path).isDirectory()) return filesOf(path, join(as, name))
      return { [join(as, name)]: readFileSync(path, 'utf8') }
    }),
  )
}

export interface Answer {
  readonly status: number
  readonly body: any
}

/** One event of a stream of output. */
export interface OutputEvent {
  readonly event: string
  readonly id: string
  readonly data: any
}

/** A process that may be started again, all that it says, and a folder of its own, which outlives it and goes with this. */
abstract class HeardProcess implements AsyncDisposable {
  readonly folder = temporaryFolder()
  output = ''
  #process: Bun.Subprocess<'ignore', 'pipe', 'pipe'> | undefined

  get pid(): number {
    return this.#process!.pid
  }

  get exited(): Promise<number> {
    return this.#process!.exited
  }

  get hasExited(): boolean {
    return this.#process!.exitCode !== null
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number> {
    this.#process!.kill(signal)
    return this.exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill('SIGTERM')
    rmSync(this.folder, { recursive: true, force: true })
  }

  protected spawn(args: readonly string[], env: Record<string, string>): void {
    const child = (this.#process = Bun.spawn([process.execPath, ...args], {
      cwd: SERVICE_FOLDER,
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
      env: { PATH: process.env['PATH']!, ...env },
    }))
    for (const stream of [child.stdout, child.stderr]) void this.#read(stream)
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder()
    for await (const bytes of stream) this.output += decoder.decode(bytes, { stream: true })
  }
}

/** The service, started as the Core starts it. */
export class ServiceProcess extends HeardProcess {
  readonly port = freePort()
  readonly #env: Record<string, string>

  constructor(env: Record<string, string> = {}) {
    super()
    this.#env = env
  }

  static async start(env: Record<string, string> = {}): Promise<ServiceProcess> {
    const service = new ServiceProcess(env)
    await service.start()
    return service
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get socketUrl(): string {
    return `ws://127.0.0.1:${this.port}/ws`
  }

  async start(): Promise<void> {
    this.spawn(['main.ts'], {
      HOST: '127.0.0.1',
      PORT: String(this.port),
      DATA_DIR: join(this.folder, 'data'),
      HOME_CONSOLE_CREDENTIAL: CREDENTIAL,
      ...this.#env,
    })
    await until('the service to be ready', async () => {
      if (this.hasExited) throw new Error(`The service ended: ${this.output}`)
      return fetch(`${this.url}/health/ready`).then(
        ({ ok }) => ok,
        () => false,
      )
    })
  }

  /** As the Core asks, on behalf of somebody. */
  async request(path: string, init: RequestInit = {}, as = 'anna'): Promise<Response> {
    const headers = new Headers(init.headers)
    if (!headers.has('Authorization')) headers.set('Authorization', `Bearer ${CREDENTIAL}`)
    headers.set('X-Home-Console-Caller', await callerToken({ sub: as }))
    return fetch(this.url + path, { ...init, headers })
  }

  async ask(method: string, path: string, body?: unknown, as?: string): Promise<Answer> {
    const init: RequestInit = { method }
    if (body !== undefined) {
      init.body = JSON.stringify(body)
      init.headers = { 'Content-Type': 'application/json' }
    }
    const response = await this.request(path, init, as)
    const text = await response.text()
    return { status: response.status, body: text === '' ? null : JSON.parse(text) }
  }

  async code(valid_s = 600): Promise<string> {
    return (await this.ask('POST', '/api/enrollments/codes', { valid_s })).body.code
  }

  async setFree(): Promise<void> {
    await this.ask('PUT', '/api/policy', { free: true, commands: {} })
  }

  client(id: string): Promise<any> {
    return this.ask('GET', `/api/clients/${id}`).then(({ body }) => body)
  }

  connected(id: string): Promise<unknown> {
    return until(
      `the client ${id} to be connected`,
      async () => (await this.client(id)).status === 'connected',
    )
  }

  launch(client: string, command: string[] | string, timeout = 30): Promise<any> {
    return this.ask('POST', `/api/commands/${client}/async?timeout=${timeout}`, { command }).then(
      ({ body }) => body,
    )
  }

  command(id: string): Promise<any> {
    return this.ask('GET', `/api/commands/${id}`).then(({ body }) => body)
  }

  ended(id: string, ms?: number): Promise<any> {
    const look = async () => {
      const command = await this.command(id)
      return command.status !== 'running' && command
    }
    return until(`the command ${id} to end`, look, ms)
  }

  async *events(id: string, after?: number): AsyncGenerator<OutputEvent> {
    const headers = after === undefined ? {} : { 'Last-Event-ID': String(after) }
    yield* eventsOf(await this.request(`/api/commands/${id}/output`, { headers }))
  }
}

export async function* eventsOf(response: Response): AsyncGenerator<OutputEvent> {
  let rest = ''
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + text).split('\n\n')
    rest = blocks.pop()!
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? ''
      if (field('event') !== '')
        yield { event: field('event'), id: field('id'), data: JSON.parse(field('data')) }
    }
  }
}

export function callerToken(claims: Record<string, unknown>, key = CREDENTIAL): Promise<string> {
  const exp = Math.floor(Date.now() / 1_000) + 60
  return signJwt({ aud: AUDIENCE, exp, ...claims }, key, 'HS256')
}

/** A real agent. Its identity outlives it, in a folder of its own. */
export class AgentProcess extends HeardProcess {
  readonly #args: readonly string[]

  constructor(url: string, ...args: string[]) {
    super()
    this.#args = ['--url', url, ...args]
    this.start()
  }

  get stateFile(): string {
    return join(this.folder, 'agent.json')
  }

  start(): void {
    const env = { HOME: this.folder, SECRET_OF_THE_AGENT: 'not for commands' }
    this.spawn([AGENT, ...this.#args, '--state', this.stateFile], env)
  }

  says(text: string, ms?: number): Promise<unknown> {
    return until(`the agent to say "${text}"`, () => this.output.includes(text), ms)
  }

  /** By which the service knows it. */
  async id(): Promise<string> {
    await this.says('This computer is the client ')
    return /is the client ([0-9a-f]{32})/.exec(this.output)![1]!
  }
}

export interface Keys {
  readonly publicKey: string
  readonly privateKey: KeyObject
}

export function makeKeys(): Keys {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return { publicKey: publicKey.export({ format: 'jwk' }).x!, privateKey }
}

export function idOf({ publicKey }: Keys): string {
  return createHash('sha256').update(Buffer.from(publicKey, 'base64url')).digest('hex').slice(0, 32)
}

/** Someone at the agents' door who says whatever a test wants. */
export class Stranger implements Disposable {
  readonly frames: { type: string; data: any }[] = []
  readonly socket: WebSocket
  /** Code and reason, once the connection is gone. */
  readonly closed: Promise<{ code: number; reason: string }>

  constructor(url: string) {
    this.socket = new WebSocket(url)
    this.socket.addEventListener('message', ({ data }) => this.frames.push(JSON.parse(String(data))))
    this.closed = new Promise((resolve) =>
      this.socket.addEventListener('close', ({ code, reason }) => resolve({ code, reason })),
    )
  }

  frame(type: string): Promise<any> {
    return until(`a frame "${type}"`, () => this.frames.find((frame) => frame.type === type)).then(
      ({ data }) => data,
    )
  }

  say(type: string, data: unknown = {}): void {
    this.socket.send(JSON.stringify({ type, data }))
  }

  /** Says who it is, as far as it is. */
  async register(keys: Keys, extra: Record<string, unknown> = {}): Promise<void> {
    const { nonce } = await this.frame('auth_challenge')
    this.say('register', { ...introduction(keys, nonce), ...extra })
  }

  [Symbol.dispose](): void {
    this.socket.close()
  }
}

export function introduction({ publicKey, privateKey }: Keys, nonce: string) {
  const statement = `home-console-agent/1\n${nonce}\n${publicKey}`
  const signature = sign(null, Buffer.from(statement), privateKey).toString('base64url')
  return { hostname: 'stranger', public_key: publicKey, signature }
}

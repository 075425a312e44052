#!/usr/bin/env bun
// The agent: runs on a computer of the household, keeps a WebSocket to the client manager, and runs what it is told to.
//
// It needs Bun and this one file:
//
//   bun agent.ts --url wss://house.example/api/plugins/client-manager/ws --code XXXX-XXXX-XXXX-XXXX-XXXX
//
// Without a code it is held until the owner approves it. What it is told to run, it runs as the user that it runs as,
// without a shell. Over a network that others share, use wss://, or whoever is between can give orders.

import { createHash, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { arch, cpus, homedir, hostname, platform, release, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'

const VERSION = '1.0.0'
const HELP = `usage: bun agent.ts --url URL [--code CODE] [--state FILE] [--tag TAG]... [--location TEXT]

  --url       where the client manager is: ws(s)://…/api/plugins/client-manager/ws   (HOME_CONSOLE_AGENT_URL)
  --code      a one-time code that the owner made; without it the owner has to approve  (HOME_CONSOLE_AGENT_CODE)
  --state     the file that keeps this computer's key                                  (HOME_CONSOLE_AGENT_STATE)
  --tag       a word by which the owner finds it; may repeat
  --location  where it stands`

const HEARTBEAT_MS = 15_000
/** Without a word for so long, the other end is taken for gone. */
const SILENCE_MS = 45_000
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
/** Whoever was turned away need not ask again soon. */
const REJECTED_PAUSE_MS = 300_000
/** The service's word for a connection in whose place another one of the same client came. */
const REPLACED = 4_001

const MOST_JOBS = 8
/** Results that could not be delivered yet: beyond that, the oldest goes. */
const MOST_KEPT = 32
const MOST_OUTPUT_BYTES = 10 * 1024 * 1024
const CHUNK_CHARACTERS = 32 * 1024
/** Chunks of a command on their way: then its output waits in its pipe, and the command with it. */
const WINDOW = 16
/** What a stream says within this time goes together. */
const GATHER_MS = 25
const TERM_TO_KILL_MS = 3_000
/** After a command has ended, what it left behind may hold its pipes: silent not for longer than this, ... */
const LEFT_OPEN_MS = 2_000
/** ... and talking not for longer than this beyond its time. */
const LEFT_TALKING_MS = TERM_TO_KILL_MS + LEFT_OPEN_MS

/** Of the frames that come, as far as they are read here. */
interface Frame {
  readonly type: string
  readonly data: Readonly<Record<string, any>>
}

type Send = (type: string, data: unknown) => void

/** Why a command came to its end. */
type Outcome = 'exited' | 'timed_out' | 'cancelled' | 'not_started'

interface Result {
  readonly outcome: Outcome
  readonly exit_code: number | null
  readonly signal: string | null
  readonly truncated: boolean
}

interface Chunk {
  readonly seq: number
  readonly stream: 'stdout' | 'stderr'
  readonly data: string
}

/** The key that this computer is known by. Its fingerprint is the client's id: nobody else can take it. */
class Identity {
  readonly publicKey: string
  readonly #privateKey: ReturnType<typeof createPrivateKey>

  private constructor(jwk: { x: string; d: string }) {
    this.publicKey = jwk.x
    this.#privateKey = createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', ...jwk }, format: 'jwk' })
  }

  /** Reads the state file, or makes it, with a key that no other computer has. @throws Error when it is damaged */
  static of(file: string): Identity {
    const known = readIfThere(file)
    if (known !== null) {
      chmodSync(file, 0o600)
      try {
        const { key } = JSON.parse(known) as { key: { x: string; d: string } }
        return new Identity({ x: key.x, d: key.d })
      } catch (error) {
        throw new Error(
          `${file} holds no key (${(error as Error).message}). Put it back, or remove it: then this computer is a stranger.`,
          { cause: error },
        )
      }
    }
    const { x, d } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
    const key = { x: x!, d: d! }
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(`${file}.new`, JSON.stringify({ version: 1, key }), { mode: 0o600, flush: true })
    renameSync(`${file}.new`, file)
    return new Identity(key)
  }

  get clientId(): string {
    return createHash('sha256').update(Buffer.from(this.publicKey, 'base64url')).digest('hex').slice(0, 32)
  }

  /** Proves that it is here who has the key, to one question only. */
  answer(nonce: string): string {
    const statement = `home-console-agent/1\n${nonce}\n${this.publicKey}`
    return sign(null, Buffer.from(statement), this.#privateKey).toString('base64url')
  }
}

/** One command: its process, and of its output and its result what the other end has not yet confirmed. */
class Job {
  readonly id: string
  readonly #send: Send
  readonly #unconfirmed: Chunk[] = []
  #waiting: (() => void)[] = []
  #seq = 0
  #bytes = 0
  #truncated = false
  #process: Bun.Subprocess<'ignore', 'pipe', 'pipe'> | undefined
  #outcome: Outcome = 'exited'
  #result: { success: boolean; result: Result; error: string | null } | undefined
  readonly #over = Promise.withResolvers<void>()

  constructor(id: string, send: Send) {
    this.id = id
    this.#send = send
  }

  get finished(): boolean {
    return this.#result !== undefined
  }

  /** Settles when it is finished. */
  get over(): Promise<void> {
    return this.#over.promise
  }

  /** Settles when there is a result. */
  async run(argv: readonly string[], timeoutSeconds: number): Promise<void> {
    try {
      // A group of its own, so that what it starts can be ended with it.
      this.#process = Bun.spawn([...argv], {
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'pipe',
        detached: true,
        cwd: existsSync(homedir()) ? homedir() : '/',
        env: environment(),
      })
    } catch (error) {
      this.#outcome = 'not_started'
      return this.#finish(null, null, (error as Error).message)
    }
    const { exited, stdout, stderr } = this.#process
    const deadline = setTimeout(() => this.stop('timed_out'), timeoutSeconds * 1_000)
    const { promise: cut, resolve } = Promise.withResolvers<void>()
    const last = setTimeout(resolve, timeoutSeconds * 1_000 + LEFT_TALKING_MS)
    // What it left behind in its group ends with it; what left the group may hold its pipes on.
    const silent = exited.then(() => this.#signal('SIGKILL')).then(() => Bun.sleep(LEFT_OPEN_MS))
    const pass = (stream: Chunk['stream'], pipe: ReadableStream<Uint8Array>) =>
      this.#pass(stream, pipe, silent, cut)
    await Promise.all([pass('stdout', stdout), pass('stderr', stderr), exited])
    clearTimeout(deadline)
    clearTimeout(last)
    const { exitCode, signalCode } = this.#process
    const error = {
      exited:
        exitCode === 0 ? null : signalCode ? `It was ended by ${signalCode}.` : `Exit code ${exitCode}.`,
      timed_out: `It ran for longer than ${timeoutSeconds} s.`,
      cancelled: 'It was cancelled.',
      not_started: null,
    }[this.#outcome]
    this.#finish(
      signalCode === null ? exitCode : null,
      signalCode === null ? null : String(signalCode),
      error,
    )
  }

  /** Ends the command and all that it started: politely, then not. */
  stop(why: Outcome): void {
    if (this.#process === undefined || this.#hasExited || this.#outcome !== 'exited') return
    this.#outcome = why
    this.#signal('SIGTERM')
    const kill = setTimeout(() => this.#signal('SIGKILL'), TERM_TO_KILL_MS)
    void this.#process.exited.then(() => clearTimeout(kill))
  }

  get #hasExited(): boolean {
    return this.#process!.exitCode !== null || this.#process!.signalCode !== null
  }

  /** The other end has everything up to this chunk. */
  confirm(seq: number): void {
    while (this.#unconfirmed.length > 0 && this.#unconfirmed[0]!.seq <= seq) this.#unconfirmed.shift()
    const waiting = this.#waiting
    this.#waiting = []
    for (const go of waiting) go()
  }

  /** Says again what may not have arrived. */
  resume(): void {
    for (const chunk of this.#unconfirmed) this.#send('result_chunk', { command_id: this.id, ...chunk })
    if (this.#result !== undefined) this.#send('command_result', { command_id: this.id, ...this.#result })
  }

  /** Says what a pipe gives, until its end, or until nobody needs to listen any more. */
  async #pass(
    stream: Chunk['stream'],
    pipe: ReadableStream<Uint8Array>,
    silent: Promise<void>,
    cut: Promise<void>,
  ): Promise<void> {
    const reader = pipe.getReader()
    const decoder = new TextDecoder()
    for (;;) {
      const tooLong = this.#hasExited ? Bun.sleep(LEFT_OPEN_MS) : silent
      const read = await Promise.race([cut, reader.read(), tooLong])
      if (read === undefined) break
      await this.#say(stream, decoder.decode(read.value, { stream: !read.done }))
      if (read.done) return
      await Bun.sleep(GATHER_MS)
    }
    await reader.cancel()
    await this.#say(stream, decoder.decode())
  }

  async #say(stream: Chunk['stream'], text: string): Promise<void> {
    for (let from = 0; from < text.length;) {
      const data = piece(text, from)
      from += data.length
      this.#bytes += Buffer.byteLength(data)
      if (this.#bytes > MOST_OUTPUT_BYTES) {
        this.#truncated = true
        return
      }
      while (this.#unconfirmed.length >= WINDOW) await new Promise<void>((go) => this.#waiting.push(go))
      const chunk = { seq: ++this.#seq, stream, data }
      this.#unconfirmed.push(chunk)
      this.#send('result_chunk', { command_id: this.id, ...chunk })
    }
  }

  #finish(exitCode: number | null, signal: string | null, error: string | null): void {
    const result = { outcome: this.#outcome, exit_code: exitCode, signal, truncated: this.#truncated }
    this.#result = { success: this.#outcome === 'exited' && exitCode === 0, result, error }
    this.#send('command_result', { command_id: this.id, ...this.#result })
    this.#over.resolve()
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.#process!.pid, signal)
    } catch (error) {
      // The whole group has gone already.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** All commands that run here, or whose result is not confirmed. They outlive a connection. */
class Jobs {
  readonly #jobs = new Map<string, Job>()
  readonly #send: Send

  constructor(send: Send) {
    this.#send = send
  }

  /** Those of which the other end may still hear. */
  get ids(): string[] {
    return [...this.#jobs.keys()]
  }

  start(id: string, argv: readonly string[], timeoutSeconds: number): void {
    if (this.#jobs.has(id)) return
    const finished = [...this.#jobs.values()].filter((job) => job.finished)
    if (this.#jobs.size - finished.length >= MOST_JOBS) {
      const result = { outcome: 'not_started', exit_code: null, signal: null, truncated: false }
      const error = `${MOST_JOBS} commands run here already.`
      this.#send('command_result', { command_id: id, success: false, result, error })
      return
    }
    if (finished.length >= MOST_KEPT) this.#jobs.delete(finished[0]!.id)
    const job = new Job(id, this.#send)
    this.#jobs.set(id, job)
    void job
      .run(argv, timeoutSeconds)
      .catch((error: unknown) => say(`A command failed oddly: ${String(error)}`))
  }

  cancel(id: string): void {
    this.#jobs.get(id)?.stop('cancelled')
  }

  confirmChunk(id: string, seq: number): void {
    this.#jobs.get(id)?.confirm(seq)
  }

  confirmResult(id: string): void {
    this.#jobs.delete(id)
  }

  resume(): void {
    for (const job of this.#jobs.values()) job.resume()
  }

  async stop(): Promise<void> {
    for (const job of this.#jobs.values()) job.stop('cancelled')
    const over = [...this.#jobs.values()].map((job) => job.over)
    // What they still say may find nobody who takes it.
    await Promise.race([Promise.all(over), Bun.sleep(TERM_TO_KILL_MS + LEFT_OPEN_MS)])
  }
}

interface Settings {
  readonly url: string
  readonly code: string | null
  readonly stateFile: string
  readonly tags: readonly string[]
  readonly location: string | null
}

/** How a conversation ended: what the other end said of it, if it did. */
interface Farewell {
  readonly trusted: boolean
  readonly refusal: { readonly code: string; readonly message: string } | null
}

class Agent {
  readonly #settings: Settings
  readonly #identity: Identity
  readonly #jobs: Jobs
  #socket: WebSocket | undefined
  #trusted = false
  /** That nobody answers is said once, until somebody does. */
  #saidAlone = false

  constructor(settings: Settings) {
    this.#settings = settings
    this.#identity = Identity.of(settings.stateFile)
    this.#jobs = new Jobs((type, data) => {
      if (this.#trusted) this.#send(type, data)
    })
  }

  /** Connects, and does so again whenever the connection is lost. Settles when it makes no sense to go on. */
  async run(): Promise<string> {
    say(`This computer is the client ${this.#identity.clientId}.`)
    for (let pause = FIRST_PAUSE_MS; ;) {
      const { trusted, refusal } = await this.#converse()
      if (refusal?.code === 'bad_code') return refusal.message
      if (trusted) pause = FIRST_PAUSE_MS
      const wait = refusal === null ? pause : REJECTED_PAUSE_MS
      if (refusal !== null) say(`${refusal.message} The next try is in some minutes.`)
      await Bun.sleep(wait * (0.5 + Math.random()))
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS)
    }
  }

  async stop(): Promise<void> {
    await this.#jobs.stop()
    this.#socket?.close(1000, 'The agent stops.')
  }

  /** One connection, from its beginning to its end. */
  #converse(): Promise<Farewell> {
    const { promise, resolve } = Promise.withResolvers<Farewell>()
    const socket = (this.#socket = new WebSocket(this.#settings.url))
    let refusal: Farewell['refusal'] = null
    let wasTrusted = false
    let heard = Date.now()
    const beat = setInterval(() => {
      if (Date.now() - heard > SILENCE_MS) socket.terminate()
      else if (socket.readyState === WebSocket.OPEN)
        this.#send('heartbeat', { timestamp: new Date().toISOString() })
    }, HEARTBEAT_MS)
    socket.addEventListener('error', (event) => {
      const { message } = event as unknown as { message?: string }
      if (!this.#saidAlone)
        say(`No connection to ${this.#settings.url}: ${message}. It is tried again and again.`)
      this.#saidAlone = true
    })
    socket.addEventListener('message', ({ data }) => {
      heard = Date.now()
      this.#saidAlone = false
      const frame = frameOf(data)
      if (frame === null) return
      if (frame.type === 'registration_error')
        refusal = { code: String(frame.data['code']), message: String(frame.data['message']) }
      try {
        this.#answer(frame)
      } catch (error) {
        say(`What the other end said cannot be done: ${(error as Error).message}`)
      }
      wasTrusted ||= this.#trusted
    })
    socket.addEventListener('close', ({ code, reason }) => {
      clearInterval(beat)
      if (this.#trusted) say(`The connection is lost (${code}${reason && `: ${reason}`}).`)
      this.#trusted = false
      if (code === REPLACED)
        refusal = { code: 'replaced', message: 'Another agent with this computer’s key has connected.' }
      resolve({ trusted: wasTrusted, refusal })
    })
    return promise
  }

  #answer({ type, data }: Frame): void {
    switch (type) {
      case 'auth_challenge':
        return this.#send('register', this.#introduction(String(data['nonce'])))
      case 'registration_success':
        if (this.#trusted) return
        this.#trusted = data['trusted'] === true
        say(
          this.#trusted
            ? 'Connected.'
            : `Connected, and held until the owner approves the client ${this.#identity.clientId}.`,
        )
        if (this.#trusted) this.#jobs.resume()
        return
    }
    // Whoever has not yet said that this computer is theirs has nothing to order.
    if (!this.#trusted) return
    const id = String(data['command_id'])
    switch (type) {
      case 'command_request':
        return this.#jobs.start(id, argvOf(data['command']), Number(data['timeout']))
      case 'command_cancel':
        this.#jobs.cancel(id)
        return this.#send('command_cancel_ack', { command_id: id })
      case 'result_chunk_ack':
        return this.#jobs.confirmChunk(id, Number(data['seq']))
      case 'command_result_ack':
        return this.#jobs.confirmResult(id)
    }
  }

  #introduction(nonce: string): unknown {
    const { code, tags, location } = this.#settings
    return {
      public_key: this.#identity.publicKey,
      signature: this.#identity.answer(nonce),
      hostname: hostname(),
      ...(code !== null && { enrollment_token: code }),
      device_type: platform() === 'darwin' ? 'macos' : platform(),
      os_info: osInfo(),
      capabilities: ['commands'],
      tags,
      ...(location !== null && { location }),
      metadata: { agent_version: VERSION, bun_version: Bun.version },
      running: this.#jobs.ids,
    }
  }

  #send(type: string, data: unknown): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ type, data }))
  }
}

function frameOf(text: unknown): Frame | null {
  try {
    const { type, data } = JSON.parse(String(text)) as Partial<Frame>
    return { type: String(type), data: data ?? {} }
  } catch {
    say('The other end said something that is no frame. Is it the client manager?')
    return null
  }
}

/** @throws TypeError when it is none */
function argvOf(command: unknown): readonly string[] {
  const isArgv =
    Array.isArray(command) && command.length > 0 && command.every((one) => typeof one === 'string')
  if (!isArgv) throw new TypeError('a command is an array of texts.')
  return command
}

/** Up to so many characters, and none of them cut in two. */
function piece(text: string, from: number): string {
  const to = from + CHUNK_CHARACTERS
  const cutsPair = to < text.length && (text.charCodeAt(to) & 0xfc00) === 0xdc00
  return text.slice(from, cutsPair ? to - 1 : to)
}

/** What a command sees of the environment: nothing that this agent was started with for itself. */
function environment(): Record<string, string> {
  const passed = /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_[A-Z]+|TZ|XDG_RUNTIME_DIR)$/
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      passed.test(name) && value ? [[name, value]] : [],
    ),
  )
}

function osInfo(): Record<string, string | number> {
  const name = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(readIfThere('/etc/os-release') ?? '')?.[1]
  return {
    name: name ?? platform(),
    kernel: release(),
    arch: arch(),
    cpus: cpus().length,
    memory_bytes: totalmem(),
  }
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

function say(message: string): void {
  console.log(message)
}

/** @throws TypeError when there is something wrong with them */
function readSettings(): Settings | null {
  const { values } = parseArgs({
    options: {
      url: { type: 'string' },
      code: { type: 'string' },
      state: { type: 'string' },
      tag: { type: 'string', multiple: true },
      location: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  const { HOME_CONSOLE_AGENT_URL, HOME_CONSOLE_AGENT_CODE, HOME_CONSOLE_AGENT_STATE, STATE_DIRECTORY } =
    process.env
  const url = values.url ?? HOME_CONSOLE_AGENT_URL
  if (values.help || url === undefined) return null
  if (!/^wss?:$/.test(URL.parse(url)?.protocol ?? ''))
    throw new TypeError(`"${url}" is no ws:// or wss:// address.`)
  const folder = STATE_DIRECTORY ?? join(homedir(), '.local/state/home-console-agent')
  return {
    url,
    code: values.code ?? HOME_CONSOLE_AGENT_CODE ?? null,
    stateFile: values.state ?? HOME_CONSOLE_AGENT_STATE ?? join(folder, 'agent.json'),
    tags: values.tag ?? [],
    location: values.location ?? null,
  }
}

async function main(): Promise<void> {
  let agent: Agent
  try {
    const settings = readSettings()
    if (settings === null) {
      console.error(HELP)
      process.exit(2)
    }
    agent = new Agent(settings)
  } catch (error) {
    console.error(`The agent cannot start: ${(error as Error).message}`)
    process.exit(2)
  }
  const stop = () => void agent.stop().then(() => process.exit(0))
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  console.error(await agent.run())
  process.exit(1)
}

if (import.meta.main) void main()

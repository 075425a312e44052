// The Core as a process of its own, seen from outside only: over HTTP, and by what it writes.

import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { CloudEvent } from '@home-console/sdk'
import type { LogLine } from '../../core/log/log.ts'

const TOKEN = 'a-token-of-this-test-only'
const OURS = { command: [process.execPath], startMs: 15_000 }

export interface CoreProcessOptions {
  /** A command in front of it, which becomes it. */
  readonly via?: readonly string[]
  /** The Bun that runs it, when that is not ours: a command, and how long its start may take. */
  readonly bun?: { readonly command: readonly string[]; readonly startMs: number }
  /** Where its lines go, unless they are to be read here. */
  readonly stdout?: number | 'ignore'
}

export class CoreProcess implements AsyncDisposable {
  readonly folder: string
  url = ''
  /** What the process that runs now has written: one before it, whose last lines come late, has a record of its own. */
  #said: { readonly lines: LogLine[]; isOver: boolean } = { lines: [], isOver: false }
  #process: Bun.Subprocess<'ignore', 'pipe' | 'ignore' | number, 'inherit'> | undefined

  private constructor() {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'home-console-')))
  }

  /** @param files below the plugins folder */
  static async start(
    files: Readonly<Record<string, string>>,
    env: Record<string, string> = {},
    options: CoreProcessOptions = {},
  ): Promise<CoreProcess> {
    const core = new CoreProcess()
    mkdirSync(join(core.folder, 'plugins'))
    for (const [name, text] of Object.entries(files)) core.write(name, text)
    await core.start(env, options)
    return core
  }

  async start(
    env: Record<string, string> = {},
    { via = [], bun = OURS, stdout }: CoreProcessOptions = {},
  ): Promise<void> {
    const main = join(import.meta.dir, '../../core/main.ts')
    const dataDir = env['DATA_DIR'] ?? join(this.folder, 'data')
    this.#process = Bun.spawn([...via, ...bun.command, main], {
      stdout: stdout ?? 'pipe',
      stderr: 'inherit',
      stdin: 'ignore',
      env: {
        ...process.env,
        PORT: '0',
        DATA_DIR: dataDir,
        PLUGINS_DIR: join(this.folder, 'plugins'),
        LOG_FORMAT: 'json',
        ADMIN_TOKEN: TOKEN,
        ...env,
      },
    })
    const said = { lines: [], isOver: false }
    this.#said = said
    if (!(this.#process.stdout instanceof ReadableStream)) {
      this.url = await signedUrl(dataDir)
      return
    }
    void linesOf(this.#process.stdout, said.lines).then(() => (said.isOver = true))
    const line = await this.log(({ message }) => message.startsWith('Listening on '), bun.startMs)
    this.url = /http:\/\/[^/]+/.exec(line.message)![0]
  }

  get logs(): readonly LogLine[] {
    return this.#said.lines
  }

  /** Null while it runs. */
  get exitCode(): number | null {
    return this.#process!.exitCode
  }

  /** Settles when it has ended, with its exit code. */
  get exited(): Promise<number> {
    return this.#process!.exited
  }

  get pid(): number {
    return this.#process!.pid
  }

  write(name: string, text: string): void {
    const path = join(this.folder, 'plugins', name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }

  request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    headers.set('Authorization', `Bearer ${TOKEN}`)
    return fetch(this.url + path, { ...init, headers })
  }

  async emit(type: string, data: unknown = null): Promise<void> {
    const event = { specversion: '1.0', id: crypto.randomUUID(), source: '/clients/test', type, data }
    const { status } = await this.request('/api/core/events', {
      method: 'POST',
      headers: { 'Content-Type': 'application/cloudevents+json' },
      body: JSON.stringify(event),
    })
    if (status !== 202) throw new Error(`"${type}" was answered with ${status}.`)
  }

  async events(pattern: string): Promise<CloudEvent[]> {
    const response = await this.request(`/api/core/events/log?pattern=${pattern}&limit=100`)
    return ((await response.json()) as { events: CloudEvent[] }).events
  }

  /** How many mistakes were charged to each plugin. */
  async faults(): Promise<Map<string, number>> {
    const text = await (await this.request('/metrics')).text()
    const found = text.matchAll(/^home_console_plugin_faults_total\{plugin="([^"]+)"\} (\d+)$/gm)
    return new Map(Array.from(found, ([, plugin, count]) => [plugin!, Number(count)]))
  }

  /** The first line that is so, be it written already or yet to come. */
  async log(isIt: (line: LogLine) => boolean, ms = 1_500): Promise<LogLine> {
    const said = this.#said
    for (const end = Date.now() + ms; ; await Bun.sleep(5)) {
      const { isOver } = said
      const line = said.lines.find(isIt)
      if (line !== undefined) return line
      if (!isOver && Date.now() <= end) continue
      const what = isOver ? `Its output ended (${await this.#howItEnded()})` : `Waited ${ms} ms for a line`
      throw new Error(`${what}. The last: ${JSON.stringify(said.lines.slice(-10), null, 1)}`)
    }
  }

  async #howItEnded(): Promise<string> {
    const code = await Promise.race([this.exited, Bun.sleep(1_000)])
    return code === undefined ? 'and it still runs' : `with ${this.#process!.signalCode ?? code}`
  }

  kill(signal: NodeJS.Signals): void {
    this.#process!.kill(signal)
  }

  /** @returns the exit code */
  async stop(): Promise<number> {
    this.#process!.kill('SIGTERM')
    return this.#process!.exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

async function linesOf(stream: ReadableStream<Uint8Array>, lines: LogLine[]): Promise<void> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of stream) {
    const texts = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = texts.pop()!
    for (const text of texts) lines.push(JSON.parse(text) as LogLine)
  }
}

/** Where a Core listens that says so to nobody but its data folder. */
async function signedUrl(dataDir: string): Promise<string> {
  for (const end = Date.now() + 15_000; Date.now() < end; await Bun.sleep(5)) {
    try {
      const { url } = JSON.parse(readFileSync(join(dataDir, 'last-start.json'), 'utf8')) as {
        url: string | null
      }
      if (url !== null) return new URL(url).origin
    } catch {
      // Not yet there, or not whole.
    }
  }
  throw new Error('Waited 15 s for a Core to listen.')
}

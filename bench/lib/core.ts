// The Core as it is started at home: a process of its own, with a data folder and plugins of the benchmark's.

import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { CloudEvent } from '@home-console/sdk'
import { EventStream } from './event-stream.ts'
import { KeptConnection } from './kept-connection.ts'
import { freePort, ServerProcess } from './process.ts'
import { repository, type Workspace } from './workspace.ts'

export const ADMIN_TOKEN = 'benchmark-token-0123456789'

export interface CoreOptions {
  readonly workspace: Workspace
  /** Below the workspace, or absolute. */
  readonly pluginsFolder?: string
  /** What to put before `bun`, such as `taskset`. */
  readonly wrap?: (command: readonly string[]) => readonly string[]
  /** Beside what every Core of a benchmark gets. */
  readonly env?: Readonly<Record<string, string>>
}

export class CoreProcess implements AsyncDisposable {
  readonly process: ServerProcess
  #connection: KeptConnection

  private constructor(process: ServerProcess, connection: KeptConnection) {
    this.process = process
    this.#connection = connection
  }

  /** Settles when every plugin is loaded and changes of files are noticed. */
  static async start({
    workspace,
    pluginsFolder = 'plugins',
    wrap = (command) => command,
    env = {},
  }: CoreOptions): Promise<CoreProcess> {
    const port = freePort()
    const name = `core-${port}`
    const process = await ServerProcess.start({
      command: wrap(coreCommand),
      port,
      readyAt: '/health',
      cwd: repository,
      env: {
        ...coreEnvironment(port, workspace.path(`${name}-data`), resolve(workspace.folder, pluginsFolder)),
        ...env,
      },
      logFile: workspace.path(`${name}.log`),
    })
    while (!readFileSync(process.logFile, 'utf8').includes('Listening on')) await Bun.sleep(5)
    const core = new CoreProcess(process, await KeptConnection.open(process.url))
    const { plugins } = await core.get<{ plugins: Record<string, number> }>('/health')
    if (plugins['failed']! > 0)
      throw new Error(`A plugin was refused:\n${readFileSync(process.logFile, 'utf8')}`)
    return core
  }

  get url(): URL {
    return this.process.url
  }

  /** Asks as the owner, on a connection that is kept, and gives the JSON of the answer. */
  async get<T>(path: string): Promise<T> {
    return JSON.parse(await this.getText(path)) as T
  }

  async getText(path: string): Promise<string> {
    return this.#ask('GET', path)
  }

  async statusOf(path: string): Promise<number> {
    return (await this.#connection.send('GET', path, ADMIN_TOKEN)).status
  }

  async post<T>(path: string): Promise<T> {
    return JSON.parse(await this.#ask('POST', path)) as T
  }

  async #ask(method: 'GET' | 'POST', path: string): Promise<string> {
    if (this.#connection.closed) this.#connection = await this.connect()
    const { status, body } = await this.#connection.send(method, path, ADMIN_TOKEN)
    if (status >= 400) throw new Error(`The Core answered ${status}: ${body}`)
    return body
  }

  /** A connection of its own. */
  connect(): Promise<KeptConnection> {
    return KeptConnection.open(this.url)
  }

  /** The Core's events, or a plugin's own stream. */
  follow(path: string, onEvent: (event: CloudEvent<any>) => void): Promise<EventStream> {
    return EventStream.open(new URL(path, this.url), ADMIN_TOKEN, onEvent)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.close()
    await this.process[Symbol.asyncDispose]()
  }
}

export const coreCommand: readonly string[] = [process.execPath, join(repository, 'core/main.ts')]

export function coreEnvironment(port: number, dataDir: string, pluginsDir: string): Record<string, string> {
  return {
    HOST: '127.0.0.1',
    PORT: String(port),
    DATA_DIR: dataDir,
    PLUGINS_DIR: pluginsDir,
    ADMIN_TOKEN,
    LOG_LEVEL: 'info',
    LOG_FORMAT: 'json',
  }
}

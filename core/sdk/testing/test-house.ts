// A whole house in a temporary folder: the real runtime, real files, a real server, and plugins to try in it.

import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { CloudEvent, Reload, ServiceName, ServiceOf } from '@home-console/sdk'
import { matches } from '../../bus/pattern.ts'
import type { Config } from '../../config.ts'
import type { LogLine } from '../../log/log.ts'
import { Runtime } from '../../runtime.ts'
import type { User } from '../../services/parties.ts'
import { TestClock, dateOf } from './test-clock.ts'

/** Where a plugin comes from: an absolute path of its folder or file, which is copied; or its files, by name. */
export type PluginFiles = string | Readonly<Record<string, string>>

export interface TestHouseOptions {
  /** By id. */
  readonly plugins?: Readonly<Record<string, PluginFiles>>
  /** External services by name: where each comes from, or its files, `service.json` among them. */
  readonly external?: Readonly<Record<string, PluginFiles>>
  /** What the owner set, by the plugin's id: what its config file says. */
  readonly configs?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** Answers what the plugins `fetch`. Without it, they reach the network. */
  readonly fetch?: (request: Request) => Response | Promise<Response>
  /** Where the clock stands, in ms since the epoch; now unless given. Plugins read it off their `Date`. */
  readonly now?: number
  readonly config?: Partial<Config>
}

/** How long to wait for what a test expects, in real ms. */
const PATIENCE_MS = 5_000

/** Starts a house. Stop it with `await using`, or with `stop()`. */
export async function startTestHouse(options: TestHouseOptions = {}): Promise<TestHouse> {
  const house = new TestHouse(options)
  await house.start()
  return house
}

export class TestHouse implements AsyncDisposable {
  /** The temporary folder. Below it `plugins`, `external` and `data`. */
  readonly folder: string
  readonly clock: TestClock
  /** Every event since the start, in order. */
  readonly events: CloudEvent[] = []
  /** Every log line since the start. */
  readonly logs: LogLine[] = []
  readonly config: Config
  readonly runtime: Runtime
  readonly #taken = new Set<CloudEvent>()
  readonly #waiting = new Set<() => void>()

  constructor({
    plugins = {},
    external = {},
    configs = {},
    fetch: answer,
    now = Date.now(),
    config,
  }: TestHouseOptions) {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'home-console-')))
    this.clock = new TestClock(now)
    mkdirSync(join(this.folder, 'plugins'))
    for (const [id, files] of Object.entries(plugins)) this.#place(id, files)
    for (const [name, files] of Object.entries(external)) this.#place(name, files, 'external')
    for (const [id, values] of Object.entries(configs)) this.#write(`data/config/${id}.jsonc`, values)
    this.config = {
      host: '127.0.0.1',
      port: 0,
      dataDir: join(this.folder, 'data'),
      pluginsDirs: [join(this.folder, 'plugins')],
      logLevel: 'debug',
      logFormat: 'json',
      adminToken: null,
      publicUrl: null,
      allowedHosts: [],
      trustedProxies: [],
      blockedLoopMs: 0,
      runtimeDir: join(this.folder, 'data'),
      notify: null,
      secretKeyFile: null,
      backupDir: join(this.folder, 'data/backups'),
      externalDir: join(this.folder, 'external'),
      external: {},
      childEnvironment: { PATH: '/usr/local/bin:/usr/bin:/bin' },
      pluginEnvironment: {},
      rollbackAfter: 10,
      timeZone: 'UTC',
      ...config,
    }
    this.runtime = new Runtime({
      config: this.config,
      clock: this.clock,
      write: (line) => this.logs.push(line),
      globals: { Date: dateOf(this.clock), ...(answer !== undefined && { fetch: fetchFrom(answer) }) },
    })
    this.runtime.bus.follow(({ text }) => {
      this.events.push(JSON.parse(text) as CloudEvent)
      for (const look of this.#waiting) look()
    })
  }

  async start(): Promise<void> {
    await this.runtime.start()
  }

  get url(): string {
    return this.runtime.url.origin
  }

  /** With all rights. */
  get token(): string {
    return this.runtime.adminToken
  }

  /** Sends a request as the owner, unless it brings an `Authorization` of its own; '' sends none. */
  request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    if (!headers.has('Authorization')) headers.set('Authorization', `Bearer ${this.token}`)
    else if (headers.get('Authorization') === '') headers.delete('Authorization')
    return fetch(this.url + path, { ...init, headers })
  }

  /** Sends JSON as the owner. */
  send(method: string, path: string, body: unknown): Promise<Response> {
    return this.request(path, {
      method,
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json' },
    })
  }

  /** The oldest event that matches and was not given before; waits for it where there is none yet. */
  async event(pattern: string): Promise<CloudEvent<any>> {
    return this.#until(`an event that matches "${pattern}"`, () => {
      const event = this.events.find(
        (candidate) => !this.#taken.has(candidate) && matches(pattern, candidate.type),
      )
      if (event !== undefined) this.#taken.add(event)
      return event
    })
  }

  /** Settles when an external service is up: until then its adapter's routes answer 503. */
  async externalUp(name: string): Promise<void> {
    await this.#until(`the external service "${name}" to be up`, () =>
      this.runtime.external.find(name)?.state === 'up' ? true : undefined,
    )
  }

  /** A service, called as a plugin would. */
  service<const Name extends ServiceName | (string & {})>(name: Name): ServiceOf<Name> {
    return this.runtime.services.use(name, TESTER).handle as ServiceOf<Name>
  }

  /** The path of a file of a plugin: `lamp/index.ts`. */
  path(file: string): string {
    return join(this.folder, 'plugins', file)
  }

  /**
   * Saves a file as editors do, in one step, and waits until the Core has decided on it.
   *
   * @param file below the plugins folder: `lamp/helper.ts`
   * @returns the record of the reload, be it committed or refused
   */
  async save(file: string, text: string): Promise<Reload> {
    const seen = new Set(this.events)
    this.write(file, text)
    return this.#until(
      `a reload after ${file} was saved (nothing happens when its content is the same)`,
      () => {
        const event = this.events.find(
          (candidate) => !seen.has(candidate) && DECIDED.has(candidate.type) && this.#isOf(candidate, file),
        )
        return event === undefined ? undefined : (event.data as { reload: Reload }).reload
      },
    )
  }

  /** Writes a file in one step, and waits for nothing. */
  write(file: string, text: string, below: 'plugins' | 'external' = 'plugins'): void {
    const path = join(this.folder, below, file)
    mkdirSync(dirname(path), { recursive: true })
    const beside = join(dirname(path), `.${basename(path)}.new`)
    writeFileSync(beside, text)
    renameSync(beside, path)
  }

  async stop(): Promise<void> {
    await this.runtime.stop('the test is over')
    rmSync(this.folder, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #isOf(event: CloudEvent, file: string): boolean {
    const { plugin } = event.data as { plugin: string }
    const unit = this.runtime.loader.find(plugin)
    return (
      unit !== undefined &&
      (unit.place.path === this.path(file) || unit.place.path === this.path(file.split('/')[0]!))
    )
  }

  #place(id: string, files: PluginFiles, below: 'plugins' | 'external' = 'plugins'): void {
    if (typeof files !== 'string') {
      for (const [name, text] of Object.entries(files)) this.write(`${id}/${name}`, text, below)
      return
    }
    const from = files.replace(/\/$/, '')
    const folder = statSync(from).isDirectory()
    const to = join(this.folder, below, folder ? id : `${id}.ts`)
    cpSync(from, to, { recursive: true, filter: (path) => basename(path) !== 'node_modules' })
    // Its packages are those that it finds where it comes from: beside it, or in a folder above.
    const packages = packagesAbove(folder ? from : dirname(from))
    const link = join(folder ? to : dirname(to), 'node_modules')
    if (packages !== null && !existsSync(link)) symlinkSync(packages, link)
  }

  #write(file: string, values: unknown): void {
    const path = join(this.folder, file)
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    writeFileSync(path, JSON.stringify(values), { mode: 0o600 })
  }

  async #until<T>(what: string, look: () => T | undefined): Promise<T> {
    const found = look()
    if (found !== undefined) return found
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const again = () => {
      const now = look()
      if (now !== undefined) resolve(now)
    }
    this.#waiting.add(again)
    const timer = setTimeout(
      () => reject(new Error(`Waited ${PATIENCE_MS} ms for ${what}. Since the start: ${this.#summary()}`)),
      PATIENCE_MS,
    )
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(again)
    }
  }

  #summary(): string {
    const errors = this.logs
      .filter(({ level }) => level === 'error')
      .map(({ plugin, message }) => `${plugin ?? 'core'}: ${message}`)
    return `events ${this.events.map(({ type }) => type).join(', ') || 'none'}; errors ${errors.join(' | ') || 'none'}`
  }
}

function packagesAbove(folder: string): string | null {
  const here = join(folder, 'node_modules')
  if (existsSync(here)) return here
  return folder === dirname(folder) ? null : packagesAbove(dirname(folder))
}

/** Uses services, and never goes. */
const TESTER: User = {
  id: 'test',
  number: 0,
  ended: false,
  signal: new AbortController().signal,
  files: new Set(),
  requires: [],
  mayGo: new Set(),
  isStaged: false,
  open() {},
  closeStream() {},
}

const DECIDED: ReadonlySet<string> = new Set([
  'plugin.loaded',
  'plugin.reloaded',
  'plugin.kept_old',
  'plugin.failed',
])

function fetchFrom(answer: (request: Request) => Response | Promise<Response>): typeof fetch {
  const given = async (input: Request | string | URL, init?: RequestInit) =>
    answer(new Request(input as string, init))
  return Object.assign(given, { preconnect: fetch.preconnect })
}

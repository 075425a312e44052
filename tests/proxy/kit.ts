// What the tests of the proxy share: a house with an adapter, and services that behave as no good service would.

import { connect, createServer, type Server, type Socket } from 'node:net'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'
import { until } from '../until.ts'

export const CREDENTIAL = 'a-credential-of-this-test'

/** What an adapter does with everything that comes, unless a test says otherwise. */
const PASS_ALL = `const router = ctx.router(); router.all('/*', ctx.proxy()); return router`

export interface Service {
  readonly url: string
  readonly limits?: Record<string, number>
  /** Body of the adapter's `onLoad`. */
  readonly load?: string
}

/** A house with an adapter for each service, of the service's name, and each of them up. */
export async function houseBefore(
  services: Readonly<Record<string, Service>>,
  config: Record<string, unknown> = {},
): Promise<TestHouse> {
  const all = Object.entries(services)
  const house = await startTestHouse({
    plugins: Object.fromEntries(
      all.map(([name, { load = PASS_ALL }]) => [name, { 'index.ts': adapter(name, load) }]),
    ),
    external: Object.fromEntries(
      all.map(([name, { url, limits = {} }]) => [
        name,
        { 'service.json': JSON.stringify({ name, version: '1.0.0', url, limits }) },
      ]),
    ),
    config: {
      external: Object.fromEntries(all.map(([name]) => [name, { credential: CREDENTIAL }])),
      ...config,
    },
  })
  for (const [name] of all) {
    await until(`${name} is up`, () => house.runtime.external.find(name)?.state === 'up')
  }
  return house
}

export const adapter = (name: string, load: string) => `
  import { definePlugin } from '@home-console/sdk'
  export default definePlugin({
    external: '${name}', modes: ['microservice'],
    async onLoad(ctx) { ${load} },
  })`

/** A server on bare TCP: well when asked for its health, and for all else just as it is told. */
export class WildService implements AsyncDisposable {
  readonly #server: Server
  readonly #open = new Set<Socket>()
  /** The head of each request but those for its health. */
  readonly heads: string[] = []
  /** When the last connection was closed that asked for something else. */
  closedAt = 0
  /** How many of those are open. */
  open = 0

  private constructor(behave: (socket: Socket, head: string) => void, connected?: (socket: Socket) => void) {
    this.#server = createServer((socket) => {
      this.#open.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => this.#open.delete(socket))
      let text = ''
      let asked = false
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1')
        const end = text.indexOf('\r\n\r\n')
        if (end === -1) return
        const head = text.slice(0, end)
        text = ''
        if (head.startsWith('GET /health ')) {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok', () =>
            socket.end(),
          )
          return
        }
        if (!asked) {
          asked = true
          this.open++
          socket.on('close', () => {
            this.open--
            this.closedAt = performance.now()
          })
        }
        this.heads.push(head)
        behave(socket, head)
      })
      connected?.(socket)
    })
  }

  static async start(
    behave: (socket: Socket, head: string) => void,
    connected?: (socket: Socket) => void,
  ): Promise<WildService> {
    const service = new WildService(behave, connected)
    await new Promise<void>((resolve) => service.#server.listen(0, '127.0.0.1', resolve))
    return service
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** A process that was well once, and then takes no connection any more: it is stopped, and its queue is full. */
export class FullHouse implements AsyncDisposable {
  readonly url: string
  readonly #child: Bun.Subprocess
  readonly #waiting: Socket[] = []

  private constructor(child: Bun.Subprocess, url: string) {
    this.#child = child
    this.url = url
  }

  static async start(): Promise<FullHouse> {
    const child = Bun.spawn([process.execPath, '-e', FULL_HOUSE], { stdio: ['ignore', 'pipe', 'inherit'] })
    const { value } = await child.stdout.getReader().read()
    return new FullHouse(child, `http://127.0.0.1:${new TextDecoder().decode(value).trim()}`)
  }

  /** Settles when nobody gets in. */
  async fill(): Promise<void> {
    this.#child.kill('SIGSTOP')
    for (let tries = 0; tries < 2_000; tries++) {
      const socket = connect(Number(new URL(this.url).port), '127.0.0.1')
      socket.on('error', () => {})
      this.#waiting.push(socket)
      const got = await Promise.race([
        new Promise((resolve) => socket.on('connect', () => resolve('in'))),
        Bun.sleep(150),
      ])
      if (got !== 'in') return
    }
    throw new Error('Its queue takes everybody.')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#waiting) socket.destroy()
    this.#child.kill('SIGKILL')
    await this.#child.exited
  }
}

const FULL_HOUSE = `
  const { createServer } = require('node:net')
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n'))
  })
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port))`

/** Every line of the log that a test may look for. */
export const warnings = (house: TestHouse): string[] =>
  house.logs.filter(({ level }) => level === 'warn').map(({ message }) => message)

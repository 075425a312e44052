// One kept HTTP/1.1 connection with one request on it at a time: as little as it takes, so that the server is measured
// and not the client.

import type { Socket } from 'bun'

export interface Answer {
  readonly status: number
  readonly body: string
}

const HEAD_END = Buffer.from('\r\n\r\n')
const CONTENT_LENGTH = /\r\ncontent-length: (\d+)/i

interface Waiting {
  resolve(answer: Answer): void
  reject(error: Error): void
}

export class KeptConnection {
  readonly #host: string
  readonly #socket: Socket
  #waiting: Waiting | undefined
  #received: Buffer | undefined
  #closed = false

  private constructor(host: string, socket: Socket) {
    this.#host = host
    this.#socket = socket
  }

  static async open(url: URL): Promise<KeptConnection> {
    const { promise, resolve } = Promise.withResolvers<KeptConnection>()
    await Bun.connect({
      hostname: url.hostname,
      port: Number(url.port),
      socket: {
        open: (socket) => {
          const connection = new KeptConnection(url.host, socket)
          socket.reload({
            socket: { data: (_, chunk) => connection.#receive(chunk), close: () => connection.#end() },
          })
          resolve(connection)
        },
        data() {},
      },
    })
    return promise
  }

  /** @throws Error when the connection ends before the answer */
  send(method: 'GET' | 'POST', path: string, token?: string): Promise<Answer> {
    return this.sendBytes(requestBytes(method, path, this.#host, token))
  }

  /** The same with a request that was made beforehand, by `requestBytes`. */
  sendBytes(bytes: Uint8Array): Promise<Answer> {
    if (this.#closed) return Promise.reject(new Error('The connection was closed by the server.'))
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#socket.write(bytes)
    })
  }

  /** Whether the server has closed it, as it does when nothing was asked for a while. */
  get closed(): boolean {
    return this.#closed
  }

  close(): void {
    this.#waiting = undefined
    this.#socket.end()
  }

  #receive(chunk: Buffer): void {
    // Bun uses the chunk again after this call.
    const received = this.#received === undefined ? chunk : Buffer.concat([this.#received, chunk])
    const headEnd = received.indexOf(HEAD_END)
    const head = headEnd === -1 ? '' : received.toString('latin1', 0, headEnd)
    const length = CONTENT_LENGTH.exec(head)
    if (headEnd !== -1 && length === null) {
      this.#fail(new Error(`An answer without a length: ${head}`))
      return
    }
    const start = headEnd + HEAD_END.length
    const end = start + Number(length?.[1] ?? 0)
    if (headEnd === -1 || received.length < end) {
      this.#received = Buffer.from(received)
      return
    }
    this.#received = undefined
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve({ status: Number(head.slice(9, 12)), body: received.toString('utf8', start, end) })
  }

  #end(): void {
    this.#closed = true
    this.#fail(new Error('The connection was closed before the answer came.'))
  }

  #fail(error: Error): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.reject(error)
  }
}

export function requestBytes(method: string, path: string, host: string, token?: string): Uint8Array {
  const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`
  const length = method === 'POST' ? 'Content-Length: 0\r\n' : ''
  return Buffer.from(`${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${authorization}${length}\r\n`)
}

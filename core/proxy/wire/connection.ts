// One connection to a server, and one question on it at a time.

import type { Socket, SocketHandler } from 'bun'
import { AnswerReader } from './answer-reader.ts'
import { ConnectionLost } from './failure.ts'
import type { Flow } from './incoming-body.ts'
import { PendingAnswer, type Asker } from './pending-answer.ts'
import { headText, type Question } from './request-head.ts'

/** Whoever keeps it when nothing is asked. */
export interface Keeper {
  idle(connection: Connection): void
  closed(connection: Connection): void
  /** One was given up that is still being made: the platform cannot break that off. Or one of those has come to an end. */
  adrift(by: 1 | -1): void
}

const handlers: SocketHandler<Connection> = {
  open: (socket) => socket.data.opened(socket),
  data: (socket, bytes) => socket.data.received(bytes),
  drain: (socket) => socket.data.drained(),
  close: (socket, error) => socket.data.closed(error),
  connectError: (socket, error) => socket.data.closed(error),
  error: (socket, error) => socket.data.broke(error),
}

/** For a server to close its side too, in ms. */
const FAREWELL_MS = 1_000

/** Most heads are written from here. */
const scratch = Buffer.alloc(16 * 1024)

export class Connection implements Flow {
  readonly #keeper: Keeper
  readonly #reader = new AnswerReader()
  #socket: Socket<Connection> | undefined
  #isConnecting = true
  #closed = false
  /** Whether it has carried a question before this one. */
  #wasKept = false
  #farewell: Timer | undefined
  /** Undefined while nothing is asked. */
  #pending: PendingAnswer | undefined
  /** Of a question that waits for the connection, or whose rest the socket has not taken yet. */
  #unsent: Uint8Array | undefined

  constructor(hostname: string, port: number, keeper: Keeper) {
    this.#keeper = keeper
    Bun.connect({ hostname, port, data: this, socket: handlers }).catch((error: unknown) =>
      this.closed(error),
    )
  }

  /** @throws TypeError for what cannot be sent */
  ask(question: Question, asker: Asker): void {
    const head = headText(question)
    this.#pending = new PendingAnswer(asker, this)
    this.#reader.expect(question.method, this.#pending)
    if (this.#socket === undefined) this.#unsent = Buffer.from(head, 'latin1')
    else if (head.length > scratch.length) this.#send(Buffer.from(head, 'latin1'))
    else this.#sendFromScratch(scratch.write(head, 'latin1'))
  }

  /** Ends it, and with it what is under way; nobody is told of it any more. */
  destroy(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#isConnecting) this.#keeper.adrift(1)
    this.#socket?.terminate()
    this.#pending?.breakOff(new ConnectionLost(undefined, this.#wasKept))
    this.#keeper.closed(this)
  }

  // What the reader of a body wants.

  pause(): void {
    this.#socket?.pause()
  }

  resume(): void {
    this.#socket?.resume()
  }

  abandon(): void {
    this.destroy()
  }

  // What the socket says.

  opened(socket: Socket<Connection>): void {
    this.#landed()
    if (this.#closed) return socket.terminate()
    socket.unref()
    this.#socket = socket
    this.drained()
  }

  received(bytes: Buffer): void {
    if (this.#closed) return
    let wasAsked: boolean
    try {
      wasAsked = this.#reader.feed(bytes)
    } catch (error) {
      return this.#fail(error as Error)
    }
    this.#pending?.tell()
    if (!wasAsked) this.destroy()
    else if (this.#pending?.isWhole) this.#rest(this.#pending.keeps)
  }

  drained(): void {
    const unsent = this.#unsent
    this.#unsent = undefined
    if (unsent !== undefined) this.#send(unsent)
  }

  closed(error: unknown): void {
    this.#landed()
    clearTimeout(this.#farewell)
    if (this.#closed) return
    const isWhole = (error === undefined || error === null) && this.#reader.close()
    this.#pending?.tell()
    if (isWhole) this.destroy()
    else this.#fail(new ConnectionLost(error, this.#wasKept))
  }

  /** What the system says has a code; all else is a mistake of ours, and told as such. */
  broke(error: Error): void {
    if ('code' in error) this.closed(error)
    else this.#fail(error)
  }

  /** It is there, or will never be. */
  #landed(): void {
    if (!this.#isConnecting) return
    this.#isConnecting = false
    if (this.#closed) this.#keeper.adrift(-1)
  }

  /** It may be asked again, unless the server says otherwise or has not taken all of the question. */
  #rest(keeps: boolean): void {
    if (this.#closed) return
    if (!keeps || this.#unsent !== undefined) return this.#leave()
    this.#wasKept = true
    this.#pending = undefined
    this.#keeper.idle(this)
  }

  /** The answer is here. A server that has more to say is not reset for that: it hears that nobody asks any more. */
  #leave(): void {
    const socket = this.#socket!
    this.#closed = true
    this.#farewell = setTimeout(() => socket.terminate(), FAREWELL_MS).unref()
    socket.end()
    this.#keeper.closed(this)
  }

  #fail(error: Error): void {
    if (this.#closed) return
    const pending = this.#pending
    this.#pending = undefined
    this.destroy()
    pending?.fail(error)
  }

  #sendFromScratch(length: number): void {
    const written = this.#socket!.write(scratch, 0, length)
    if (written >= 0 && written < length) this.#unsent = Buffer.from(scratch.subarray(written, length))
  }

  #send(bytes: Uint8Array): void {
    const written = this.#socket!.write(bytes)
    // Where it is closed, it will say so.
    if (written >= 0 && written < bytes.length) this.#unsent = Buffer.from(bytes.subarray(written))
  }
}

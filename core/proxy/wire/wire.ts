// Asks one server over HTTP/1.1 what takes no body to ask. `fetch` does the same for all the rest, through a thread of its own
// that costs as much as everything that the Core does for a request.

import type { AnswerHead } from './answer-head.ts'
import type { Connection } from './connection.ts'
import { Connections } from './connections.ts'
import { ConnectionLost } from './failure.ts'
import type { Header } from './header-line.ts'
import type { IncomingBody } from './incoming-body.ts'
import type { Question } from './request-head.ts'

/** An answer whose head is there. */
export interface Answer {
  readonly status: number
  readonly statusText: string
  readonly headers: readonly Header[]
  /** Of the body, in bytes; null where nobody knows it. */
  readonly length: number | null
  /** Null where there is none. To be asked for once, and not beside `bytes`. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null
  /** All of the body: fulfilled already where all of it is there. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>
  /** Whether nothing needs the memory of a piece of the body any more, once it and all before it are done with. */
  canFree(piece: Uint8Array<ArrayBuffer>): boolean
}

export class Wire {
  readonly #connections: Connections

  /** @param idleMs after which a connection that nothing is asked on is let go of */
  constructor(hostname: string, port: number, idleMs: number) {
    this.#connections = new Connections(hostname, port, idleMs)
  }

  /**
   * Asks again, once, where a connection that was kept turns out to be gone: the question must be one that does no harm
   * twice.
   *
   * @param onHangUp given what calls it off
   * @throws BadAnswer; ConnectionLost; TypeError for what cannot be sent
   */
  ask(question: Question, onHangUp: (hangUp: () => void) => void): Promise<Answer> {
    return new Promise((resolve, reject) => {
      let connection: Connection | undefined
      let answer: IncomingBody | undefined
      onHangUp(() => {
        // The connection may carry the question of somebody else by now.
        if (answer?.isOver) return
        connection?.destroy()
        reject(new ConnectionLost(undefined, false))
      })
      const answered = (head: AnswerHead, body: IncomingBody) => {
        answer = body
        resolve(new WireAnswer(head, body))
      }
      const ask = (failed: (error: Error) => void, isFresh: boolean) => {
        try {
          connection = this.#connections.ask(question, { answered, failed }, isFresh)
        } catch (error) {
          reject(error)
        }
      }
      ask((error) => {
        const isOld = error instanceof ConnectionLost && error.wasKept
        if (isOld) ask(reject, true)
        else reject(error)
      }, false)
    })
  }
}

class WireAnswer implements Answer {
  readonly status: number
  readonly statusText: string
  readonly headers: readonly Header[]
  readonly length: number | null
  readonly #body: IncomingBody

  constructor({ status, statusText, headers, framing }: AnswerHead, body: IncomingBody) {
    this.status = status
    this.statusText = statusText
    this.headers = headers
    this.length = typeof framing === 'number' ? framing : null
    this.#body = body
  }

  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#body.whole()
  }

  /** What the socket gave at once may be several pieces, in their order. */
  canFree({ byteOffset, byteLength, buffer }: Uint8Array<ArrayBuffer>): boolean {
    return byteOffset + byteLength === buffer.byteLength
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    return this.length === 0 ? null : streamOf(this.#body)
  }
}

function streamOf(body: IncomingBody): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await body.read()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      cancel: () => body.cancel(),
    },
    { highWaterMark: 0 },
  )
}

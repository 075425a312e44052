// One question to a service and its answer, each within its deadlines.

import { watched } from './body.ts'
import type { Call } from './call.ts'
import { isBroken, type Faults } from './faults.ts'
import type { Line } from './line.ts'
import type { Limits } from './target.ts'

export type Deadlines = Omit<Limits, 'concurrency'>

type Bytes = ReadableStream<Uint8Array<ArrayBuffer>>
type Head = Pick<Response, 'status' | 'statusText' | 'headers'>

export interface Question {
  /** For people. */
  readonly label: string
  /** At the service, with the query. */
  readonly path: string
  readonly method: string
  readonly headers: Record<string, string>
  readonly body: RequestInit['body']
  /** Whether the body is so large that it is watched on its way. */
  readonly large: boolean
  readonly decompress: boolean
}

/** An answer of so many bytes is read whole before its head goes on: it is there at once, or breaks before it was promised. */
const WHOLE_BYTES = 16 * 1024
/** An answer is slow to come after so long. */
const SLOW_MS = 100
/** Before what failed to connect is tried again. */
const RETRY_MS = 100

/** To ask again does no harm. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])
/** Answers without a body (RFC 9110, section 6.4.1). */
const BODILESS = new Set([204, 205, 304])

export interface ExchangeParts {
  readonly line: Line
  readonly call: Call
  readonly deadlines: Deadlines
  readonly faults: Faults
  readonly asCore: <T>(run: () => T) => T
  /** Called once, when the answer is slow to come. */
  readonly whenSlow: () => void
}

export class Exchange {
  readonly #question: Question
  readonly #parts: ExchangeParts
  /** When an upload last moved; undefined where none goes on. */
  #uploadMovedAt: number | undefined

  constructor(question: Question, parts: ExchangeParts) {
    this.#question = question
    this.#parts = parts
  }

  /**
   * @param judge looks at the head of the answer, and may change it
   * @throws a fault of the service; the reason for which the call was called off
   */
  async run(judge: (head: Response) => void): Promise<Response> {
    const { line, call } = this.#parts
    const { isClean } = line.circuit
    try {
      return await this.#ask(judge)
    } catch (error) {
      call.end()
      if (isClean) await line.circuit.note(error)
      throw error
    }
  }

  async #ask(judge: (head: Response) => void): Promise<Response> {
    const { line, call, faults } = this.#parts
    const { path, method, headers, body = null, large, decompress, label } = this.#question
    const init: BunFetchRequestInit = {
      method,
      headers,
      body: large ? this.#watchedUpload(body as Bytes) : body,
      redirect: 'manual',
      decompress,
      session: line.session,
      signal: call.signal,
    }
    this.#expectHead()
    for (let mayRetry = body === null && SAFE.has(method); ; mayRetry = false) {
      try {
        const response = await fetch(line.origin + path, init)
        call.answered = true
        judge(response)
        return await this.#carry(response)
      } catch (error) {
        if (call.reason !== undefined) throw call.reason
        if (!mayRetry || call.answered || !isBroken(error)) {
          throw faults.told(faults.of(error, call.answered), label)
        }
      }
      await Bun.sleep(RETRY_MS)
      if (call.reason !== undefined) throw call.reason
    }
  }

  /** The head of the answer must come in time; and where it is slow to come, there must be somebody there. */
  #expectHead(): void {
    const { line, call, deadlines, whenSlow } = this.#parts
    const { connectMs, firstByteMs } = deadlines
    const late = () => {
      const rest = this.#uploadRest()
      if (rest > 0) call.expect(rest, late)
      else this.#timeOut(`did not answer within ${firstByteMs} ms`)
    }
    const doubt = connectMs / 2
    const headIn = (ms: number) => {
      if (ms <= doubt) return call.expect(ms, late)
      call.expect(doubt, () => {
        call.expect(ms - doubt, late)
        void line.isAnyoneThere(doubt).then((someone) => {
          if (!someone && !call.answered) this.#timeOut(`took no connection within ${connectMs} ms`)
        })
      })
    }
    if (firstByteMs <= SLOW_MS) return headIn(firstByteMs)
    call.expect(SLOW_MS, () => {
      headIn(firstByteMs - SLOW_MS)
      whenSlow()
    })
  }

  /** The answer's deadline runs from the end of the question. */
  #watchedUpload(body: Bytes): Bytes {
    const { call, deadlines, asCore } = this.#parts
    const moved = () => (this.#uploadMovedAt = performance.now())
    return watched(
      body,
      {
        moved,
        ended: () => {
          this.#uploadMovedAt = undefined
          if (!call.answered)
            call.expect(deadlines.firstByteMs, () =>
              this.#timeOut(`did not answer within ${deadlines.firstByteMs} ms`),
            )
        },
        broken: (error) => error,
      },
      asCore,
    )
  }

  /** For how long an upload that goes on may be silent yet. */
  #uploadRest(): number {
    if (this.#uploadMovedAt === undefined) return 0
    return this.#uploadMovedAt + this.#parts.deadlines.silenceMs - performance.now()
  }

  /** What is short is all there when its head goes on; the rest streams. */
  #carry(response: Response): Response | Promise<Response> {
    const { call, deadlines, faults, asCore } = this.#parts
    const { label, method } = this.#question
    const { status, statusText, headers } = response
    const head: Head = { status, statusText, headers }
    if (method === 'HEAD' || BODILESS.has(status)) {
      void response.body?.cancel()
      return this.#empty(head)
    }
    const { silenceMs } = deadlines
    const silent = () => {
      const rest = this.#uploadRest()
      if (rest > 0) call.expect(rest, silent)
      else this.#timeOut(`was silent for ${silenceMs} ms`)
    }
    const length = headers.get('Content-Length')
    if (length !== null && Number(length) <= WHOLE_BYTES) return this.#whole(response, head, silent)
    const { body } = response
    if (body === null) return this.#empty(head)
    call.expect(silenceMs, silent)
    const carried = watched(
      body,
      {
        moved: () => call.expect(silenceMs, silent),
        ended: () => call.end(),
        broken: (error) => {
          if (call.reason !== undefined) return call.reason
          call.end()
          return faults.told(faults.of(error, true), label)
        },
      },
      asCore,
      (fail) => (call.onCalledOff = fail),
    )
    return new Response(carried, head)
  }

  #empty(head: Head): Response {
    this.#parts.call.end()
    return new Response(null, head)
  }

  /** `body` is not looked at: a stream would be made of what is all there. */
  #whole(response: Response, head: Head, silent: () => void): Response | Promise<Response> {
    const { call, deadlines, whenSlow } = this.#parts
    const give = (bytes: ArrayBuffer) => {
      call.end()
      return new Response(bytes, head)
    }
    const bytes = response.arrayBuffer()
    // As a rule it came with its head: then no turn of the loop is lost over it.
    if (Bun.peek.status(bytes) === 'fulfilled') return give(Bun.peek(bytes) as ArrayBuffer)
    call.expect(deadlines.silenceMs, silent)
    whenSlow()
    return bytes.then(give)
  }

  #timeOut(what: string): void {
    const { call, faults } = this.#parts
    if (call.reason === undefined) {
      call.callOff(faults.told(faults.fault('external_timeout', what), this.#question.label))
    }
  }
}

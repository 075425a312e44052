// One question to a service and its answer, each within its deadlines.

import { CarriedBody, streamOf, type BodySource } from './body.ts'
import type { Call } from './call.ts'
import { isBroken, isOfWhoAsks, type Faults } from './faults.ts'
import type { Line } from './line.ts'
import { ask, isHarmless, type Deadlines, type Question } from './question.ts'
import type { Header } from './wire/header-line.ts'
import type { Answer } from './wire/wire.ts'

type Bytes = Uint8Array<ArrayBuffer>
type Stream = ReadableStream<Bytes>
interface Head {
  readonly status: number
  readonly statusText: string
  readonly headers: Header[]
}

/** Looks at the head of an answer, and says which headers go on. @throws why it is not taken */
export type Judge = (answer: Answer) => readonly Header[]

/** Reads the body of an answer for whoever hands it on; `onBroken` is told when nothing more will come. */
export type Carry = (body: Stream, onBroken: (reason: unknown) => void) => BodySource

/** An answer of so many bytes is read whole before its head goes on: it is there at once, or breaks before it was promised. */
const WHOLE_BYTES = 16 * 1024
/** An answer is slow to come after so long. */
const SLOW_MS = 100
/** Before what failed to connect is tried again. */
const RETRY_MS = 100

/** Answers without a body (RFC 9110, section 6.4.1). */
const BODILESS = new Set([204, 205, 304])

export interface ExchangeParts {
  readonly line: Line
  readonly call: Call
  readonly deadlines: Deadlines
  readonly faults: Faults
  readonly asCore: <T>(run: () => T) => T
  /** Called when the answer is slow to come, or does not: calls off what nobody waits for. */
  readonly whenSlow: () => void
  /** Takes over to read the body of an answer that streams; without it, the answer does so itself. */
  readonly onStream?: (carry: Carry) => void
}

/** What is waited for. */
type Stage = 'a quick answer' | 'a connection' | 'the head' | 'more of the body' | 'a reader'

export class Exchange {
  readonly #question: Question
  readonly #parts: ExchangeParts
  readonly #begun = performance.now()
  #stage: Stage = 'a quick answer'
  /** Whether the answer is meant to stay open. */
  #lasting = false

  constructor(question: Question, parts: ExchangeParts) {
    this.#question = question
    this.#parts = parts
  }

  /** @throws a fault of the service; the reason for which the call was called off */
  async run(judge: Judge): Promise<Response> {
    const { line, call, deadlines } = this.#parts
    const question = this.#question
    const { isClean } = line.circuit
    this.#expectHead()
    for (let mayRetry = isHarmless(question); ; mayRetry = false) {
      try {
        if (call.reason !== undefined) throw call.reason
        const answer = await ask(question, line, call, deadlines)
        call.answered = true
        const response = await this.#carry(answer, judged(answer, judge))
        if (isClean) line.circuit.noteAnswer()
        return response
      } catch (error) {
        // It may be that the client left, and nobody has looked yet.
        this.#parts.whenSlow()
        if (!mayRetry || call.answered || call.reason !== undefined || !isBroken(error)) {
          const why = this.#whyNot(error)
          call.end()
          if (isClean) await line.circuit.note(why)
          throw why
        }
      }
      await Bun.sleep(RETRY_MS)
    }
  }

  /** What is thrown where asking threw. */
  #whyNot(error: unknown): unknown {
    const { call, faults } = this.#parts
    if (call.reason !== undefined) return call.reason
    const { label, large } = this.#question
    return isOfWhoAsks(error) ? error : faults.told(faults.of(error, call.answered, large), label)
  }

  /** The head of the answer must come in time; and where it is slow to come, there must be somebody there. */
  #expectHead(): void {
    const { firstByteMs } = this.#parts.deadlines
    if (SLOW_MS < firstByteMs) this.#expect('a quick answer', SLOW_MS)
    else this.#expect('the head', firstByteMs)
  }

  /** @param ms from now */
  #expect(stage: Stage, ms: number): void {
    this.#stage = stage
    this.#parts.call.expect(ms, this.#late)
  }

  /** @param ms from the beginning */
  #expectBy(stage: Stage, ms: number): void {
    this.#expect(stage, this.#begun + ms - performance.now())
  }

  readonly #late = (): void => {
    const { line, call, deadlines, whenSlow } = this.#parts
    const { connectMs, firstByteMs, silenceMs } = deadlines
    const expectHead = () => {
      // Who sends a large body may take his time over it.
      if (!this.#question.large) this.#expectBy('the head', firstByteMs)
    }
    switch (this.#stage) {
      case 'a quick answer':
        if (connectMs / 2 < firstByteMs) this.#expectBy('a connection', Math.max(SLOW_MS, connectMs / 2))
        else expectHead()
        whenSlow()
        break
      case 'a connection':
        expectHead()
        void line.isAnyoneThere(connectMs / 2).then((someone) => {
          if (!someone && !call.answered) this.#timeOut(`took no connection within ${connectMs} ms`)
        })
        break
      case 'the head':
        this.#timeOut(`did not answer within ${firstByteMs} ms`)
        break
      case 'more of the body':
        this.#timeOut(`was silent for ${silenceMs} ms`)
        break
      case 'a reader':
        // Who stops to read is let go of, and that is not the service's silence.
        call.callOff()
    }
  }

  /** What is short is all there when its head goes on; the rest streams. */
  #carry(answer: Answer, headers: readonly Header[]): Response | Promise<Response> {
    const { status, statusText, length } = answer
    const head: Head = { status, statusText, headers: headers as Header[] }
    if (this.#question.method === 'HEAD' || BODILESS.has(status)) {
      void answer.body?.cancel()
      // Where nobody knows how long it would be, Bun would say that it is of no length.
      const isKnown = BODILESS.has(status) || headers.some(([name]) => name === 'content-length')
      if (!isKnown) head.headers.push(['Transfer-Encoding', 'chunked'])
      return this.#empty(head)
    }
    if (length !== null && length <= WHOLE_BYTES) return this.#whole(answer, head)
    const { body } = answer
    if (body === null) return this.#empty(head)
    this.#expectMore()
    this.#lasting = headers.some(
      ([name, value]) => name === 'content-type' && value.startsWith('text/event-stream'),
    )
    const own = streamOf((onBroken) => this.#carryBody(body, onBroken, null))
    // An adapter may have read of it, or make another body of it, of pieces that are its own; as a rule it does neither.
    this.#parts.onStream?.((given, onBroken) =>
      given === own && !body.locked
        ? this.#carryBody(body, onBroken, (piece) => answer.canFree(piece))
        : this.#carryBody(given, onBroken, null),
    )
    return new Response(own, head)
  }

  #empty(head: Head): Response {
    this.#parts.call.end()
    return new Response(null, head)
  }

  /** `body` is not looked at: a stream would be made of what is all there. */
  #whole(answer: Answer, head: Head): Response | Promise<Response> {
    const { call, whenSlow } = this.#parts
    const give = (bytes: Bytes) => {
      call.end()
      return new Response(bytes, head)
    }
    const bytes = answer.bytes()
    // As a rule it came with its head: then no turn of the loop is lost over it.
    if (Bun.peek.status(bytes) === 'fulfilled') return give(Bun.peek(bytes) as Bytes)
    this.#expectMore()
    whenSlow()
    return bytes.then(give)
  }

  #carryBody(
    body: Stream,
    onBroken: (reason: unknown) => void,
    canFree: ((piece: Bytes) => boolean) | null,
  ): BodySource {
    const { line, call, asCore } = this.#parts
    call.onCalledOff = onBroken
    const watcher = {
      asked: () => this.#expectMore(),
      given: () => this.#expectReader(),
      ended: () => call.end(),
      broken: (error: unknown) => {
        call.end()
        return this.#whyNot(error)
      },
    }
    const carried = new CarriedBody(body, watcher, asCore, canFree)
    if (this.#lasting) endWith(line.reach.leaving, carried, call)
    return carried
  }

  #expectMore(): void {
    this.#expectUnlessLarge('more of the body')
  }

  #expectReader(): void {
    this.#expectUnlessLarge('a reader')
  }

  #expectUnlessLarge(stage: Stage): void {
    const { call, deadlines } = this.#parts
    if (this.#question.large) call.expectNothing()
    else this.#expect(stage, deadlines.silenceMs)
  }

  #timeOut(what: string): void {
    const { call, faults } = this.#parts
    if (call.reason === undefined) {
      call.callOff(faults.told(faults.fault('external_timeout', what), this.#question.label))
    }
  }
}

/** When another process of the service takes over, whoever listens to this one is to come back, and be led there. */
function endWith(leaving: AbortSignal, carried: CarriedBody, call: Call): void {
  const finish = () => carried.finish()
  if (leaving.aborted) return finish()
  leaving.addEventListener('abort', finish)
  call.atEnd(() => leaving.removeEventListener('abort', finish))
}

/** @throws why it is not taken; then nobody will read its body, which may have no end */
function judged(answer: Answer, judge: Judge): readonly Header[] {
  try {
    return judge(answer)
  } catch (error) {
    void answer.body?.cancel()
    throw error
  }
}

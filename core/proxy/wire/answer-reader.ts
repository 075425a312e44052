// Reads answers out of what a connection brings, however it is split, and trusts none of it.

import { parseHead, type AnswerHead } from './answer-head.ts'
import { Chunks } from './chunks.ts'
import { BadAnswer } from './failure.ts'

export interface AnswerSink {
  head(head: AnswerHead): void
  /** @param cameIn bytes that it takes up, with what was around it */
  piece(bytes: Buffer, cameIn: number): void
  /** The answer is whole. */
  over(): void
}

/** Of a head, its status line and all. */
const MOST_HEAD_BYTES = 64 * 1024
/** Before an answer, there may be so many that are not yet it (RFC 9110, section 15.2). */
const MOST_INTERIM = 8
const HEAD_END = Buffer.from('\r\n\r\n')
const NOTHING = Buffer.alloc(0)
const BEGINNING = 'HTTP/1.'
const LF = 10
const CR = 13

type Part = 'nothing' | 'head' | 'sized' | 'chunked' | 'rest'

export class AnswerReader {
  /** Undefined while none is to come. */
  #sink: AnswerSink | undefined
  readonly #onPiece = (piece: Buffer, cameIn: number) => this.#sink!.piece(piece, cameIn)
  #part: Part = 'nothing'
  #method = ''
  #interim = 0
  /** What has come of a head. */
  #gathered: Buffer = NOTHING
  #left = 0
  #chunks: Chunks | undefined

  /** One answer is to come, to a request of this method. */
  expect(method: string, sink: AnswerSink): void {
    this.#sink = sink
    this.#part = 'head'
    this.#method = method
    this.#interim = 0
  }

  /**
   * @returns false where something came that nobody asked for
   * @throws BadAnswer
   */
  feed(bytes: Buffer): boolean {
    for (let at = 0; at < bytes.length;) {
      switch (this.#part) {
        case 'nothing':
          return false
        case 'head':
          at = this.#feedHead(bytes, at)
          break
        case 'sized': {
          const end = Math.min(bytes.length, at + this.#left)
          this.#sink!.piece(bytes.subarray(at, end), end - at)
          this.#left -= end - at
          at = end
          if (this.#left === 0) this.#end()
          break
        }
        case 'chunked':
          at = this.#chunks!.feed(bytes, at, this.#onPiece)
          if (this.#chunks!.isOver) this.#end()
          break
        case 'rest':
          this.#sink!.piece(bytes.subarray(at), bytes.length - at)
          at = bytes.length
      }
    }
    return true
  }

  /** The connection came to its end. @returns whether the answer is whole by that */
  close(): boolean {
    if (this.#part !== 'rest') return false
    this.#end()
    return true
  }

  #feedHead(bytes: Buffer, at: number): number {
    if (this.#gathered.length > 0) return this.#feedGathered(bytes.subarray(at)) + at
    const end = bytes.indexOf(HEAD_END, at)
    if (end === -1) return this.#feedGathered(bytes.subarray(at)) + at
    if (end - at > MOST_HEAD_BYTES) throw tooLarge()
    this.#begin(parseHead(bytes.toString('latin1', at, end + 2), this.#method))
    return end + HEAD_END.length
  }

  /** The slow way, for a head that comes in parts. */
  #feedGathered(bytes: Buffer): number {
    const before = this.#gathered.length
    const all = Buffer.concat([this.#gathered, bytes])
    const end = all.indexOf(HEAD_END, Math.max(0, before - HEAD_END.length))
    if (end === -1 ? all.length > MOST_HEAD_BYTES + HEAD_END.length : end > MOST_HEAD_BYTES) throw tooLarge()
    if (end === -1) {
      assertBeginsWell(all, before)
      this.#gathered = all
      return bytes.length
    }
    this.#gathered = NOTHING
    this.#begin(parseHead(all.toString('latin1', 0, end + 2), this.#method))
    return end + HEAD_END.length - before
  }

  #begin(head: AnswerHead): void {
    const { status, framing } = head
    if (status < 200) {
      if (status === 101) throw new BadAnswer('it switches to a protocol that nobody asked for')
      if (++this.#interim > MOST_INTERIM)
        throw new BadAnswer(`it announces itself more than ${MOST_INTERIM} times`)
      return
    }
    this.#sink!.head(head)
    if (framing === 0) return this.#end()
    if (framing === 'chunked') {
      this.#chunks = new Chunks()
      this.#part = 'chunked'
    } else if (framing === 'close') this.#part = 'rest'
    else {
      this.#left = framing
      this.#part = 'sized'
    }
  }

  #end(): void {
    const sink = this.#sink!
    this.#part = 'nothing'
    this.#sink = undefined
    sink.over()
  }
}

const tooLarge = () => new BadAnswer(`it has headers of more than ${MOST_HEAD_BYTES} bytes`)

/** What can be no head any more is not waited for. @throws BadAnswer */
function assertBeginsWell(all: Buffer, before: number): void {
  const beginning = all.toString('latin1', 0, BEGINNING.length)
  if (!BEGINNING.startsWith(beginning)) throw new BadAnswer('it begins with no status line')
  for (let at = all.indexOf(LF, before); at !== -1; at = all.indexOf(LF, at + 1)) {
    if (all[at - 1] !== CR) throw new BadAnswer('it has a bare line feed in its head')
  }
}

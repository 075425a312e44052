// The answer to one question while it comes: whoever asked hears of its head once, with all of the body that came along.

import type { AnswerHead } from './answer-head.ts'
import type { AnswerSink } from './answer-reader.ts'
import { IncomingBody, type Flow } from './incoming-body.ts'

/** Whoever asks; told of what becomes of it. */
export interface Asker {
  /** The head is there, and of the body what came with it. */
  answered(head: AnswerHead, body: IncomingBody): void
  /** There will be no answer: BadAnswer or ConnectionLost. */
  failed(error: Error): void
}

export class PendingAnswer implements AnswerSink {
  readonly #flow: Flow
  /** Until it has been told. */
  #asker: Asker | undefined
  /** Of which the asker has not heard yet. */
  #head: AnswerHead | undefined
  #body: IncomingBody | undefined
  #keeps = false
  #isWhole = false

  constructor(asker: Asker, flow: Flow) {
    this.#asker = asker
    this.#flow = flow
  }

  get isWhole(): boolean {
    return this.#isWhole
  }

  /** Whether the server says that its connection may be asked again. */
  get keeps(): boolean {
    return this.#keeps
  }

  // What the reader finds.

  head(head: AnswerHead): void {
    this.#head = head
    this.#keeps = head.keeps
    this.#body = new IncomingBody(this.#flow)
  }

  piece(bytes: Buffer, cameIn: number): void {
    this.#body!.take(bytes as Buffer<ArrayBuffer>, cameIn)
  }

  over(): void {
    this.#isWhole = true
    this.#body!.end()
  }

  // What the connection says.

  /** All that came at once has been read: what is short is whole by now. */
  tell(): void {
    const head = this.#head
    if (head === undefined) return
    this.#head = undefined
    const asker = this.#asker!
    this.#asker = undefined
    asker.answered(head, this.#body!)
  }

  /** Nothing more comes, and its asker is not to hear of it. Whoever reads of the body is told. */
  breakOff(error: Error): void {
    this.#head = undefined
    this.#body?.break(error)
  }

  /** Nothing more comes: an asker that has not been told is told so. */
  fail(error: Error): void {
    this.breakOff(error)
    const asker = this.#asker
    this.#asker = undefined
    asker?.failed(error)
  }
}

// Takes the chunks of a body apart (RFC 9112, section 7.1), however the bytes are split.

import { BadAnswer } from './failure.ts'
import { isClean, parseHeader } from './header-line.ts'

const LF = 10
const MOST_LINE_BYTES = 256
const MOST_TRAILER_BYTES = 8 * 1024
/** A size that is exact as a number, and perhaps an extension that nobody understands. */
const SIZE_LINE = /^([\da-fA-F]{1,12})(?:[ \t]*;.*)?\r\n$/

type Part = 'size' | 'data' | 'data-end' | 'trailers' | 'over'

export class Chunks {
  #part: Part = 'size'
  /** Of the chunk that is being read. */
  #left = 0
  /** What has come of a line. */
  #line = ''
  #trailerBytes = 0

  get isOver(): boolean {
    return this.#part === 'over'
  }

  /**
   * @param onPiece given what is in the chunks
   * @returns where the body ends in it, or its length
   * @throws BadAnswer
   */
  feed(bytes: Buffer, from: number, onPiece: (piece: Buffer) => void): number {
    let at = from
    while (at < bytes.length && this.#part !== 'over') {
      if (this.#part !== 'data') {
        at = this.#feedLine(bytes, at)
        continue
      }
      const end = Math.min(bytes.length, at + this.#left)
      onPiece(bytes.subarray(at, end))
      this.#left -= end - at
      if (this.#left === 0) this.#part = 'data-end'
      at = end
    }
    return at
  }

  #feedLine(bytes: Buffer, at: number): number {
    const most = this.#part === 'trailers' ? MOST_TRAILER_BYTES - this.#trailerBytes : MOST_LINE_BYTES
    const found = bytes.indexOf(LF, at)
    const end = found === -1 ? bytes.length : found + 1
    if (this.#line.length + end - at > most)
      throw new BadAnswer('it has a line without end between its chunks')
    this.#line += bytes.toString('latin1', at, end)
    if (found === -1) return end
    const line = this.#line
    this.#line = ''
    if (this.#part === 'size') this.#begin(line)
    else if (this.#part === 'trailers') this.#passTrailer(line)
    else if (line === '\r\n') this.#part = 'size'
    else throw new BadAnswer('it has a chunk that is longer than it says')
    return end
  }

  #begin(line: string): void {
    const size = SIZE_LINE.exec(line)?.[1]
    if (size === undefined || !isClean(line.slice(0, -2)))
      throw new BadAnswer('it has a chunk of no proper size')
    this.#left = Number.parseInt(size, 16)
    this.#part = this.#left === 0 ? 'trailers' : 'data'
  }

  /** They have to be in order, and are let go of: nobody could be told. */
  #passTrailer(line: string): void {
    if (line === '\r\n') this.#part = 'over'
    else if (line.endsWith('\r\n')) parseHeader(line.slice(0, -2))
    else throw new BadAnswer('it has a trailer that is none')
    this.#trailerBytes += line.length
  }
}

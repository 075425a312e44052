// Takes the chunks of a body apart (RFC 9112, section 7.1), however the bytes are split.

import { BadAnswer } from './failure.ts'
import { isClean, parseHeader } from './header-line.ts'

const LF = 10
const CR = 13
/** Chunks of fewer bytes are given together: each piece costs whoever hands it on as much as a thousand bytes. */
const SMALL_BYTES = 4 * 1024
/** Digits of a size that is exact as a number. */
const MOST_DIGITS = 12
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
   * @param bytes are the reader's own: small chunks are moved together in them
   * @param onPiece given what is in the chunks, and how many bytes it came in
   * @returns where the body ends in it, or its length
   * @throws BadAnswer
   */
  feed(bytes: Buffer, from: number, onPiece: (piece: Buffer, cameIn: number) => void): number {
    let at = from
    /** Where the small chunks are, one after the other, and where the first of them began. */
    let begin = from
    let end = from
    let came = from
    const giveSmall = () => {
      if (end > begin) onPiece(bytes.subarray(begin, end), at - came)
    }
    while (at < bytes.length && this.#part !== 'over') {
      if (this.#part !== 'data') {
        at = this.#feedShortLine(bytes, at) ?? this.#feedLine(bytes, at)
        continue
      }
      const length = Math.min(bytes.length - at, this.#left)
      const isSmall = length < SMALL_BYTES
      if (!isSmall || end === begin) {
        giveSmall()
        begin = end = came = at
      } else bytes.copyWithin(end, at, at + length)
      if (isSmall) end += length
      else onPiece(bytes.subarray(at, at + length), length)
      this.#left -= length
      if (this.#left === 0) this.#part = 'data-end'
      at += length
    }
    giveSmall()
    return at
  }

  /** What nearly every line is: the end of a chunk, or a size and no more, all of it here. Else undefined. */
  #feedShortLine(bytes: Buffer, at: number): number | undefined {
    if (this.#line !== '') return undefined
    let size = 0
    let end = at
    if (this.#part === 'size') {
      for (let digit = digitOf(bytes[end]); digit !== -1; digit = digitOf(bytes[++end]))
        size = size * 16 + digit
      if (end === at || end - at > MOST_DIGITS) return undefined
    } else if (this.#part !== 'data-end') return undefined
    if (bytes[end] !== CR || bytes[end + 1] !== LF) return undefined
    if (this.#part === 'size') this.#beginChunk(size)
    else this.#part = 'size'
    return end + 2
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
    this.#beginChunk(Number.parseInt(size, 16))
  }

  #beginChunk(size: number): void {
    this.#left = size
    this.#part = size === 0 ? 'trailers' : 'data'
  }

  /** They have to be in order, and are let go of: nobody could be told. */
  #passTrailer(line: string): void {
    if (line === '\r\n') this.#part = 'over'
    else if (line.endsWith('\r\n')) parseHeader(line.slice(0, -2))
    else throw new BadAnswer('it has a trailer that is none')
    this.#trailerBytes += line.length
  }
}

/** Of a hexadecimal digit; -1 where it is none. */
function digitOf(byte: number | undefined): number {
  if (byte === undefined) return -1
  if (byte >= 48 && byte <= 57) return byte - 48
  const letter = byte | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}

// What the wire takes for an answer: the same however its bytes are split, and nothing that another reader might take for
// something else (RFC 9112, section 11).

import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import * as fc from 'fast-check'
import type { AnswerHead } from '../../core/proxy/wire/answer-head.ts'
import { AnswerReader, type AnswerSink } from '../../core/proxy/wire/answer-reader.ts'
import { BadAnswer } from '../../core/proxy/wire/failure.ts'

/** Everything that a reader tells. */
class Heard {
  readonly heads: AnswerHead[] = []
  readonly bodies: Buffer[] = []
  /** Their lengths, and in how many bytes they came. */
  readonly pieces: [length: number, cameIn: number][] = []
  over = 0
  readonly reader = new AnswerReader()
  readonly #sink: AnswerSink = {
    head: (head) => {
      this.heads.push(head)
      this.bodies.push(Buffer.alloc(0))
    },
    piece: (bytes, cameIn) => {
      this.pieces.push([bytes.length, cameIn])
      this.bodies.push(Buffer.concat([this.bodies.pop()!, bytes]))
    },
    over: () => this.over++,
  }

  expect(method: string): void {
    this.reader.expect(method, this.#sink)
  }

  /** @returns what `feed` said of the last piece */
  hear(bytes: Buffer, cuts: readonly number[] = []): boolean {
    let wasAsked = true
    const places = cuts.map((cut) => cut % (bytes.length + 1)).toSorted((one, other) => one - other)
    let from = 0
    for (const to of [...places, bytes.length]) {
      if (to > from) wasAsked = this.reader.feed(bytes.subarray(from, to))
      from = to
    }
    return wasAsked
  }
}

const hear = (text: string, method = 'GET') => {
  const heard = new Heard()
  heard.expect(method)
  const wasAsked = heard.hear(Buffer.from(text, 'latin1'))
  return { heard, wasAsked }
}

interface Told {
  readonly method: string
  readonly bytes: Buffer
  readonly status: number
  readonly headers: [string, string][]
  readonly body: Buffer
  readonly endsWithConnection: boolean
}

const token = fc.stringMatching(/^X-[A-Za-z0-9!#$%&'*+.^`|~-]{1,20}$/)
const value = fc.stringMatching(/^[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]{0,30}[\x21-\x7e\x80-\xff])?$/)
const body = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes))
const chunked = fc.tuple(fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 })), fc.boolean())

const answer: fc.Arbitrary<Told> = fc
  .record({
    method: fc.constantFrom('GET', 'HEAD', 'OPTIONS'),
    status: fc.constantFrom(200, 201, 204, 206, 301, 304, 404, 500, 503),
    headers: fc.array(fc.tuple(token, value), { maxLength: 6 }),
    interim: fc.constantFrom(
      '',
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
      'HTTP/1.1 100 Continue\r\n\r\n',
    ),
    framed: fc.oneof(
      body.map((whole) => ({ header: `Content-Length: ${whole.length}`, wire: whole, whole, close: false })),
      body.map((whole) => ({ header: '', wire: whole, whole, close: true })),
      chunked.map(([chunks, hasTrailer]) => ({
        header: 'Transfer-Encoding: Chunked',
        wire: Buffer.concat([
          ...chunks.flatMap((chunk, index) => [
            Buffer.from(`${chunk.length.toString(16)}${index % 2 === 0 ? '' : ';name="value"'}\r\n`),
            chunk,
            Buffer.from('\r\n'),
          ]),
          Buffer.from(hasTrailer ? '0\r\nDigest: x\r\n\r\n' : '0\r\n\r\n'),
        ]),
        whole: Buffer.concat(chunks),
        close: false,
      })),
    ),
  })
  .map(({ method, status, headers, interim, framed }) => {
    const isBodiless = method === 'HEAD' || status === 204 || status === 304
    const lines = [
      ...headers.map(([name, value]) => `${name}: ${value}`),
      ...(framed.header ? [framed.header] : []),
    ]
    const head = `${interim}HTTP/1.1 ${status} As it is\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`
    return {
      method,
      status,
      headers,
      bytes: Buffer.concat([Buffer.from(head, 'latin1'), isBodiless ? Buffer.alloc(0) : framed.wire]),
      body: isBodiless ? Buffer.alloc(0) : framed.whole,
      endsWithConnection: framed.close && !isBodiless,
    }
  })

const cuts = fc.array(fc.nat(2_000), { maxLength: 12 })

test('small chunks are given together, and large ones as they are', () => {
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
  const texts = [...Array<string>(1_000).fill('a'), 'b'.repeat(5_000), 'ccc', 'ddd', 'e'.repeat(4_096), 'f']
  const { heard } = hear(
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${texts.map(chunk).join('')}0\r\n\r\n`,
  )
  expect(heard.bodies[0]!.toString()).toBe(texts.join(''))
  expect(heard.pieces).toEqual([
    [1_000, 6_000 + '1388\r\n'.length - '1\r\n'.length],
    [5_000, 5_000],
    [6, 6 + '\r\n3\r\n'.length + '\r\n1000\r\n'.length],
    [4_096, 4_096],
    [1, 1 + '\r\n0\r\n\r\n'.length],
  ])
  expect(heard.over).toBe(1)
})

describe('an answer', () => {
  test('is the same however it is split', () => {
    fc.assert(
      fc.property(answer, cuts, (told, cuts) => {
        const heard = new Heard()
        heard.expect(told.method)
        expect(heard.hear(told.bytes, cuts)).toBe(true)
        if (told.endsWithConnection) {
          expect(heard.over).toBe(0)
          expect(heard.reader.close()).toBe(true)
        }
        expect(heard.over).toBe(1)
        expect(heard.heads[0]).toMatchObject({ status: told.status, statusText: 'As it is' })
        const own = heard.heads[0]!.headers.filter(([name]) => name.startsWith('x-'))
        expect(own).toEqual(told.headers.map(([name, value]) => [name.toLowerCase(), value]))
        expect(heard.bodies[0]).toEqual(told.body)
      }),
      { numRuns: 500 },
    )
  })

  test('ends where it says, and what comes after that was not asked for', () => {
    fc.assert(
      fc.property(answer, fc.uint8Array({ minLength: 1, maxLength: 20 }), cuts, (told, more, cuts) => {
        if (told.endsWithConnection) return
        const heard = new Heard()
        heard.expect(told.method)
        expect(heard.hear(Buffer.concat([told.bytes, more]), cuts)).toBe(false)
        expect([heard.over, heard.heads.length]).toEqual([1, 1])
        expect(heard.bodies[0]).toEqual(told.body)
      }),
    )
  })

  test('is not whole before its last byte', () => {
    fc.assert(
      fc.property(answer, fc.nat(), cuts, (told, less, cuts) => {
        const heard = new Heard()
        heard.expect(told.method)
        heard.hear(told.bytes.subarray(0, less % told.bytes.length), cuts)
        expect(heard.over).toBe(0)
      }),
    )
  })

  test('that was tampered with anywhere is refused or read, and never more is read than came', () => {
    fc.assert(
      fc.property(
        answer,
        fc.nat(),
        fc.uint8Array({ minLength: 1, maxLength: 4 }),
        cuts,
        (told, at, junk, cuts) => {
          const place = at % told.bytes.length
          const bytes = Buffer.concat([told.bytes.subarray(0, place), junk, told.bytes.subarray(place + 1)])
          const heard = new Heard()
          heard.expect(told.method)
          try {
            heard.hear(bytes, cuts)
          } catch (error) {
            expect(error).toBeInstanceOf(BadAnswer)
          }
          expect(heard.over).toBeLessThanOrEqual(1)
          expect(heard.bodies.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(bytes.length)
        },
      ),
      { numRuns: 1_000 },
    )
  })
})

const OK = 'HTTP/1.1 200 OK\r\n'
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`

test.each([
  ['two lengths', `${OK}Content-Length: 2\r\nContent-Length: 2\r\n\r\nok`],
  ['a list of lengths', `${OK}Content-Length: 2, 2\r\n\r\nok`],
  ['a length with a sign', `${OK}Content-Length: +2\r\n\r\nok`],
  ['a length in hex', `${OK}Content-Length: 0x2\r\n\r\nok`],
  ['a length past what a number holds', `${OK}Content-Length: 99999999999999999\r\n\r\nok`],
  ['an empty length', `${OK}Content-Length:\r\n\r\n`],
  ['a length beside chunks', `${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['a coding before the chunks', `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ['chunks twice', `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['a space before the colon', `${OK}Content-Length : 2\r\n\r\nok`],
  ['a space before the name', `${OK} Content-Length: 2\r\n\r\nok`],
  ['a header that goes on in the next line', `${OK}X-A: a\r\n b\r\n\r\n`],
  ['a header without a colon', `${OK}Content-Length\r\n\r\n`],
  ['a header without a name', `${OK}: 2\r\n\r\n`],
  ['a bare line feed in a header', `${OK}X-A: a\nContent-Length: 2\r\n\r\nok`],
  ['a bare carriage return in a header', `${OK}X-A: a\rContent-Length: 2\r\n\r\nok`],
  ['a NUL in a header', `${OK}X-A: a\0b\r\n\r\n`],
  ['a bare line feed in the status line', 'HTTP/1.1 200 OK\nX-A: a\r\n\r\n'],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
  ['a status below 100', 'HTTP/1.1 099 OK\r\n\r\n'],
  ['HTTP/2', 'HTTP/2 200 OK\r\n\r\n'],
  ['HTTP/1.2', 'HTTP/1.2 200 OK\r\n\r\n'],
  ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
  ['a switch to another protocol', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'],
  ['announcements without end', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(9)],
  ['more headers than anybody sends', `${OK}${'X-A: a\r\n'.repeat(201)}\r\n`],
  ['a head of more than 64 KiB', `${OK}X-A: ${'a'.repeat(66_000)}\r\n\r\n`],
  ['a head of more than 64 KiB that does not end', `${OK}X-A: ${'a'.repeat(66_000)}`],
  ['a chunk without a size', `${CHUNKED}\r\n\r\n`],
  ['a chunk of a negative size', `${CHUNKED}-1\r\n\r\n`],
  ['a chunk with a size in 0x', `${CHUNKED}0x2\r\nok\r\n0\r\n\r\n`],
  ['a chunk with a size past what a number holds', `${CHUNKED}fffffffffffff\r\nok`],
  ['a chunk with a space before its size', `${CHUNKED} 2\r\nok\r\n0\r\n\r\n`],
  ['a chunk whose size ends in a bare line feed', `${CHUNKED}2\nok\r\n0\r\n\r\n`],
  ['a chunk with a bare carriage return in its extension', `${CHUNKED}2;a\rb\r\nok\r\n0\r\n\r\n`],
  ['a chunk that is longer than it says', `${CHUNKED}2\r\nokay\r\n0\r\n\r\n`],
  ['an extension without end', `${CHUNKED}2;${'a'.repeat(300)}`],
  ['a trailer that is none', `${CHUNKED}0\r\nnothing\r\n\r\n`],
  ['a trailer that ends in a bare line feed', `${CHUNKED}0\r\nA: b\n\r\n`],
  ['trailers without end', `${CHUNKED}0\r\n${'A: b\r\n'.repeat(2_000)}`],
])('%s is no answer', (_what, text) => {
  expect(() => hear(text)).toThrow(BadAnswer)
})

test('a line feed that cannot be in a head any more is not waited for', () => {
  expect(() => hear('HTTP/1.1 200 OK\nContent-Length: 2\n\nok')).toThrow(BadAnswer)
  expect(() => hear('220 mail.example.org ESMTP')).toThrow(BadAnswer)
})

test.each([
  ['what says so', `${OK}Connection: close\r\nContent-Length: 0\r\n\r\n`, false],
  ['what says so among others', `${OK}Connection: foo, Close\r\nContent-Length: 0\r\n\r\n`, false],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n', false],
  ['what ends with its connection', `${OK}\r\n`, false],
  ['what may send what it must not', 'HTTP/1.1 304 OK\r\nContent-Length: 9\r\n\r\n', false],
  ['all else', `${OK}Content-Length: 0\r\nConnection: keep-alive\r\n\r\n`, true],
])('the connection of %s is asked again: %p', (_what, text, keeps) => {
  expect(hear(text).heard.heads[0]!.keeps).toBe(keeps)
})

test('names as long as a head are not kept', () => {
  const script = `
    import { parseHead } from './core/proxy/wire/answer-head.ts'
    import { requestHeaders } from './core/proxy/request-headers.ts'
    Bun.gc(true)
    const before = process.memoryUsage().rss
    for (let count = 0; count < 1_000; count++) {
      const name = Buffer.alloc(50_000, 'x').toString('latin1') + count
      parseHead('HTTP/1.1 200 OK\\r\\n' + name + ': y\\r\\n', 'GET')
      requestHeaders(new Headers({ [name]: 'y' }), false)
    }
    Bun.gc(true)
    console.log(process.memoryUsage().rss - before)`
  const { stdout } = Bun.spawnSync([process.execPath, '-e', script], { cwd: join(import.meta.dir, '../..') })
  expect(Number(stdout.toString())).toBeGreaterThan(0)
  expect(Number(stdout.toString())).toBeLessThan(40_000_000)
})

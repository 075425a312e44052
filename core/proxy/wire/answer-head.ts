// The head of an answer: its status and headers, and what they say of its body and of the connection.

import { BadAnswer } from './failure.ts'
import { parseHeader, type Header } from './header-line.ts'

const MOST_HEADERS = 200
const STATUS_LINE = /^HTTP\/1\.([01]) (\d{3})(?: ([\t -~\x80-\xff]*))?$/
/** So many digits that the number is exact. */
const LENGTH = /^\d{1,15}$/

/** How long the body is: so many bytes, in chunks, or until the connection ends. */
export type Framing = number | 'chunked' | 'close'

export interface AnswerHead {
  readonly status: number
  readonly statusText: string
  readonly headers: readonly Header[]
  readonly framing: Framing
  /** Whether the connection may be asked again. */
  readonly keeps: boolean
}

/**
 * @param text up to and with the CRLF of the last header
 * @param method a HEAD is answered without a body
 * @throws BadAnswer
 */
export function parseHead(text: string, method: string): AnswerHead {
  let at = text.indexOf('\r\n')
  const line = STATUS_LINE.exec(text.slice(0, at))
  if (line === null) throw new BadAnswer('it begins with no status line')
  const status = Number(line[2])
  if (status < 100) throw new BadAnswer(`it has the status ${line[2]}, which is none`)
  const isModern = line[1] === '1'

  const headers: Header[] = []
  let length: string | undefined
  let isChunked = false
  let keeps = isModern
  for (at += 2; at < text.length;) {
    const end = text.indexOf('\r\n', at)
    const header = parseHeader(text.slice(at, end))
    const [name, value] = header
    if (headers.push(header) > MOST_HEADERS) throw new BadAnswer(`it has more than ${MOST_HEADERS} headers`)
    if (name === 'content-length') {
      if (length !== undefined) throw new BadAnswer('it has more than one length')
      if (!LENGTH.test(value)) throw new BadAnswer('it has a length that is no number')
      length = value
    } else if (name === 'transfer-encoding') {
      if (isChunked || value.toLowerCase() !== 'chunked' || !isModern)
        throw new BadAnswer('it has a transfer coding other than chunked')
      isChunked = true
    } else if (name === 'connection' && /(?:^|[\s,])close(?:$|[\s,])/i.test(value)) keeps = false
    at = end + 2
  }
  if (length !== undefined && isChunked) throw new BadAnswer('it has a length, and chunks')

  let framing: Framing = 'close'
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) {
    framing = 0
    // Some send the body all the same, and the next question would be answered with it.
    if (isChunked || Number(length ?? 0) > 0) keeps = false
  } else if (isChunked) framing = 'chunked'
  else if (length !== undefined) framing = Number(length)
  return { status, statusText: line[3] ?? '', headers, framing, keeps: keeps && framing !== 'close' }
}

// What a service is asked, and by which way: over the Core's own wire where that can be, and else with `fetch`.

import type { Call } from './call.ts'
import type { Line } from './line.ts'
import type { Introduction } from './own-headers.ts'
import type { Limits } from './target.ts'
import type { Header } from './wire/header-line.ts'
import type { Answer } from './wire/wire.ts'

export type Deadlines = Omit<Limits, 'concurrency'>

/** Those of a route, where it has some of its own. */
export function deadlinesOf(
  limits: Limits,
  { connectMs, firstByteMs, silenceMs }: Partial<Deadlines>,
): Deadlines {
  return {
    connectMs: connectMs ?? limits.connectMs,
    firstByteMs: firstByteMs ?? limits.firstByteMs,
    silenceMs: silenceMs ?? limits.silenceMs,
  }
}

export interface Question {
  /** For people. */
  readonly label: string
  /** At the service, with the query. */
  readonly path: string
  readonly method: string
  readonly introduction: Introduction
  readonly headers: readonly Header[]
  readonly body: NonNullable<RequestInit['body']> | null
  /** Whether it takes long to ask. */
  readonly large: boolean
  readonly decompress: boolean
}

/** To ask again does no harm. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Whether it can be asked twice. */
export function isHarmless({ method, body }: Question): boolean {
  return body === null && SAFE.has(method)
}

/**
 * The head of an answer.
 *
 * @throws BadAnswer, ConnectionLost, or what `fetch` throws
 */
export function ask(question: Question, line: Line, call: Call, deadlines: Deadlines): Promise<Answer> {
  const { path, method, introduction, headers, body, decompress } = question
  const { host, wire } = line
  if (wire !== undefined && isHarmless(question) && !decompress)
    return wire.ask({ method, path, host, lines: introduction.lines, headers }, call.onHangUp)
  const init: BunFetchRequestInit = {
    method,
    headers: [['Host', host], ...introduction.headers, ...headers],
    body,
    redirect: 'manual',
    decompress,
    session: line.session,
    signal: call.signal,
    timeout: socketTimeout(question, deadlines),
  }
  return fetch(line.origin + path, init).then(fetched)
}

/**
 * A large body is handed on by Bun, unseen: to watch it would halve its speed. Then it is Bun's timer that looks whether
 * anything moves on the socket, to 4 s or 8; and else it is the Core's alone.
 */
function socketTimeout({ large }: Question, { firstByteMs, silenceMs }: Deadlines): number | false {
  return large && Math.max(firstByteMs, silenceMs)
}

/** What `fetch` gave, in the words of the wire. */
function fetched(response: Response): Answer {
  const { status, statusText, headers } = response
  const length = headers.has('Transfer-Encoding') ? null : headers.get('Content-Length')
  return {
    status,
    statusText,
    headers: [...headers],
    length: length === null ? null : Number(length),
    get body() {
      return response.body
    },
    bytes: () => response.bytes() as Promise<Uint8Array<ArrayBuffer>>,
    // One that is a part of something larger shares its memory with others.
    canFree: ({ byteLength, buffer }) => byteLength === buffer.byteLength,
  }
}

// What the Core itself says in the head of a request that it passes on: who it is, who calls, from where and by which name.

import type { Line } from './line.ts'
import type { Header } from './wire/header-line.ts'
import { headerLines } from './wire/request-head.ts'

/** Bears the caller's token. */
export const CALLER = 'X-Home-Console-Caller'

/** What is known of how a request came. */
export interface Origins {
  /** Where a request came from; null where nobody knows. */
  readonly addressOf: (request: Request) => string | null
  /** `http` or `https`, as its client sees it. */
  readonly schemeOf: (request: Request) => string
  /** The name, and the port, that its client asked for. */
  readonly hostOf: (request: Request) => string
}

/** What is the same for all requests of one caller, and as the lines that it becomes. */
export interface Introduction {
  readonly headers: readonly Header[]
  readonly lines: string
}

const MOST_KEPT = 256

/** Written once for each token: writing them would cost as much as all that is written anew. */
export class Introductions {
  readonly line: Line
  readonly #prefix: string
  readonly #kept = new Map<string, Introduction>()

  /** @param prefix under which the client knows the service */
  constructor(line: Line, prefix: string) {
    this.line = line
    this.#prefix = prefix
  }

  of(token: string): Introduction {
    return this.#kept.get(token) ?? this.#write(token)
  }

  #write(token: string): Introduction {
    const headers: Header[] = [
      ['Authorization', this.line.authorization],
      ['X-Forwarded-Prefix', this.#prefix],
      [CALLER, token],
    ]
    const introduction = { headers, lines: headerLines(headers) }
    if (this.#kept.size >= MOST_KEPT) this.#kept.clear()
    this.#kept.set(token, introduction)
    return introduction
  }
}

/** What is said of one request. */
export function ownHeaders(id: string, request: Request, { addressOf, schemeOf, hostOf }: Origins): Header[] {
  const own: Header[] = [
    ['X-Request-Id', id],
    ['X-Forwarded-Host', hostOf(request)],
    ['X-Forwarded-Proto', schemeOf(request)],
  ]
  const address = addressOf(request)
  if (address !== null) own.push(['X-Forwarded-For', address])
  return own
}

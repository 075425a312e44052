// How asking over the wire fails, each with the code under which `fetch` would say the same.

/** What came breaks HTTP (RFC 9110, RFC 9112), or a bound of ours. */
export class BadAnswer extends Error {
  override readonly name = 'BadAnswer'
  readonly code = 'Malformed_HTTP_Response'
}

/** The connection was never there, or went before the answer was whole. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
  /** As the system calls it: `ECONNREFUSED`. */
  readonly code: string
  /** Whether it had carried questions before this one: then it may only have been too old. */
  readonly wasKept: boolean

  constructor(error: unknown, wasKept: boolean) {
    const code = (error as { code?: unknown } | null | undefined)?.code
    // Who closes in the middle of an answer resets it.
    const name = typeof code === 'string' ? code : 'ECONNRESET'
    super(`the connection was lost (${name})`)
    this.code = name
    this.wasKept = wasKept
  }
}

// What the proxy passes requests on to: an external service, as far as a request is concerned.

/** Where a service is reached now. Another object after each change: a call under way keeps the one that it began with. */
export interface Reach {
  /** `http://127.0.0.1:41234`, without a slash at the end. */
  readonly origin: string
  /** The address that the name of the origin was pinned to when it was last looked up; null where it is an address. */
  readonly address: string | null
  /** Proves to the service that it is the Core who calls, and to the Core that it is the service. */
  readonly credential: string
  /** Aborts when another one takes its place: what is open for good, such as a WebSocket, must begin anew there. */
  readonly leaving: AbortSignal
  /** A call is under way: whoever takes this reach away waits for its end. */
  begin(): void
  end(): void
}

export interface Limits {
  readonly concurrency: number
  readonly connectMs: number
  readonly firstByteMs: number
  readonly silenceMs: number
}

export interface Target {
  readonly name: string
  /** Null while there is nowhere to call: it is stopped, starting or given up. */
  readonly reach: Reach | null
  readonly limits: Limits
  /** Why there is nowhere to call, for the answer. */
  readonly trouble: string | null
}

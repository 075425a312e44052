// Tells a finished answer from one that still has to be read, without touching it: reading `body` of every answer would
// cost more than all else that the Core does for a request.

const PlatformResponse = globalThis.Response

/**
 * The `Response` of the process. It remembers what kind of body it was made from, which the platform's own does not
 * tell. What `fetch` gives is none of it, and counts as a stream.
 */
class MarkedResponse extends PlatformResponse {
  readonly #finished: boolean

  constructor(...[body, init]: ConstructorParameters<typeof Response>) {
    super(body, init)
    this.#finished = typeof body !== 'object' || body === null ? typeof body !== 'function' : isWhole(body)
  }

  /** The platform's own gives a Response that is not marked, and would count as a stream. */
  static override json(data: unknown, init?: ResponseInit): Response {
    const headers = new Headers(init?.headers as Bun.HeadersInit | undefined)
    if (!headers.has('Content-Type')) headers.set('Content-Type', 'application/json')
    return new MarkedResponse(JSON.stringify(data), { ...init, headers })
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof PlatformResponse
  }

  static isFinished(response: Response): boolean {
    return #finished in response && response.#finished
  }
}

/** Must run before anything makes a `Response`. */
export function installMarkedResponse(): void {
  globalThis.Response = MarkedResponse
}

/** Whether the body is all there: no code of whoever made it runs while it is sent. */
export function isFinished(response: Response): boolean {
  return MarkedResponse.isFinished(response)
}

/** Whether the answer is meant to stay open, however little it says. */
export function isEventStream(response: Response): boolean {
  return (
    !isFinished(response) && (response.headers.get('Content-Type')?.startsWith('text/event-stream') ?? false)
  )
}

function isWhole(body: object): boolean {
  return (
    body instanceof Blob ||
    body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body) ||
    body instanceof URLSearchParams ||
    body instanceof FormData
  )
}

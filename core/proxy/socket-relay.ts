// Carries a WebSocket between a client and the service: messages, back pressure, and how either side says goodbye.

import type { Call } from './call.ts'

/** The client's side, as far as it is needed. */
export interface ClientSocket {
  /** -1 where it is queued, 0 where it was dropped. */
  send(message: string | Uint8Array<ArrayBuffer>): number
  close(code?: number, reason?: string): void
  terminate(): void
  pause(): void
  resume(): void
}

/** So many bytes may wait for a side that reads slowly, before the other is told to. */
const MOST_WAITING_BYTES = 512 * 1024
/** How often it is looked whether the service has taken what waits: its side does not tell. */
const LOOK_AGAIN_MS = 20

/** The IANA registry's "Service Restart": the client is expected to come back. */
const SERVICE_RESTART = 1012
/** No close frame may carry these (RFC 6455, section 7.4.1). */
const NO_STATUS = 1005
const ABNORMAL = 1006

export class SocketRelay {
  readonly #upstream: WebSocket
  readonly #call: Call
  readonly #leaving: AbortSignal
  readonly #leave = () => this.#client?.close(SERVICE_RESTART, 'The service is another one now; come back.')
  #client: ClientSocket | undefined
  #looking: Timer | undefined

  /** @param leaving aborts when the service is about to go */
  constructor(upstream: WebSocket, call: Call, leaving: AbortSignal) {
    this.#upstream = upstream
    this.#call = call
    this.#leaving = leaving
    upstream.addEventListener('message', ({ data }) => this.#toClient(data as string | ArrayBuffer))
    upstream.addEventListener('close', ({ code, reason }) => this.#upstreamClosed(code, reason))
  }

  /** The subprotocol that the service chose, or ''. */
  get protocol(): string {
    return this.#upstream.protocol
  }

  /** The client's side is open. */
  opened(client: ClientSocket): void {
    this.#client = client
    this.#upstream.resume()
    if (this.#upstream.readyState !== WebSocket.OPEN) return this.#upstreamClosed(ABNORMAL, '')
    if (this.#leaving.aborted) this.#leave()
    else this.#leaving.addEventListener('abort', this.#leave, { once: true })
  }

  received(message: string | Uint8Array<ArrayBuffer>): void {
    const upstream = this.#upstream
    if (upstream.readyState !== WebSocket.OPEN) return
    upstream.send(message)
    if (upstream.bufferedAmount <= MOST_WAITING_BYTES || this.#looking !== undefined) return
    this.#client?.pause()
    this.#looking = setInterval(() => {
      if (upstream.bufferedAmount > MOST_WAITING_BYTES / 2) return
      this.#stopLooking()
      this.#client?.resume()
    }, LOOK_AGAIN_MS)
  }

  /** The client has taken what waited for it. */
  drained(): void {
    this.#upstream.resume()
  }

  /** The client's side is closed. */
  closed(code: number, reason: string): void {
    this.#client = undefined
    this.#leaving.removeEventListener('abort', this.#leave)
    this.#stopLooking()
    const upstream = this.#upstream
    if (upstream.isPaused) upstream.resume()
    if (code === ABNORMAL) upstream.terminate()
    else sayGoodbye(upstream, code, reason)
    this.#call.end()
  }

  /** The client's side was never opened. */
  abandoned(): void {
    this.#upstream.terminate()
    this.#call.end()
  }

  #toClient(message: string | ArrayBuffer): void {
    const sent = this.#client?.send(typeof message === 'string' ? message : new Uint8Array(message))
    // Bun says 0 of an empty one too, which never waits, and of one that is dropped with its connection.
    if (sent === -1) this.#upstream.pause()
  }

  #upstreamClosed(code: number, reason: string): void {
    const client = this.#client
    this.#client = undefined
    this.#leaving.removeEventListener('abort', this.#leave)
    this.#stopLooking()
    this.#call.end()
    if (client === undefined) return
    // Who is gone without a word leaves without a word here too.
    if (code === ABNORMAL) client.terminate()
    else if (code === NO_STATUS) client.close()
    else client.close(code, reason)
  }

  #stopLooking(): void {
    clearInterval(this.#looking)
    this.#looking = undefined
  }
}

function sayGoodbye(upstream: WebSocket, code: number, reason: string): void {
  if (code === NO_STATUS) upstream.close()
  else if (maySay(code)) upstream.close(code, reason)
  else upstream.close(1000, reason)
}

/** Those of the registry, and an application's own (RFC 6455, section 7.4.2). */
function maySay(code: number): boolean {
  return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999)
}

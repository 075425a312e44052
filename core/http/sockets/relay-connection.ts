// A WebSocket that the Core carries for somebody else: no plugin's code runs on it, and back pressure is minded.

import type { ServerWebSocket } from 'bun'
import type { MountOwner, OpenStream } from '../request-info.ts'
import { SERVICE_RESTART, type SocketData } from './socket-data.ts'

/** Whoever is on the other side. */
export interface SocketRelay {
  /** The subprotocol that was agreed on, or ''. */
  readonly protocol: string
  opened(client: ServerWebSocket<SocketData>): void
  received(message: string | Uint8Array<ArrayBuffer>): void
  /** What waited for the client is sent. */
  drained(): void
  closed(code: number, reason: string): void
  /** The request did not become a WebSocket. */
  abandoned(): void
}

export class RelayConnection implements SocketData, OpenStream {
  readonly kind = 'websocket'
  readonly lasting = true
  readonly label: string
  readonly #owner: MountOwner
  readonly #relay: SocketRelay
  #socket: ServerWebSocket<SocketData> | undefined

  constructor(owner: MountOwner, relay: SocketRelay, label: string) {
    this.label = label
    this.#owner = owner
    this.#relay = relay
  }

  opened(socket: ServerWebSocket<SocketData>): void {
    this.#socket = socket
    this.#owner.open(this)
    this.#relay.opened(socket)
  }

  received(message: string | Buffer<ArrayBuffer>): void {
    this.#relay.received(message)
  }

  drained(): void {
    this.#relay.drained()
  }

  closed(code: number, reason: string): void {
    this.#owner.closeStream(this)
    this.#relay.closed(code, reason)
  }

  finish(): void {
    this.#socket?.close(SERVICE_RESTART, 'The plugin was swapped; come back.')
  }

  cut(): void {
    this.#socket?.terminate()
  }
}

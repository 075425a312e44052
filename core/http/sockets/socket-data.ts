// What Bun keeps with each WebSocket, whoever it belongs to.

import type { ServerWebSocket } from 'bun'

/** RFC 6455, and 1012 "Service Restart" of the IANA registry: the client is expected to come back. */
export const SERVICE_RESTART = 1012

export interface SocketData {
  opened(socket: ServerWebSocket<SocketData>): void
  received(message: string | Buffer<ArrayBuffer>): void
  /** What waited for the client is sent. */
  drained(): void
  closed(code: number, reason: string): void
}

// WebSockets: Bun's handlers run in the Core, and call into whoever the socket belongs to.

import type { PluginSocket, SocketHandlers } from '@home-console/sdk'
import type { Server, ServerWebSocket, WebSocketHandler } from 'bun'
import type { MountOwner, OpenStream, RequestInfo } from '../request-info.ts'
import { RelayConnection } from './relay-connection.ts'
import { SERVICE_RESTART, type SocketData } from './socket-data.ts'

/** RFC 6455. */
const INTERNAL_ERROR = 1011

const MAX_MESSAGE_BYTES = 1024 * 1024
const MAX_BACKLOG_BYTES = 1024 * 1024
const IDLE_SECONDS = 120

/** A plugin's own. */
class Connection implements SocketData, OpenStream {
  readonly kind = 'websocket'
  readonly lasting = true
  readonly label: string
  readonly #owner: MountOwner
  readonly #handlers: SocketHandlers
  readonly #info: RequestInfo
  readonly #url: string
  #socket: ServerWebSocket<SocketData> | undefined
  #facade: PluginSocket | undefined
  #ended = false

  constructor(owner: MountOwner, handlers: SocketHandlers, info: RequestInfo, url: string) {
    this.label = info.label
    this.#owner = owner
    this.#handlers = handlers
    this.#info = info
    this.#url = url
  }

  opened(socket: ServerWebSocket<SocketData>): void {
    this.#socket = socket
    const { caller, id: requestId, params } = this.#info
    this.#facade = {
      caller,
      requestId,
      params,
      url: this.#url,
      protocol: '',
      data: undefined,
      send: (message) => (this.#ended ? 0 : socket.send(message)),
      close: (code, reason) => socket.close(code, reason),
    }
    this.#owner.open(this)
    this.#call('open', (handlers, facade) => handlers.open?.(facade))
  }

  received(message: string | Buffer<ArrayBuffer>): void {
    const data = typeof message === 'string' ? message : new Uint8Array(message)
    this.#call('message', (handlers, facade) => handlers.message?.(facade, data))
  }

  /** A plugin that sends faster than its client reads is told by `send`. */
  drained(): void {}

  closed(code: number, reason: string): void {
    this.#call('close', (handlers, facade) => handlers.close?.(facade, code, reason))
    this.#end()
  }

  finish(): void {
    this.#socket?.close(SERVICE_RESTART, 'The plugin was swapped; come back.')
  }

  cut(): void {
    this.#end()
    this.#socket?.terminate()
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#owner.closeStream(this)
  }

  #call(what: string, call: (handlers: SocketHandlers, facade: PluginSocket) => unknown): void {
    if (this.#ended) return
    const work = { kind: 'websocket', label: `${what} of ${this.label}` }
    this.#owner.begin(work)
    const failed = (error: unknown) => {
      this.#owner.charge(error, work.label)
      this.#socket?.close(INTERNAL_ERROR, 'The plugin made a mistake.')
    }
    try {
      const result = this.#owner.enter(() => call(this.#handlers, this.#facade!))
      if (result instanceof Promise) {
        void result.catch(failed).finally(() => this.#owner.end(work))
        return
      }
    } catch (error) {
      failed(error)
    }
    this.#owner.end(work)
  }
}

export const websocketHandler: WebSocketHandler<SocketData> = {
  open: (socket) => socket.data.opened(socket),
  message: (socket, message) => socket.data.received(message),
  drain: (socket) => socket.data.drained(),
  close: (socket, code, reason) => socket.data.closed(code, reason),
  maxPayloadLength: MAX_MESSAGE_BYTES,
  backpressureLimit: MAX_BACKLOG_BYTES,
  closeOnBackpressureLimit: true,
  idleTimeout: IDLE_SECONDS,
}

/** Whether an answer is to become a WebSocket. */
export function wantsSocket({ socket, relay }: RequestInfo): boolean {
  return socket !== undefined || relay !== undefined
}

/** @returns whether the request has become a WebSocket */
export function becomeSocket(
  server: Server<SocketData>,
  request: Request,
  owner: MountOwner,
  info: RequestInfo,
): boolean {
  const { socket, relay } = info
  if (relay === undefined) {
    return server.upgrade(request, { data: new Connection(owner, socket!, info, request.url) })
  }
  const { protocol } = relay
  const became = server.upgrade(request, {
    data: new RelayConnection(owner, relay, info.label),
    ...(protocol !== '' && { headers: { 'Sec-WebSocket-Protocol': protocol } }),
  })
  if (!became) relay.abandoned()
  return became
}

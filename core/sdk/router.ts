// A plugin's router: an OpenAPIHono that also knows the caller and WebSockets.

import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Logger } from './logger.ts'

/** OpenAPI's own words for who may call: `[]` is everyone, `[{ bearer: ['lights.write'] }]` asks for that scope. */
export type Security = ReadonlyArray<Readonly<Record<string, readonly string[]>>>

/** Who sent the request, as the door made them out. */
export interface Caller {
  /** `anonymous` came without a token, through an open route; `service` is an external service of the house. */
  readonly kind: 'anonymous' | 'owner' | 'token' | 'service'
  /** For people and logs: `admin`, a token's or a service's name, `anonymous`. */
  readonly name: string
  /** `*` stands for all. */
  readonly scopes: readonly string[]
}

/** What every handler finds in `c.var`. */
export interface RouterVariables {
  caller: Caller
  requestId: string
  /** The plugin's log, with the request's id on every line. */
  log: Logger
}

export type RouterEnv = { Variables: RouterVariables }

export interface RouterOptions {
  /** Who may call the routes that say nothing themselves. Unless given: an owner. */
  readonly security?: Security
}

/** One open WebSocket. When the plugin is swapped, it is closed with 1012 and its client is expected to come back. */
export interface PluginSocket {
  readonly caller: Caller
  readonly requestId: string
  /** Path parameters of the request. */
  readonly params: Readonly<Record<string, string>>
  readonly url: string
  /** The subprotocol that was agreed on, or ''. */
  readonly protocol: string
  /** Anything the plugin wants to remember about this socket. */
  data: unknown
  /** Bytes sent; 0 when dropped, -1 when queued under backpressure. */
  send(message: string | ArrayBuffer | Uint8Array<ArrayBuffer>): number
  close(code?: number, reason?: string): void
}

/** What happens on a WebSocket. A throw in any of them is charged to the plugin and closes the socket with 1011. */
export interface SocketHandlers {
  open?(socket: PluginSocket): void | Promise<void>
  message?(socket: PluginSocket, message: string | Uint8Array): void | Promise<void>
  close?(socket: PluginSocket, code: number, reason: string): void | Promise<void>
}

/** What `ctx.router()` gives. Mounted under `/api/plugins/<id>` when `onLoad` returns it. */
export type PluginRouter = OpenAPIHono<RouterEnv> & {
  /** A WebSocket at `path`, `/live/:room` or `/live/{room}`, for whom the router's own `security` lets in. */
  ws(path: string, handlers: SocketHandlers): PluginRouter
}

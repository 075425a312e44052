// What the Core knows of one request: it stands in `c.env`, holds nothing with which a plugin could stop the server, and
// is the token of the work that is under way.

import type { Caller, Hold, Problem, SocketHandlers } from '@home-console/sdk'
import type { OwnedLog } from '../log/log.ts'
import type { Access } from './door/access.ts'
import type { SocketRelay } from './sockets/relay-connection.ts'

const prefix = `${Date.now().toString(36)}-`
let count = 0

export class RequestInfo implements Waiter {
  readonly kind = 'request'
  readonly id = prefix + (count++).toString(36)
  readonly method: string
  readonly path: string
  caller: Caller
  /** The declaration under which the guard let the request in. */
  admitted: Access | undefined = undefined
  /** Who answers it; set once the guard has let it in. */
  owner: MountOwner | undefined = undefined
  /** What the last handler that could not leave the answer to others promised. */
  lastAnswer: Promise<unknown> | undefined = undefined
  /** Gives up waiting for the answer; set while somebody waits. */
  abandon: ((reason: unknown) => void) | undefined = undefined
  /** Whether `c.var` tells of it already. */
  introduced = false
  /** Why its body was read no further. */
  tooLarge: Problem | undefined = undefined
  /** Set where the body of the answer is not the owner's, but carried by the Core from somebody else. */
  carry: CarryBody | undefined = undefined
  /** As it came. */
  request: Request | undefined = undefined
  /** Set by a route that answers with a WebSocket; whoever holds the server makes it one. */
  socket: SocketHandlers | undefined = undefined
  /** The same, for one that the Core carries between the client and somebody else. */
  relay: SocketRelay | undefined = undefined
  params: Readonly<Record<string, string>> = {}

  constructor(method: string, path: string, caller: Caller) {
    this.method = method
    this.path = path
    this.caller = caller
  }

  get label(): string {
    return `${this.method} ${this.path}`
  }
}

/** Where a body comes from, piece by piece. */
export interface BodySource {
  /** Rejects with what its reader is to be told. */
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>
  /** Nobody wants the rest. */
  cancel(reason: unknown): Promise<void>
}

/** @param onBroken told when nothing more will come, be it that nobody reads */
export type CarryBody = (
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  onBroken: (reason: unknown) => void,
) => BodySource

/** Somebody who waits for a plugin, and can be told that it is of no more use. */
export interface Waiter extends Hold {
  /** Of a request. */
  readonly path?: string
  abandon: ((reason: unknown) => void) | undefined
}

/** Who stands behind a mount: the Core, or one generation of a plugin. The border implements it for the latter. */
export interface MountOwner {
  /** The plugin's id; null is the Core. */
  readonly plugin: string | null
  readonly log: OwnedLog
  /** Calls into the owner's context. A promise settles even when the owner is ended by force. */
  enter<T>(run: () => T): T
  /** The same for an answer, which is handed on in the turn in which it comes: a request costs one promise, not four. */
  ask<Result>(
    waiter: Waiter,
    run: () => unknown,
    onAnswer: (answer: unknown) => Result,
    onError: (error: unknown) => Result,
  ): Result | Promise<Result>
  /** Something is under way, and the owner's drain waits for it; who waits for it is told if it ends by force. */
  begin(work: Hold | Waiter): void
  end(work: Hold): void
  /** Takes what can be told to end: by itself (`finish`), or by force (`cut`). */
  open(stream: OpenStream): void
  closeStream(stream: OpenStream): void
  /** A mistake in the owner's code. */
  charge(error: unknown, where: string): void
}

/** An answer or a WebSocket that is still open. */
export interface OpenStream extends Hold {
  /** Meant to stay open, so that a drain does not wait for its end but brings it about. */
  readonly lasting: boolean
  /** Ends it in a way that its client knows to come back from. */
  finish(): void
  /** Ends it as broken. */
  cut(): void
}

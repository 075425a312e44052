// The one app: a table of mounts behind one door, and nothing else that answers.

import type { Caller, Problem } from '@home-console/sdk'
import type { Server } from 'bun'
import { getPath } from 'hono/utils/url'
import { coreProblem, problemResponse } from './answers/problems.ts'
import { isEventStream } from './answers/response-body.ts'
import { joinParts, type DocumentPart } from './document/openapi.ts'
import { ANONYMOUS } from './door/access.ts'
import { canonicalPath } from './door/canonical.ts'
import type { Hosts } from './door/hosts.ts'
import type { Mount, Mounting } from './mount.ts'
import { RequestInfo, type MountOwner } from './request-info.ts'
import { RequestStats } from './request-stats.ts'
import type { SocketData } from './sockets/socket-data.ts'
import { becomeSocket, wantsSocket } from './sockets/sockets.ts'
import { WaitingRoom } from './waiting-room.ts'

export interface AppOptions {
  readonly hosts: Hosts
  /** Who an `Authorization` header stands for, or null. */
  readonly authenticate: (authorization: string) => Caller | null
  readonly info: { title: string; version: string; description: string }
}

export interface Mounted {
  readonly mount: Mounting
  readonly document: DocumentPart
}

const PLUGINS = '/api/plugins/'

export class App {
  readonly #options: AppOptions
  readonly #mounts = new Map<string, Mounted>()
  readonly #stats = new Map<string, RequestStats>()
  #core: { readonly mount: Mounting; readonly document?: DocumentPart } | undefined
  #document: string | undefined
  /** Answers with `Connection: close`, so that clients on kept connections leave before the stop. */
  #leaving = false
  /** Settles when answers may go out again. */
  #held: Promise<void> | undefined

  constructor(options: AppOptions) {
    this.#options = options
  }

  /** Everything outside the plugins' prefixes; until it has a document, that is the plugins' alone. */
  setCore(core: { readonly mount: Mounting; readonly document?: DocumentPart }): void {
    this.#core = core
    this.#document = undefined
  }

  /** From this tick on, requests under the mount's prefix go to it; a mount that was there before gets no new ones. */
  mount(mounted: Mounted): void {
    this.#mounts.set(mounted.mount.prefix, mounted)
    this.#document = undefined
  }

  unmount(prefix: string): void {
    this.#mounts.delete(prefix)
    this.#document = undefined
  }

  /**
   * Requests under a mount's prefix wait from now on, so many at most; what is under way goes on.
   *
   * @returns lets them go on, to what is mounted there by then
   */
  hold(mount: Mount): () => void {
    const before = this.#mounts.get(mount.prefix)
    if (before?.mount !== mount) return () => {}
    const room = new WaitingRoom(mount)
    this.#mounts.set(mount.prefix, { ...before, mount: room })
    return () => {
      const next = this.#mounts.get(mount.prefix)?.mount
      if (next === room) this.unmount(mount.prefix)
      room.open(next === room ? undefined : next)
    }
  }

  /** A part of the document is another one. */
  describeAnew(): void {
    this.#document = undefined
  }

  /** The OpenAPI document of all that is mounted now, as JSON. */
  get document(): string {
    this.#document ??= joinParts(
      [
        ...(this.#core?.document === undefined ? [] : [this.#core.document]),
        ...Array.from(this.#mounts.values(), ({ document }) => document),
      ],
      this.#options.info,
    )
    return this.#document
  }

  /** Requests by the owner of the route: a plugin's id, or `core`. */
  get stats(): ReadonlyMap<string, RequestStats> {
    return this.#stats
  }

  /** Whether clients are told to leave: what stays open would hold up the stop. */
  get isLeaving(): boolean {
    return this.#leaving
  }

  beginLeaving(): void {
    this.#leaving = true
  }

  /** Keeps back the answers to whoever comes from now on, until the function that it gives is called. */
  holdAnswers(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#held = promise
    return () => {
      this.#held = undefined
      resolve()
    }
  }

  /** The one entry. What every request needs is done here and not in middleware, which would cost a third of the speed. */
  readonly fetch = (
    request: Request,
    server: Server<SocketData>,
  ): Response | undefined | Promise<Response | undefined> => {
    const started = performance.now()
    const plain = canonicalPath(request.url)
    if (plain === null) return turnedAway(request, coreProblem('not_canonical'))
    const { method } = request
    const refused = this.#refusal(request, method)
    if (refused !== null) return turnedAway(request, refused)
    // A percent sign is decoded just as Hono does it, so that guard and router read the same path.
    const path = plain.includes('%') ? getPath(request) : plain
    const authorization = request.headers.get('Authorization')
    const caller = (authorization !== null && this.#options.authenticate(authorization)) || ANONYMOUS
    const info = new RequestInfo(method, path, caller)
    const mount = this.mountFor(path)
    const answer = mount.handle(request, info, (response) =>
      this.#finish(response, request, server, info, info.owner ?? mount.owner, started),
    )
    return this.#held === undefined ? answer : this.#held.then(() => answer)
  }

  /** Who answers what is asked for there. */
  mountFor(path: string): Mounting {
    if (path.startsWith('/api/')) {
      const start = path.startsWith(PLUGINS) ? PLUGINS.length : '/api/'.length
      const end = path.indexOf('/', start)
      const mounted = this.#mounts.get(end === -1 ? path : path.slice(0, end))
      if (mounted !== undefined) return mounted.mount
    }
    return this.#core!.mount
  }

  /** Host, and Origin of what may change something, before anything else looks at the request. */
  #refusal(request: Request, method: string): Problem | null {
    const host = request.headers.get('Host')
    if (host === null || !this.#options.hosts.isOurs(host)) {
      return coreProblem(
        'misdirected',
        `This house is not known as "${host ?? ''}". Add the name to ALLOWED_HOSTS, or set PUBLIC_URL.`,
      )
    }
    // A WebSocket, which begins as a GET, is asked where it is made: no other GET has to pay for it.
    if (method === 'GET' || method === 'HEAD') return null
    return this.isForeign(request) ? coreProblem('cross_origin') : null
  }

  /** Whether a page of another site sent it. */
  isForeign({ headers }: Request): boolean {
    const origin = headers.get('Origin')
    return origin !== null && !this.#options.hosts.isOurPage(origin, headers.get('Host')!)
  }

  #finish(
    response: Response,
    request: Request,
    server: Server<SocketData>,
    info: RequestInfo,
    owner: MountOwner,
    started: number,
  ): Response | undefined {
    const name = owner.plugin ?? 'core'
    let stats = this.#stats.get(name)
    if (stats === undefined) this.#stats.set(name, (stats = new RequestStats()))
    if (wantsSocket(info)) {
      // Whoever stands before it in the plugin answered otherwise in the end.
      if (response.status !== 426) info.relay?.abandoned()
      else if (this.isForeign(request)) {
        info.relay?.abandoned()
        response = problemResponse(coreProblem('cross_origin'), { requestId: info.id })
      } else if (becomeSocket(server, request, owner, info)) {
        stats.add(101, performance.now() - started)
        return undefined
      }
    }
    stats.add(response.status, performance.now() - started)
    // A quiet stream of events is not an idle connection: its heartbeat is its owner's affair. Whoever stops to read
    // any other answer is let go of.
    if (isEventStream(response)) server.timeout(request, 0)
    if (this.#leaving) response.headers.set('Connection', 'close')
    return response
  }
}

/** What came to the wrong door is told so, and its connection ends. */
function turnedAway(request: Request, problem: Problem): Response {
  const { id } = new RequestInfo(request.method, '', ANONYMOUS)
  return problemResponse(problem, { requestId: id, headers: { Connection: 'close' } })
}

// What one generation of an adapter calls its service with: passes requests on, carries the answers back, and calls all of
// it off when the generation ends.

import type { Caller, ProxyOptions } from '@home-console/sdk'
import { Call } from './call.ts'
import { CircuitOpen } from './circuit.ts'
import { Exchange, type Carry, type Judge } from './exchange.ts'
import { Faults, nobodyWaits, type FaultLog } from './faults.ts'
import type { Line } from './line.ts'
import { locationFor } from './location.ts'
import { CALLER, Introductions, ownHeaders } from './own-headers.ts'
import type { Proxy } from './proxy.ts'
import type { Deadlines } from './question.ts'
import { requestHeaders } from './request-headers.ts'
import { cleanResponseHeaders } from './response-headers.ts'
import { SocketRelay } from './socket-relay.ts'
import type { Target } from './target.ts'
import { openUpstream, protocolsIn, UpgradeRefused } from './upstream.ts'
import type { Header } from './wire/header-line.ts'
import type { Answer } from './wire/wire.ts'

/** Who stands for the service. */
export interface Adapter {
  readonly plugin: string
  /** Under which its routes are. */
  readonly prefix: string
  readonly log: FaultLog
  readonly target: Target
}

/** A request as the door let it in. */
export interface Asked {
  readonly id: string
  readonly method: string
  /** For people. */
  readonly label: string
  readonly caller: Caller
  /** As it came. */
  readonly request: Request
  /** Set where the answer streams: reads its body. */
  carry: Carry | undefined
}

/**
 * A body of so many bytes is all here before the service hears of it: a client that takes its time over it takes up none of
 * the service's. What is larger, or of a size that nobody knows, streams.
 */
const SHORT_BYTES = 64 * 1024
const MOST_HEADER_BYTES = 64 * 1024

/** They ask for what was sent, credentials included, or for the connection itself. */
const NOT_PASSED_ON = new Set(['TRACE', 'TRACK', 'CONNECT'])

export class Passage {
  readonly #proxy: Proxy
  readonly #adapter: Adapter
  readonly #faults: Faults
  #introductions: Introductions | undefined
  #closed: Error | undefined

  constructor(proxy: Proxy, adapter: Adapter) {
    this.#proxy = proxy
    this.#adapter = adapter
    this.#faults = new Faults(adapter.target.name, proxy.parts.problem, adapter.log)
  }

  /** What is under way is called off, and nothing begins any more. */
  close(reason: Error): void {
    this.#closed = reason
    for (const call of this.#proxy.calls.of(this)) call.callOff(reason)
  }

  /**
   * Passes a request on and its answer back.
   *
   * @param path at the service, with the query
   * @throws Problem `external_unreachable`, `external_bad_answer`, `external_unavailable`, `external_timeout`
   */
  pass(asked: Asked, path: string, options: ProxyOptions): Promise<Response> {
    const { method, request } = asked
    if (NOT_PASSED_ON.has(method)) {
      throw this.#proxy.parts.problem('method_not_allowed', `${method} is not passed on.`)
    }
    const length = method === 'GET' || method === 'HEAD' ? 0 : lengthIn(request.headers)
    if (length === 0) return this.#pass(asked, null, path, options)
    return length <= SHORT_BYTES
      ? request.arrayBuffer().then((body) => this.#pass(asked, body, path, options))
      : this.#pass(asked, request.body, path, options)
  }

  #pass(
    asked: Asked,
    body: ArrayBuffer | ReadableStream | null,
    path: string,
    options: ProxyOptions,
  ): Promise<Response> {
    const large = body instanceof ReadableStream
    const { line, call } = this.#begin(large)
    const token = line.tokens.of(asked.caller)
    const ask = (token: string): Promise<Response> => {
      const { id, request, label, method } = asked
      const exchange = new Exchange(
        {
          label,
          path,
          method,
          introduction: this.#introductionsOn(line).of(token),
          headers: requestHeaders(request.headers, body !== null).concat(
            ownHeaders(id, request, this.#proxy.parts),
          ),
          body,
          large,
          decompress: false,
        },
        {
          line,
          call,
          deadlines: this.#deadlines(options),
          faults: this.#faults,
          asCore: this.#proxy.parts.asCore,
          // Before a client's patience can be at its end, its signal need not be made.
          whenSlow: () => void abortWith(request.signal, call),
          onStream: (carry) => (asked.carry = carry),
        },
      )
      const judge = (response: Answer) => this.#judge(response, asked, path, line, options)
      return this.#through(line, call, exchange, judge)
    }
    return typeof token === 'string' ? ask(token) : token.then(ask)
  }

  /**
   * Opens a WebSocket to the service, for a client whose own is not answered yet: what the service refuses is refused, and
   * the subprotocol is the service's.
   *
   * @throws Problem as `pass` does
   */
  async passSocket(asked: Asked, path: string, options: ProxyOptions): Promise<SocketRelay> {
    const { request, label } = asked
    const protocols = protocolsIn(request.headers.get('Sec-WebSocket-Protocol'))
    if (protocols === null) {
      const detail = 'Sec-WebSocket-Protocol offers no list of names.'
      throw this.#proxy.parts.problem('invalid_argument', detail)
    }
    const { line, call } = this.#begin()
    try {
      if (request.signal.aborted) throw nobodyWaits()
      const unheard = abortWith(request.signal, call)
      const { firstByteMs } = this.#deadlines(options)
      call.expect(firstByteMs, () => {
        const late = this.#faults.fault('external_timeout', `opened no WebSocket within ${firstByteMs} ms`)
        call.callOff(this.#faults.told(late, label))
      })
      const token = await line.tokens.of(asked.caller)
      const headers = Object.fromEntries<string>([
        ...requestHeaders(request.headers, false),
        ...this.#introductionsOn(line).of(token).headers,
        ...ownHeaders(asked.id, request, this.#proxy.parts),
        ['Host', line.host],
      ])
      const upstream = await this.#guarded(line, call, () =>
        openUpstream({
          url: line.origin.replace('http', 'ws') + path,
          headers,
          protocols,
          tls: line.tls,
          signal: call.signal,
        }).catch((error: Error) => {
          if (call.reason !== undefined) throw call.reason
          const what = `opened no WebSocket: ${error.message}`
          const refused =
            error instanceof UpgradeRefused
              ? this.#faults.refused(what)
              : this.#faults.fault('external_unreachable', what)
          throw this.#faults.told(refused, label)
        }),
      )
      call.expectNothing()
      // From now on the socket itself says when its client leaves, and how.
      unheard()
      return new SocketRelay(upstream, call, line.reach.leaving)
    } catch (error) {
      call.end()
      throw error
    }
  }

  /** Calls the service for the adapter itself. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const { problem, asCore } = this.#proxy.parts
    if (!path.startsWith('/')) {
      throw problem(
        'invalid_argument',
        `ctx.external.fetch takes a path that begins with a slash, not "${path}".`,
      )
    }
    const { line, call } = this.#begin()
    try {
      init.signal?.throwIfAborted()
      // It may be the adapter's own, which outlives every call.
      if (init.signal) call.atEnd(abortWith(init.signal, call))
      const method = (init.method ?? 'GET').toUpperCase()
      const { plugin, target } = this.#adapter
      const headers = new Headers(init.headers)
      for (const name of ['Authorization', CALLER, 'Host']) headers.delete(name)
      const token = await line.tokens.of({ kind: 'plugin', name: plugin, scopes: [] })
      const exchange = new Exchange(
        {
          label: `${method} ${path}`,
          path,
          method,
          introduction: {
            headers: [
              ['Authorization', line.authorization],
              [CALLER, token],
            ],
            lines: '',
          },
          headers: [...headers],
          body: init.body ?? null,
          large: false,
          decompress: true,
        },
        { line, call, deadlines: target.limits, faults: this.#faults, asCore, whenSlow: () => {} },
      )
      return await this.#through(line, call, exchange, ({ headers }) => headers)
    } catch (error) {
      call.end()
      throw error
    }
  }

  /** @throws Problem `external_unavailable` where nothing may be called now */
  #begin(isUpload = false): { line: Line; call: Call } {
    // A body may have come only now.
    if (this.#closed !== undefined) throw this.#closed
    const { target, log } = this.#adapter
    const { reach } = target
    if (reach === null) throw this.#faults.unavailable(target.trouble)
    const { traffic, calls } = this.#proxy
    const tooMany = traffic.enter(target, isUpload, (count, of) =>
      log.warn(`The external service "${target.name}" has ${count} ${of} under way and gets no more.`),
    )
    if (tooMany !== null)
      throw this.#faults.make('external_unavailable', `has as many ${tooMany} under way as it may have`)
    const onEnd = () => {
      traffic.leave(target, isUpload)
      reach.end()
    }
    reach.begin()
    const call = new Call({ calls, owner: this, onEnd })
    return { line: this.#proxy.lineTo(target.name, reach, log), call }
  }

  /** An exchange tells a clean circuit itself: the usual way is the short one. */
  #through(line: Line, call: Call, exchange: Exchange, judge: Judge): Promise<Response> {
    if (line.circuit.isClean) return exchange.run(judge)
    return this.#guarded(line, call, () => exchange.run(judge))
  }

  /** Behind the circuit. Whatever comes of it but an answer, the call has come to its end. */
  async #guarded<T>(line: Line, call: Call, ask: () => Promise<T>): Promise<T> {
    try {
      return await line.circuit.run(ask)
    } catch (error) {
      call.end()
      if (!(error instanceof CircuitOpen)) throw error
      throw this.#faults.make('external_unavailable', 'failed again and again, and is left alone for a while')
    }
  }

  /** The headers of the service's answer, for the client. @throws what is the matter with the head */
  #judge(
    { status, headers }: Answer,
    asked: Asked,
    path: string,
    line: Line,
    { base = '' }: ProxyOptions,
  ): Header[] {
    const refuse = (what: string) => this.#faults.refused(what)
    if (status < 200 || status > 599) throw refuse(`answered with the status ${status}, which is none`)
    let bytes = 0
    for (const [name, value] of headers) bytes += name.length + value.length
    if (bytes > MOST_HEADER_BYTES)
      throw refuse(`answered with headers of more than ${MOST_HEADER_BYTES} bytes`)
    const kept = cleanResponseHeaders(headers)
    kept.push(['X-Request-Id', asked.id])
    if (status !== 201 && (status < 300 || status > 399)) return kept
    return kept.flatMap(([name, value]): Header[] => {
      if (name !== 'location') return [[name, value]]
      const led = locationFor(value, {
        origins: [line.reach.origin, line.origin],
        asked: line.reach.origin + path,
        prefix: this.#adapter.prefix,
        base,
      })
      if (led !== null) return [[name, led]]
      if (status !== 201) throw refuse('redirects to where no client should go')
      return []
    })
  }

  /** Another line is another service, as far as anybody introduces himself. */
  #introductionsOn(line: Line): Introductions {
    if (this.#introductions?.line !== line)
      this.#introductions = new Introductions(line, this.#adapter.prefix)
    return this.#introductions
  }

  #deadlines({ connectMs, firstByteMs, silenceMs }: ProxyOptions): Deadlines {
    const { limits } = this.#adapter.target
    return {
      connectMs: connectMs ?? limits.connectMs,
      firstByteMs: firstByteMs ?? limits.firstByteMs,
      silenceMs: silenceMs ?? limits.silenceMs,
    }
  }
}

/** Of a body; of one in chunks nobody knows it (RFC 9112, section 6.3). */
function lengthIn(headers: Headers): number {
  return headers.has('Transfer-Encoding') ? Infinity : Number(headers.get('Content-Length') ?? 0)
}

/** @returns takes it back */
function abortWith(signal: AbortSignal, call: Call): () => void {
  const leave = () => call.callOff(signal.reason as Error)
  if (signal.aborted) leave()
  else signal.addEventListener('abort', leave)
  return () => signal.removeEventListener('abort', leave)
}

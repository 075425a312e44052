// What is kept for one reach of a service: its own pool of connections, its circuit and the tokens of those who call.

import { CallerTokens } from './caller-token.ts'
import { Circuit, type CircuitOptions } from './circuit.ts'
import { isAnyoneAt } from './reachability.ts'
import type { Reach } from './target.ts'
import { Wire } from './wire/wire.ts'

/** An idle connection is let go of before a service with the usual 5 s would do it, in the moment in which it is used. */
const IDLE_S = 4

export class Line {
  readonly reach: Reach
  /** Where calls really go: to the address that the name was pinned to, whatever the name says by now. */
  readonly origin: string
  /** What the service is called. */
  readonly host: string
  readonly session: Bun.FetchSession
  /** Undefined where what goes over it must be encrypted. */
  readonly wire: Wire | undefined
  readonly tls: { readonly serverName: string } | undefined
  readonly circuit: Circuit
  readonly tokens: CallerTokens
  readonly authorization: string
  readonly #address: { readonly hostname: string; readonly port: number }
  #asking: Promise<boolean> | undefined

  constructor(name: string, reach: Reach, circuit: CircuitOptions) {
    const url = new URL(reach.origin)
    const secure = url.protocol === 'https:'
    const hostname = reach.address ?? url.hostname.replace(/^\[(.*)\]$/, '$1')
    const pinned = hostname.includes(':') ? `[${hostname}]` : hostname
    this.reach = reach
    this.origin = `${url.protocol}//${pinned}${url.port === '' ? '' : `:${url.port}`}`
    this.host = url.host
    this.tls = secure && reach.address !== null ? { serverName: url.hostname } : undefined
    this.session = new Bun.FetchSession({
      // What the environment says of proxies is not about services of this house.
      proxy: false,
      keepAlive: { idleTimeout: IDLE_S },
      ...(this.tls !== undefined && { tls: this.tls }),
    })
    this.circuit = new Circuit(circuit)
    this.tokens = new CallerTokens(name, reach.credential)
    this.authorization = `Bearer ${reach.credential}`
    this.#address = { hostname, port: Number(url.port) || (secure ? 443 : 80) }
    this.wire = secure ? undefined : new Wire(hostname, this.#address.port, IDLE_S * 1_000)
  }

  /** Whether anyone is there. Who asks meanwhile gets the same answer. */
  isAnyoneThere(ms: number): Promise<boolean> {
    this.#asking ??= isAnyoneAt(this.#address.hostname, this.#address.port, ms).finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }
}

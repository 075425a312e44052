// Which names this house answers to, so that no other name can be pointed at it (DNS rebinding), and whose pages may
// change anything here.

import { hostname } from 'node:os'

export interface HostOptions {
  readonly publicUrl: URL | null
  /** Names without a port, lower case. */
  readonly allowedHosts: readonly string[]
}

const HOST = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/
const IPV4 = /^\d{1,3}(\.\d{1,3}){3}$/

/** How many spellings of `Host` are remembered, so that the usual one costs a look-up. */
const MAX_REMEMBERED = 64

export class Hosts {
  /** The owner's own words for this house; pages under them are ours even where a proxy in front changes `Host`. */
  readonly #given: Set<string>
  readonly #names: Set<string>
  readonly #remembered = new Map<string, boolean>()

  constructor({ publicUrl, allowedHosts }: HostOptions) {
    const own = hostname().toLowerCase()
    this.#given = new Set(allowedHosts)
    if (publicUrl !== null) this.#given.add(publicUrl.hostname)
    this.#names = new Set(['localhost', own, `${own}.local`, ...this.#given])
  }

  /** Whether a page is one of this house's: of the same host and port, or under a name that the owner gave. */
  isOurPage(origin: string, host: string): boolean {
    const url = URL.parse(origin)
    if (url === null || !/^https?:$/.test(url.protocol)) return false
    return origin.endsWith(`//${host.toLowerCase()}`) || this.#given.has(url.hostname)
  }

  /** Whether a `Host` header is one of ours. */
  isOurs(host: string): boolean {
    const remembered = this.#remembered.get(host)
    if (remembered !== undefined) return remembered
    const answer = this.#judge(host)
    if (this.#remembered.size < MAX_REMEMBERED) this.#remembered.set(host, answer)
    return answer
  }

  /** An address is always ours: only a name can be made to point here. */
  #judge(host: string): boolean {
    const name = HOST.exec(host)?.[1]?.toLowerCase()
    if (name === undefined) return false
    return name.startsWith('[') || IPV4.test(name) || this.#names.has(name)
  }
}

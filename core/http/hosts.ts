// Which names this house answers to, so that no other name can be pointed at it (DNS rebinding).

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
  readonly #names: Set<string>
  readonly #remembered = new Map<string, boolean>()

  constructor({ publicUrl, allowedHosts }: HostOptions) {
    const own = hostname().toLowerCase()
    this.#names = new Set(['localhost', own, `${own}.local`, ...allowedHosts])
    if (publicUrl !== null) this.#names.add(publicUrl.hostname.toLowerCase())
  }

  /** Whether a `Host` header, or the authority of an `Origin`, is one of ours. */
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

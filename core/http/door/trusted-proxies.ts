// The reverse proxies that the owner trusts, and what they say of whoever is behind them. Nobody else is believed.

import { BlockList, isIP, isIPv6 } from 'node:net'

export class TrustedProxies {
  readonly #blocks = new BlockList()

  /** @param proxies addresses, or networks as `10.0.0.0/8` */
  constructor(proxies: readonly string[]) {
    for (const proxy of proxies) {
      const [address = '', prefix] = proxy.split('/')
      if (prefix === undefined) this.#blocks.addAddress(address, familyOf(address))
      else this.#blocks.addSubnet(address, Number(prefix), familyOf(address))
    }
  }

  trusts(address: string): boolean {
    return this.#blocks.check(address, familyOf(address))
  }

  /**
   * Of the addresses in `X-Forwarded-For`, to which each proxy has put that of whoever asked it, the last one that is no
   * trusted proxy's: what stands before it anybody may have made up.
   *
   * @param peer whoever is at the other end of the connection
   */
  clientOf(peer: string, headers: Headers): string {
    const said = headers.get('X-Forwarded-For')?.split(',') ?? []
    let client = peer
    while (this.trusts(client)) {
      const before = addressIn(said.pop() ?? '')
      if (before === null) break
      client = before
    }
    return client
  }

  /** How the client asked: `http` or `https`; null where no trusted proxy says so. */
  schemeOf(peer: string, headers: Headers): string | null {
    const scheme = this.#said(peer, headers.get('X-Forwarded-Proto'))
    return /^https?$/i.test(scheme) ? scheme.toLowerCase() : null
  }

  /** The name that the client asked for; null where no trusted proxy says so. */
  hostOf(peer: string, headers: Headers): string | null {
    return this.#said(peer, headers.get('X-Forwarded-Host')) || null
  }

  /** What the proxy itself has put there. Some put it behind what was there already, which anybody may have made up. */
  #said(peer: string, values: string | null): string {
    return this.trusts(peer) ? (values?.split(',').at(-1)?.trim() ?? '') : ''
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4'
}

/** Some proxies write the port with it: `10.0.0.7:4711`, `[fd00::7]:4711`. Null where it is no address. */
function addressIn(text: string): string | null {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\](?::\d+)?|(.+?))$/.exec(text.trim()) ?? []
  const address = bracketed ?? plain?.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1') ?? ''
  return isIP(address) === 0 ? null : address
}

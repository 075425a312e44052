// How a request came to this house: from where, under which scheme and by which name.

import type { TrustedProxies } from './trusted-proxies.ts'

export interface RequestOriginsOptions {
  /** Under which the world reaches this house. */
  readonly publicUrl: URL | null
  /** Whoever is at the other end of its connection; null where that is gone. */
  readonly peerOf: (request: Request) => string | null
}

export class RequestOrigins {
  readonly #options: RequestOriginsOptions
  #trusted: TrustedProxies | null = null

  constructor(options: RequestOriginsOptions) {
    this.#options = options
  }

  /** From now on these are believed. A house without reverse proxies never loads what that takes. */
  async believe(proxies: readonly string[]): Promise<void> {
    if (proxies.length === 0) return
    const { TrustedProxies } = await import('./trusted-proxies.ts')
    this.#trusted = new TrustedProxies(proxies)
  }

  /** The client's; null where nobody knows it. */
  readonly addressOf = (request: Request): string | null => {
    const peer = this.#options.peerOf(request)
    return peer === null || this.#trusted === null ? peer : this.#trusted.clientOf(peer, request.headers)
  }

  /** `http` or `https`, as the client sees it. */
  readonly schemeOf = (request: Request): string => {
    const { publicUrl } = this.#options
    const said = this.#said(request, (trusted, peer) => trusted.schemeOf(peer, request.headers))
    if (said !== null) return said
    return publicUrl?.host === request.headers.get('Host') ? publicUrl.protocol.slice(0, -1) : 'http'
  }

  /** The name, and the port, that the client asked for. */
  readonly hostOf = (request: Request): string => {
    const said = this.#said(request, (trusted, peer) => trusted.hostOf(peer, request.headers))
    return said ?? request.headers.get('Host') ?? ''
  }

  /** What a trusted proxy says. */
  #said(request: Request, read: (trusted: TrustedProxies, peer: string) => string | null): string | null {
    if (this.#trusted === null) return null
    const peer = this.#options.peerOf(request)
    return peer === null ? null : read(this.#trusted, peer)
  }
}

// Tells a service who calls: a signed token, made once for each caller and kept for its life.

import type { Caller } from '@home-console/sdk'

/** How long a service may take a token for valid, in s; it is made again when half of that is over. */
const LIFE_S = 120
const MOST_KEPT = 256

export interface Subject {
  readonly kind: Caller['kind'] | 'plugin'
  readonly name: string
  readonly scopes: readonly string[]
}

interface Kept {
  readonly token: string
  readonly until: number
}

/** JWTs (RFC 7519) with HS256: the key is the credential that only the Core and the service know. */
export class CallerTokens {
  readonly #audience: string
  readonly #key: string
  readonly #kept = new Map<string, Kept>()

  constructor(audience: string, key: string) {
    this.#audience = audience
    this.#key = key
  }

  /** The token, at once where there is one. */
  of(subject: Subject): string | Promise<string> {
    // With its length: a name may read like another one with scopes.
    const id = `${subject.kind} ${subject.name.length} ${subject.name} ${subject.scopes.join(' ')}`
    const kept = this.#kept.get(id)
    return kept !== undefined && Date.now() < kept.until ? kept.token : this.#make(id, subject)
  }

  async #make(id: string, { kind, name, scopes }: Subject): Promise<string> {
    const { sign } = await import('hono/jwt')
    const now = Math.floor(Date.now() / 1_000)
    const claims = { iss: 'home-console', aud: this.#audience, sub: name, kind, scopes: [...scopes] }
    const token = await sign({ ...claims, iat: now, exp: now + LIFE_S }, this.#key, 'HS256')
    if (this.#kept.size >= MOST_KEPT) this.#kept.clear()
    this.#kept.set(id, { token, until: (now + LIFE_S / 2) * 1_000 })
    return token
  }
}

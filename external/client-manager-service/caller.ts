// Who calls: the Core, by its credential, and on whose behalf, by what it signed.

import { createHash, timingSafeEqual } from 'node:crypto'
import { verify } from 'hono/jwt'
import * as v from 'valibot'
import { Problem } from './problem.ts'

/** Said by the Core: a JWT, signed with the credential that the two share. */
const HEADER = 'X-Home-Console-Caller'

/** A plugin says with it for whom it asks; of nobody else is that believed. */
const SOURCE = 'X-Source'

const Claims = v.object({
  sub: v.pipe(v.string(), v.nonEmpty(), v.maxLength(256)),
  kind: v.optional(v.string()),
  exp: v.number(),
})

export class Callers {
  readonly #credential: string
  readonly #digest: Buffer
  readonly #audience: string

  constructor(credential: string, audience: string) {
    this.#credential = credential
    this.#digest = digest(`Bearer ${credential}`)
    this.#audience = audience
  }

  /** Whether the Core sent it. */
  isCore(headers: Headers): boolean {
    return timingSafeEqual(digest(headers.get('Authorization') ?? ''), this.#digest)
  }

  /** Who asks, for the log; the Core itself where it names nobody. @throws Problem `unauthorized` */
  async nameOf(headers: Headers): Promise<string> {
    if (!this.isCore(headers))
      throw new Problem(401, 'unauthorized', 'Only the Core may ask, with its credential.')
    const token = headers.get(HEADER)
    if (token === null) return 'core'
    try {
      const claims = await verify(token, this.#credential, { alg: 'HS256', aud: this.#audience })
      const { sub, kind } = v.parse(Claims, claims)
      if (kind !== 'plugin') return sub
      const source = headers.get(SOURCE)
      return source === null ? `/plugins/${sub}` : `/plugins/${sub} for ${source.slice(0, 63)}`
    } catch (error) {
      throw new Problem(401, 'unauthorized', `${HEADER} does not hold: ${(error as Error).name}.`)
    }
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

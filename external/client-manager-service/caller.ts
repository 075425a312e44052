// Who calls: the Core, by its credential, and on whose behalf, by what it signed.

import { createHash, timingSafeEqual } from 'node:crypto'
import { verify } from 'hono/jwt'
import * as v from 'valibot'
import { Problem } from './problem.ts'

/** Said by the Core: a JWT, signed with the credential that the two share. */
const HEADER = 'X-Home-Console-Caller'

const Claims = v.object({
  sub: v.pipe(v.string(), v.nonEmpty(), v.maxLength(256)),
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

  /** The name of who asks; the Core itself where it says nobody. @throws Problem `unauthorized` */
  async nameOf(headers: Headers): Promise<string> {
    if (!this.isCore(headers))
      throw new Problem(401, 'unauthorized', 'Only the Core may ask, with its credential.')
    const token = headers.get(HEADER)
    if (token === null) return 'core'
    try {
      const claims = await verify(token, this.#credential, { alg: 'HS256', aud: this.#audience })
      return v.parse(Claims, claims).sub
    } catch (error) {
      throw new Problem(401, 'unauthorized', `${HEADER} does not hold: ${(error as Error).name}.`)
    }
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

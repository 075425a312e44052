// The token with all rights, checked by the Core itself whatever plugins there are.

import { timingSafeEqual } from 'node:crypto'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Caller } from '@home-console/sdk'
import { StartRefusal } from '../../db/start-refusal.ts'
import { writeWhole } from '../../db/whole-file.ts'
import { bearerOf } from './external-caller.ts'

const ADMIN: Caller = Object.freeze({ kind: 'owner', name: 'admin', scopes: Object.freeze(['*']) })

export class AdminToken {
  readonly #token: Buffer
  /** Where a given token is laid beside ours: made once, as every request comes by here. */
  readonly #given: Buffer

  constructor(token: string) {
    this.#token = Buffer.from(token)
    this.#given = Buffer.alloc(this.#token.length)
  }

  /** The owner, when the header carries the token. Takes as long for a wrong token as for the right one. */
  authenticate(authorization: string): Caller | null {
    const given = bearerOf(authorization)
    // Only the length shows, and that of a made token stands in this file.
    if (given === null || given.length !== this.#token.length) return null
    this.#given.write(given, 'latin1')
    return timingSafeEqual(this.#given, this.#token) ? ADMIN : null
  }
}

export interface StoredToken {
  readonly token: string
  readonly file: string
  /** Whether this start made it. */
  readonly made: boolean
}

/**
 * The token in `DATA_DIR/admin-token`; made at the first start, readable by its owner only.
 *
 * @throws StartRefusal when the file is there but holds no token, or cannot be read or made
 */
export function storedAdminToken(dataDir: string): StoredToken {
  const file = join(dataDir, 'admin-token')
  let text: string | null = null
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT')
      throw new StartRefusal('folder', `The admin token in ${file} cannot be read: ${message}.`, error)
  }
  if (text !== null) {
    const token = text.trim()
    if (token.length < 16)
      throw new StartRefusal('data', `${file} holds no token. Delete it, and the next start makes a new one.`)
    chmodSync(file, 0o600)
    return { token, file, made: false }
  }
  const token = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')
  try {
    writeWhole(file, `${token}\n`)
  } catch (error) {
    throw new StartRefusal(
      'folder',
      `The admin token cannot be written to ${file}: ${(error as Error).message}. Make room and the folder writable, or set ADMIN_TOKEN.`,
      error,
    )
  }
  return { token, file, made: true }
}

// One-time codes: the owner makes one, types it at a computer, and that computer is let in without being asked about.

import type { Database } from 'bun:sqlite'
import { createHash, randomBytes } from 'node:crypto'
import { durably } from './database.ts'

export interface Code {
  readonly id: string
  /** In ms since 1970, as are the others. */
  readonly created_at: number
  readonly created_by: string
  readonly expires_at: number
  readonly used_at: number | null
  /** The client that used it. */
  readonly used_by: string | null
}

/** Crockford's: what people mistake for another letter is not in it. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const LENGTH = 20

/** 100 random bits each, so that a plain hash keeps them: whoever reads the database cannot go back to a code. */
export class Codes {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** @returns the code itself too, which nobody can read again */
  create(by: string, forMs: number, now = Date.now()): Code & { code: string } {
    const code = Array.from(randomBytes(LENGTH), (byte) => ALPHABET[byte % 32]).join('')
    const made = { id: crypto.randomUUID(), created_at: now, created_by: by, expires_at: now + forMs }
    durably(this.#db, () => {
      this.#forgetOld(now)
      this.#db
        .query(
          'INSERT INTO codes (id, hash, created_at, created_by, expires_at) VALUES ($id, $hash, $created_at, $created_by, $expires_at)',
        )
        .run({ ...made, hash: hashOf(code) })
    })
    return { ...made, used_at: null, used_by: null, code: code.match(/.{4}/g)!.join('-') }
  }

  /** Those that may still be used, newest first. */
  list(now = Date.now()): Code[] {
    return this.#db
      .query<Code, [number]>(
        'SELECT id, created_at, created_by, expires_at, used_at, used_by FROM codes WHERE used_at IS NULL AND expires_at > ? ORDER BY created_at DESC',
      )
      .all(now)
  }

  /** Uses it up. @returns whether it was good, and who had made it */
  redeem(code: string, client: string, now = Date.now()): { by: string } | null {
    return durably(this.#db, () => {
      const used = this.#db
        .query<{ created_by: string }, [number, string, string, number]>(
          'UPDATE codes SET used_at = ?, used_by = ? WHERE hash = ? AND used_at IS NULL AND expires_at > ? RETURNING created_by',
        )
        .get(now, client, hashOf(code), now)
      return used && { by: used.created_by }
    })
  }

  /** @returns whether there was one */
  delete(id: string): boolean {
    return durably(this.#db, () => this.#db.query('DELETE FROM codes WHERE id = ?').run(id).changes > 0)
  }

  #forgetOld(now: number): void {
    this.#db.query('DELETE FROM codes WHERE expires_at < ?').run(now)
  }
}

/** However it was typed. */
function hashOf(code: string): string {
  const plain = code.toUpperCase().replaceAll(/[^0-9A-Z]/g, '')
  const meant = plain.replaceAll('O', '0').replaceAll(/[IL]/g, '1')
  return createHash('sha256').update(meant).digest('hex')
}

// The computers that the service knows: by their key, with what they say of themselves and what the owner decided.

import type { Database } from 'bun:sqlite'
import { durably } from './database.ts'
import type { About } from './frames.ts'

export type Standing = 'pending' | 'approved' | 'rejected'

export interface KnownClient {
  readonly id: string
  readonly standing: Standing
  readonly about: About
  readonly ip: string | null
  /** In ms since 1970, as are the others. */
  readonly createdAt: number
  /** When a pending or a rejected one is forgotten. */
  readonly expiresAt: number | null
  readonly decidedBy: string | null
  readonly connectedAt: number | null
  readonly lastHeartbeat: number | null
}

interface Row {
  readonly id: string
  readonly standing: Standing
  readonly about: string
  readonly ip: string | null
  readonly created_at: number
  readonly expires_at: number | null
  readonly decided_by: string | null
  readonly connected_at: number | null
  readonly last_heartbeat: number | null
}

const DAY = 86_400_000
/** Strangers that may wait for the owner: more than these are sent away until some of them are decided on. */
const MOST_PENDING = 50

/** The database holds public keys only: whoever steals it can pose as nobody. */
export class Clients {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  get(id: string, now = Date.now()): KnownClient | null {
    const row = this.#db
      .query<Row, [string, number]>(
        'SELECT * FROM clients WHERE id = ? AND (expires_at IS NULL OR expires_at > ?)',
      )
      .get(id, now)
    return row && fromRow(row)
  }

  /** The oldest first. */
  list(standing: Standing, now = Date.now()): KnownClient[] {
    return this.#db
      .query<Row, [Standing, number]>(
        'SELECT * FROM clients WHERE standing = ? AND (expires_at IS NULL OR expires_at > ?) ORDER BY created_at, id',
      )
      .all(standing, now)
      .map(fromRow)
  }

  /** Keeps a stranger for a day. @returns false when too many wait already */
  hold(id: string, publicKey: string, about: About, ip: string | null, now = Date.now()): boolean {
    return this.#db.transaction(() => {
      this.#db.query('DELETE FROM clients WHERE expires_at <= ?').run(now)
      const { waiting } = this.#db
        .query<{ waiting: number }, []>("SELECT count(*) AS waiting FROM clients WHERE standing = 'pending'")
        .get()!
      if (waiting >= MOST_PENDING) return false
      this.#insert(id, publicKey, about, ip, now)
      return true
    })()
  }

  /** Lets one in that is pending or rejected, or not yet known and brings its key. @returns false when there is none */
  approve(
    id: string,
    by: string,
    stranger?: { publicKey: string; about: About; ip: string | null },
  ): boolean {
    return durably(this.#db, () => {
      if (stranger !== undefined && this.get(id) === null)
        this.#insert(id, stranger.publicKey, stranger.about, stranger.ip, Date.now())
      return (
        this.#db
          .query("UPDATE clients SET standing = 'approved', decided_by = ?, expires_at = NULL WHERE id = ?")
          .run(by, id).changes > 0
      )
    })
  }

  /** Sends a pending one away for a day. @returns false when there is none */
  reject(id: string, by: string, now = Date.now()): boolean {
    return durably(
      this.#db,
      () =>
        this.#db
          .query(
            "UPDATE clients SET standing = 'rejected', decided_by = ?, expires_at = ? WHERE id = ? AND standing = 'pending'",
          )
          .run(by, now + DAY, id).changes > 0,
    )
  }

  /** It becomes a stranger again. @returns whether it was known */
  delete(id: string): boolean {
    return durably(this.#db, () => this.#db.query('DELETE FROM clients WHERE id = ?').run(id).changes > 0)
  }

  /** What an approved one says of itself now, and from where. */
  arrived(id: string, about: About, ip: string | null, now = Date.now()): void {
    this.#db
      .query(
        'UPDATE clients SET about = ?, ip = ?, online = 1, connected_at = ?, last_heartbeat = ? WHERE id = ?',
      )
      .run(JSON.stringify(about), ip, now, now, id)
  }

  left(id: string, lastHeartbeat: number): void {
    this.#db.query('UPDATE clients SET online = 0, last_heartbeat = ? WHERE id = ?').run(lastHeartbeat, id)
  }

  /** Those that came, and of which it is not known that they left. */
  online(): KnownClient[] {
    return this.#db.query<Row, []>('SELECT * FROM clients WHERE online = 1').all().map(fromRow)
  }

  #insert(id: string, publicKey: string, about: About, ip: string | null, now: number): void {
    this.#db
      .query(
        "INSERT OR REPLACE INTO clients (id, public_key, standing, about, ip, created_at, expires_at) VALUES (?, ?, 'pending', ?, ?, ?, ?)",
      )
      .run(id, publicKey, JSON.stringify(about), ip, now, now + DAY)
  }
}

function fromRow(row: Row): KnownClient {
  return {
    id: row.id,
    standing: row.standing,
    about: JSON.parse(row.about) as About,
    ip: row.ip,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    decidedBy: row.decided_by,
    connectedAt: row.connected_at,
    lastHeartbeat: row.last_heartbeat,
  }
}

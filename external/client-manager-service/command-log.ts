// Every command that was run: who asked, what, when, what it said and how it ended. So many, and of their output so much.

import type { Database } from 'bun:sqlite'
import type { Chunk } from './frames.ts'

export const STATUSES = ['running', 'succeeded', 'failed', 'timed_out', 'cancelled', 'lost'] as const
export type Status = (typeof STATUSES)[number]

export interface Command {
  /** In the order in which they were asked for. */
  readonly number: number
  readonly id: string
  readonly client_id: string
  /** Of the policy's; null: it was free. */
  readonly name: string | null
  readonly argv: readonly string[]
  readonly asked_by: string
  /** In s. */
  readonly timeout: number
  readonly status: Status
  /** In ms since 1970, as is the other. */
  readonly created_at: number
  readonly finished_at: number | null
  readonly exit_code: number | null
  readonly error: string | null
  readonly cancelled_by: string | null
  /** Pieces of output that came so far. */
  readonly chunks: number
  /** Of output, as UTF-8. */
  readonly bytes: number
  /** Whether there was more. */
  readonly truncated: boolean
}

export type NewCommand = Pick<Command, 'client_id' | 'name' | 'argv' | 'asked_by' | 'timeout'>

export interface End {
  readonly status: Exclude<Status, 'running'>
  readonly exitCode: number | null
  readonly error: string | null
  readonly truncated: boolean
}

export type Piece = Pick<Chunk, 'seq' | 'stream' | 'data'>

type Row = Omit<Command, 'argv' | 'truncated'> & { readonly argv: string; readonly truncated: number }

const MOST_COMMANDS = 1_000
/** Of one command, and of all that are kept. */
export const MOST_BYTES = 10 * 1024 * 1024
const MOST_BYTES_OF_ALL = 64 * 1024 * 1024

export class CommandLog {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  add({ client_id, name, argv, asked_by, timeout }: NewCommand, now = Date.now()): Command {
    const id = crypto.randomUUID()
    this.#db
      .query(
        "INSERT INTO commands (id, client_id, name, argv, asked_by, timeout, status, created_at) VALUES (?, ?, ?, ?, ?, ?, 'running', ?)",
      )
      .run(id, client_id, name, JSON.stringify(argv), asked_by, timeout, now)
    return this.get(id)!
  }

  get(id: string): Command | null {
    const row = this.#db.query<Row, [string]>('SELECT * FROM commands WHERE id = ?').get(id)
    return row && fromRow(row)
  }

  /** Newest first. @param before the id of one: those before it */
  list({ clientId, before, limit }: { clientId?: string; before?: string; limit: number }): Command[] {
    return this.#db
      .query<Row, [string | null, string | null, number]>(
        `SELECT * FROM commands
         WHERE (?1 IS NULL OR client_id = ?1)
           AND (?2 IS NULL OR number < (SELECT number FROM commands WHERE id = ?2))
         ORDER BY number DESC LIMIT ?3`,
      )
      .all(clientId ?? null, before ?? null, limit)
      .map(fromRow)
  }

  /** Those that run, on one client or on any. */
  running(clientId?: string): Command[] {
    return this.#db
      .query<Row, [string | null]>(
        "SELECT * FROM commands WHERE status = 'running' AND (?1 IS NULL OR client_id = ?1) ORDER BY number",
      )
      .all(clientId ?? null)
      .map(fromRow)
  }

  /** @returns false when it is more than a command may say: it is not kept */
  append(command: Command, { seq, stream, data }: Piece): boolean {
    const bytes = Buffer.byteLength(data)
    const fits = command.bytes + bytes <= MOST_BYTES
    this.#db.transaction(() => {
      if (fits)
        this.#db
          .query('INSERT INTO output (command, seq, stream, data) VALUES (?, ?, ?, ?)')
          .run(command.number, seq, stream, data)
      this.#db
        .query(
          'UPDATE commands SET chunks = ?, bytes = bytes + ?, truncated = truncated OR ? WHERE number = ?',
        )
        .run(seq, fits ? bytes : 0, fits ? 0 : 1, command.number)
    })()
    return fits
  }

  /** What came after a piece, oldest first. */
  output(command: Command, after: number, limit: number): Piece[] {
    return this.#db
      .query<Piece, [number, number, number]>(
        'SELECT seq, stream, data FROM output WHERE command = ? AND seq > ? ORDER BY seq LIMIT ?',
      )
      .all(command.number, after, limit)
  }

  markCancelled(id: string, by: string): void {
    this.#db.query('UPDATE commands SET cancelled_by = ? WHERE id = ? AND cancelled_by IS NULL').run(by, id)
  }

  finish(id: string, { status, exitCode, error, truncated }: End, now = Date.now()): void {
    this.#db.transaction(() => {
      this.#db
        .query(
          'UPDATE commands SET status = ?, exit_code = ?, error = ?, truncated = truncated OR ?, finished_at = ? WHERE id = ?',
        )
        .run(status, exitCode, error, truncated ? 1 : 0, now, id)
      this.#forgetOld()
    })()
  }

  /** @returns whether there was one that has ended */
  delete(id: string): boolean {
    return this.#db.query("DELETE FROM commands WHERE id = ? AND status <> 'running'").run(id).changes > 0
  }

  /** The oldest go first: their output, when there is too much of it, and they themselves, when they are too many. */
  #forgetOld(): void {
    this.#db
      .query(
        `DELETE FROM commands WHERE status <> 'running' AND number <=
           (SELECT number FROM commands ORDER BY number DESC LIMIT 1 OFFSET ${MOST_COMMANDS})`,
      )
      .run()
    const rows = this.#db
      .query<{ number: number; bytes: number; status: Status }, []>(
        'SELECT number, bytes, status FROM commands WHERE bytes > 0 ORDER BY number DESC',
      )
      .all()
    let total = 0
    for (const { number, bytes, status } of rows) {
      total += bytes
      if (total <= MOST_BYTES_OF_ALL || status === 'running') continue
      this.#db.query('DELETE FROM output WHERE command = ?').run(number)
      this.#db.query('UPDATE commands SET bytes = 0, truncated = 1 WHERE number = ?').run(number)
    }
  }
}

function fromRow(row: Row): Command {
  return { ...row, argv: JSON.parse(row.argv) as string[], truncated: row.truncated !== 0 }
}

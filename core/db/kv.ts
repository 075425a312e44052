// A plugin's single values: JSON under a key, for as long as is said.

import type { Connection } from './connection.ts'

const LONGEST_KEY = 512

export interface KvOptions {
  /** Until when, in ms from now. */
  readonly ttl?: number
  /** Encrypted on the disk. */
  readonly secret?: boolean
}

/** Encrypts what is secret, and reads it again. */
export interface Sealer {
  /** @param context where it belongs: it opens nowhere else */
  seal(text: string, context: string): string
  unseal(sealed: string, context: string): string
}

export interface KvHost {
  /** Opens the database when it is first needed. */
  readonly connection: () => Connection
  /** Commits what is written so that a power cut does not take it. */
  readonly durably: <T>(run: () => T) => T
  readonly now: () => number
  readonly secrets: Sealer
  /** Of the plugin: its secrets are nobody else's. */
  readonly id: string
  readonly leave: <T>(run: () => T) => T
  readonly trouble: (detail: string) => Error
  /** Makes the error for what it does not take. */
  readonly invalid: (detail: string) => Error
}

export class Kv {
  readonly #host: KvHost

  constructor(host: KvHost) {
    this.#host = host
  }

  get(key: string): unknown {
    const { connection, now, secrets } = this.#host
    this.#assertKey(key)
    const [row] = connection().values(
      'SELECT value, sealed FROM home_console_kv WHERE key = ? AND (expires_at IS NULL OR expires_at > ?)',
      [key, now()],
    ) as [string, number][]
    if (row === undefined) return undefined
    const [value, sealed] = row
    return JSON.parse(sealed === 0 ? value : this.#secretly(key, (where) => secrets.unseal(value, where)))
  }

  set(key: string, value: unknown, { ttl, secret = false }: KvOptions = {}): void {
    const { connection, durably, now, secrets } = this.#host
    this.#assertKey(key)
    if (ttl !== undefined && !(typeof ttl === 'number' && ttl > 0))
      throw this.#host.invalid(`ctx.kv.set takes a ttl in ms that is more than 0, not ${String(ttl)}.`)
    const text = this.#textOf(key, value)
    const kept = secret ? this.#secretly(key, (where) => secrets.seal(text, where)) : text
    const expiresAt = ttl === undefined || ttl === Infinity ? null : Math.ceil(now() + ttl)
    durably(() =>
      connection().run(
        'INSERT INTO home_console_kv VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, sealed = excluded.sealed, expires_at = excluded.expires_at',
        [key, kept, secret ? 1 : 0, expiresAt],
      ),
    )
  }

  /** @returns whether there was one */
  delete(key: string): boolean {
    const { connection, durably, now } = this.#host
    this.#assertKey(key)
    const deleted = durably(() =>
      connection().values(
        'DELETE FROM home_console_kv WHERE key = ? RETURNING expires_at IS NULL OR expires_at > ?',
        [key, now()],
      ),
    )
    return deleted[0]?.[0] === 1
  }

  /** The keys that begin so, in order. */
  list(prefix = ''): string[] {
    const { connection, now } = this.#host
    if (typeof prefix !== 'string')
      throw this.#host.invalid(`ctx.kv.list takes the beginning of a key, not ${typeof prefix}.`)
    const rows = connection().values(
      'SELECT key FROM home_console_kv WHERE substr(key, 1, length(?1)) = ?1 AND (expires_at IS NULL OR expires_at > ?2) ORDER BY key',
      [prefix, now()],
    ) as [string][]
    return rows.map(([key]) => key)
  }

  /** Removes what has expired. */
  purge(): void {
    this.#host.connection().run('DELETE FROM home_console_kv WHERE expires_at <= ?', [this.#host.now()])
  }

  /** Written while the plugin's own code runs: a `toJSON` of its own is its own business. */
  #textOf(key: string, value: unknown): string {
    let text: string | undefined
    try {
      text = JSON.stringify(value)
    } catch (error) {
      throw this.#host.invalid(
        `The value for "${key}" is no JSON: ${String((error as Error)?.message ?? error)}`,
      )
    }
    if (text === undefined)
      throw this.#host.invalid(
        `The value for "${key}" is no JSON: ${typeof value}. To remove a key, use ctx.kv.delete().`,
      )
    return text
  }

  #assertKey(key: string): void {
    if (
      typeof key !== 'string' ||
      key === '' ||
      key.length > LONGEST_KEY ||
      !key.isWellFormed() ||
      key.includes('\0')
    )
      throw this.#host.invalid(`A key of ctx.kv is a text of 1 to ${LONGEST_KEY} characters.`)
  }

  /** Bound to the plugin and the key: copied elsewhere, it does not open. */
  #secretly(key: string, run: (where: string) => string): string {
    const { id, leave, trouble } = this.#host
    try {
      return leave(() => run(`kv ${id} ${key}`))
    } catch (error) {
      throw trouble(`The secret "${key}" of "${id}": ${(error as Error).message}`)
    }
  }
}

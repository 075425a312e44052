// What one generation has of its plugin's database: a connection of its own, opened when it is first needed.

import { Connection, type ConnectionOptions } from './connection.ts'
import { Kv, type Sealer } from './kv.ts'

/** Freed pages are given back so many at a time, so that nobody waits for it. */
const TIDY_PAGES = 256

export interface PluginDataOptions extends Omit<ConnectionOptions, 'file'> {
  readonly file: string
  readonly open: () => ConstructorParameters<typeof Connection>[0]
  readonly now: () => number
  readonly id: string
  readonly secrets: Sealer
  readonly invalid: (detail: string) => Error
  readonly onClosed: (data: PluginData) => void
}

export class PluginData {
  readonly kv: Kv
  readonly #options: PluginDataOptions
  #connection: Connection | undefined
  #closed = false

  constructor(options: PluginDataOptions) {
    this.#options = options
    this.kv = new Kv({
      ...options,
      connection: () => this.connection,
      durably: (run) => run(),
    })
  }

  get isOpen(): boolean {
    return this.#connection !== undefined && !this.#closed
  }

  /** @throws the error for a file that cannot be used, or for a generation that is gone */
  get connection(): Connection {
    if (this.#connection !== undefined) return this.#connection
    if (this.#closed) throw this.#options.ended()
    this.#connection = new Connection(this.#options.open(), this.#options)
    this.tidy()
    return this.#connection
  }

  /** Removes what has expired, and gives back to the disk what is free. */
  tidy(): void {
    if (!this.isOpen || this.connection.inTransaction) return
    this.kv.purge()
    this.connection.all(`PRAGMA incremental_vacuum(${TIDY_PAGES})`)
  }

  /** Whoever comes later gets an error in words. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#connection?.close()
    this.#options.onClosed(this)
  }
}

// What the owner wishes for each plugin: read once, written through.

import type { CoreDatabase } from './core-database.ts'
import { plugins, type Pin } from './schema.ts'
import { keep, StorageTrouble } from './storage-trouble.ts'

export interface Wish {
  readonly enabled: boolean
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | null
  /** Mistakes after a swap that bring the last version back; 0 for never, null as the house has it. */
  readonly rollbackAfter: number | null
  readonly pinned: Pin | null
  /** Null: as the plugin has it. */
  readonly mode: 'in_process' | 'embedded' | 'microservice' | null
}

const DEFAULT: Wish = { enabled: true, logLevel: null, rollbackAfter: null, pinned: null, mode: null }

export class Wishes {
  readonly #db: CoreDatabase
  readonly #wishes = new Map<string, Wish>()

  constructor(db: CoreDatabase) {
    this.#db = db
    for (const { id, ...wish } of db.select().from(plugins).all()) this.#wishes.set(id, wish)
  }

  of(id: string): Wish {
    return this.#wishes.get(id) ?? DEFAULT
  }

  /** Changes some of a plugin's wishes. They are on the disk when this returns. @throws StorageTrouble */
  change(id: string, change: Partial<Wish>): Wish {
    const wish = { ...this.of(id), ...change }
    keep(this.#db, () =>
      this.#db
        .insert(plugins)
        .values({ id, ...wish })
        .onConflictDoUpdate({ target: plugins.id, set: wish })
        .run(),
    )
    this.#wishes.set(id, wish)
    return wish
  }

  /** The same where nobody waits for an answer. @returns why it is not on the disk, if it is not */
  tryChange(id: string, change: Partial<Wish>): StorageTrouble | null {
    try {
      this.change(id, change)
      return null
    } catch (error) {
      if (error instanceof StorageTrouble) return error
      throw error
    }
  }
}

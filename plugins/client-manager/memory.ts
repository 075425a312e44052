// What the house remembers of computers and commands, whether the external service is there or not: in tables of its own.

import type { Db } from '@home-console/sdk'
import { desc, eq, lt, lte, notInArray } from 'drizzle-orm'
import type { KnownClient } from './contract.ts'
import type { Result } from './manager.ts'
import * as tables from './tables.ts'

export type LoggedCommand = Omit<typeof tables.commands.$inferSelect, 'number'>

const MOST_COMMANDS = 1_000
/** Of each stream, in characters. */
const MOST_SAID = 4_096

export class Memory {
  readonly #db: Db<typeof tables>

  constructor(db: Db<typeof tables>) {
    this.#db = db
  }

  clients(): KnownClient[] {
    return this.#db.select().from(tables.clients).orderBy(tables.clients.hostname, tables.clients.id).all()
  }

  client(id: string): KnownClient | null {
    return this.#db.select().from(tables.clients).where(eq(tables.clients.id, id)).get() ?? null
  }

  /** These are all that there are now. */
  keepClients(clients: readonly KnownClient[]): void {
    const ids = clients.map(({ id }) => id)
    this.#db.transaction((tx) => {
      tx.delete(tables.clients).where(notInArray(tables.clients.id, ids)).run()
      for (const client of clients)
        tx.insert(tables.clients)
          .values(client)
          .onConflictDoUpdate({ target: tables.clients.id, set: client })
          .run()
    })
  }

  /** Nobody knows whether they are there. */
  loseSight(): void {
    this.#db.update(tables.clients).set({ connected: false }).run()
  }

  /** Whether how it ended is known. */
  knows(id: string): boolean {
    return (
      this.#db
        .select({ id: tables.commands.id })
        .from(tables.commands)
        .where(eq(tables.commands.id, id))
        .get() !== undefined
    )
  }

  keepCommand({ result, ...command }: Result): void {
    const values = {
      id: command.command_id,
      client: command.client_id,
      name: command.name,
      argv: command.argv,
      askedBy: command.asked_by,
      status: command.status,
      exitCode: command.exit_code,
      error: command.error,
      stdout: result.stdout.slice(-MOST_SAID),
      stderr: result.stderr.slice(-MOST_SAID),
      askedAt: command.timestamp,
      finishedAt: command.finished_at,
    }
    this.#db.transaction((tx) => {
      const { number } = tx
        .insert(tables.commands)
        .values(values)
        .onConflictDoUpdate({ target: tables.commands.id, set: values })
        .returning()
        .get()
      tx.delete(tables.commands)
        .where(lte(tables.commands.number, number - MOST_COMMANDS))
        .run()
    })
  }

  /** Newest first. @param before the id of one: those before it */
  commands(limit: number, before?: string): LoggedCommand[] {
    const { commands } = tables
    const number =
      before === undefined
        ? undefined
        : this.#db.select().from(commands).where(eq(commands.id, before)).get()?.number
    if (before !== undefined && number === undefined) return []
    return this.#db
      .select()
      .from(commands)
      .where(number === undefined ? undefined : lt(commands.number, number))
      .orderBy(desc(commands.number))
      .limit(limit)
      .all()
      .map(({ number: _, ...command }) => command)
  }
}

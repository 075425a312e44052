// A table that is a ring: each time has its slot, and what is older there makes way.

import type { Db } from '@home-console/sdk'
import {
  and,
  asc,
  between,
  eq,
  getTableColumns,
  gte,
  lt,
  lte,
  or,
  type Placeholder,
  type SQL,
  sql,
} from 'drizzle-orm'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'
import type * as tables from './tables.ts'

type Table = typeof tables.samples | typeof tables.minutes | typeof tables.hours

/** A row without its slot. `start` is the beginning of what it is about, in ms since 1970. */
export type RowOf<T extends Table> = Omit<T['$inferSelect'], 'slot'>

/** Where a second, minute or hour begins to which a moment belongs. @param step how long it is, in ms */
export function startOf(time: number, step: number): number {
  return Math.floor(time / step) * step
}

/**
 * It grows to its size and no further, and nothing is ever looked for to be deleted. Nor can a clock do harm: of a
 * machine that wakes up in 1970, or is sent to 2099 and back, a few slots are taken, and the rest is what it was.
 */
export class Ring<T extends Table> {
  /** What a row is about, in ms. */
  readonly step: number
  readonly #slots: number
  readonly #db: Db<typeof tables>
  readonly #table: Table
  readonly #columns: Record<string, SQLiteColumn>
  readonly #get: { get(values: Record<string, unknown>): unknown }
  readonly #put: { run(values: Record<string, unknown>): unknown }

  constructor(db: Db<typeof tables>, table: T, { step, slots }: { step: number; slots: number }) {
    this.step = step
    this.#slots = slots
    this.#db = db
    this.#table = table
    this.#columns = getTableColumns<Table>(table)
    const { slot: _slot, ...rest } = this.#columns
    const each = (columns: Record<string, SQLiteColumn>, make: (name: string) => SQL | Placeholder) =>
      Object.fromEntries(Object.entries(columns).map(([key, { name }]) => [key, make(name)]))
    this.#get = db
      .select(rest)
      .from<Table>(table)
      .where(and(eq(table.slot, sql.placeholder('slot')), eq(table.start, sql.placeholder('start'))))
      .prepare()
    this.#put = db
      .insert<Table>(table)
      .values(each(this.#columns, (name) => sql.placeholder(name)) as unknown as Table['$inferInsert'])
      // Without the slot: where SQLite must take it for another row, it moves its neighbours, and writes twice as much.
      .onConflictDoUpdate({
        target: table.slot,
        set: each(rest, (name) => sql`excluded.${sql.identifier(name)}`),
      })
      .prepare()
  }

  get(start: number): RowOf<T> | undefined {
    return this.#get.get({ slot: this.#slotOf(start), start }) as RowOf<T> | undefined
  }

  put(row: RowOf<T>): void {
    this.#put.run({ ...row, slot: this.#slotOf(row.start) })
  }

  /** Of the rows about the time from one moment until another these columns, oldest first. */
  between<Name extends keyof RowOf<T>>(
    from: number,
    until: number,
    ...names: Name[]
  ): Pick<RowOf<T>, Name>[] {
    const { start } = this.#table
    return this.#db
      .select(Object.fromEntries(names.map((name) => [name, this.#columns[name as string]!])))
      .from(this.#table)
      .where(and(this.#slotsOf(from, until), gte(start, startOf(from, this.step)), lt(start, until)))
      .orderBy(asc(start))
      .all() as unknown as Pick<RowOf<T>, Name>[]
  }

  /** Without them, each question would read the whole ring. */
  #slotsOf(from: number, until: number) {
    const { slot } = this.#table
    if (until - from >= (this.#slots - 1) * this.step) return undefined
    const [first, last] = [this.#slotOf(from), this.#slotOf(until - 1)]
    return first <= last ? between(slot, first, last) : or(gte(slot, first), lte(slot, last))
  }

  #slotOf(time: number): number {
    const slot = Math.floor(time / this.step) % this.#slots
    // Before 1970 the remainder is negative.
    return slot < 0 ? slot + this.#slots : slot
  }
}

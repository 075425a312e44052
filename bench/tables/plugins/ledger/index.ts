// One row at a time into a table and out of it: by SQLite alone, by Drizzle alone, and by `ctx.db`, in rounds that take turns.

import { Database } from 'bun:sqlite'
import { definePlugin } from '@home-console/sdk'
import { eq, sql } from 'drizzle-orm'
import { drizzle, type BunSQLiteDatabase } from 'drizzle-orm/bun-sqlite'
import { integer, real, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** A round is shorter than the time that the system gives a process at once, so that most are not interrupted. */
const ROUNDS = 300
const INSERTS = 100
const SELECTS = 500

const readings = sqliteTable('readings', {
  id: integer().primaryKey(),
  sensor: text().notNull(),
  value: real().notNull(),
})

interface Subject {
  readonly insert: (id: number) => unknown
  readonly select: (id: number) => { value: number } | null | undefined
}

/** Ns of one, of each round. */
interface Times {
  readonly insert: number[]
  readonly select: number[]
}

/** As the Core opens a plugin's. */
function ownDatabase(file: string): Database {
  const sqlite = new Database(file, { create: true, strict: true })
  sqlite.run('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA foreign_keys = ON')
  sqlite.run(
    'CREATE TABLE readings (id integer PRIMARY KEY NOT NULL, sensor text NOT NULL, value real NOT NULL)',
  )
  sqlite.run('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 4194304')
  return sqlite
}

function rawly(sqlite: Database): Subject {
  const insert = sqlite.prepare('INSERT INTO readings (id, sensor, value) VALUES (?, ?, ?)')
  const select = sqlite.prepare<{ id: number; sensor: string; value: number }, [number]>(
    'SELECT id, sensor, value FROM readings WHERE id = ?',
  )
  return {
    insert: (id) => insert.run(id, 'kitchen', id / 2),
    select: (id) => select.get(id),
  }
}

function throughDrizzle(db: Pick<BunSQLiteDatabase<Record<string, unknown>>, 'insert' | 'select'>): Subject {
  const id = sql.placeholder('id')
  const insert = db
    .insert(readings)
    .values({ id, sensor: sql.placeholder('sensor'), value: sql.placeholder('value') })
    .prepare()
  const select = db.select().from(readings).where(eq(readings.id, id)).prepare()
  return {
    insert: (id) => insert.run({ id, sensor: 'kitchen', value: id / 2 }),
    select: (id) => select.get({ id }),
  }
}

/** Ns of one. */
function timed(count: number, run: (index: number) => void): number {
  const started = Bun.nanoseconds()
  for (let index = 0; index < count; index++) run(index)
  return (Bun.nanoseconds() - started) / count
}

function round({ insert, select }: Subject, number: number, times: Times): void {
  const first = number * INSERTS
  times.insert.push(timed(INSERTS, (index) => insert(first + index)))
  let sum = 0
  const rows = first + INSERTS
  times.select.push(timed(SELECTS, (index) => (sum += select((index * 7_919) % rows)!.value)))
  const expected = Array.from({ length: SELECTS }, (_, index) => ((index * 7_919) % rows) / 2)
  if (sum !== expected.reduce((total, value) => total + value, 0))
    throw new Error(`The rows of a round come to ${sum}.`)
}

export default definePlugin({
  db: { schema: { readings }, durability: 'normal' },
  onLoad(ctx) {
    const router = ctx.router()
    router.get('/times', (c) => {
      const sqlite = ownDatabase(`${ctx.files}/raw.sqlite`)
      const ofDrizzle = ownDatabase(`${ctx.files}/drizzle.sqlite`)
      const subjects = {
        raw: rawly(sqlite),
        drizzle: throughDrizzle(drizzle({ client: ofDrizzle })),
        ctx: throughDrizzle(ctx.db),
      }
      const times: Record<keyof typeof subjects, Times> = {
        raw: { insert: [], select: [] },
        drizzle: { insert: [], select: [] },
        ctx: { insert: [], select: [] },
      }
      for (let number = 0; number < ROUNDS; number++)
        for (const name of ['raw', 'drizzle', 'ctx'] as const) round(subjects[name], number, times[name])
      sqlite.close()
      ofDrizzle.close()
      return c.json(times)
    })
    return router
  },
})

// The Core's own tables: what the owner decided, and what the next start must know. What runs is never written here; the
// loader's table knows that.

import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** The wish that a kept version serve, and not the files on the disk. */
export interface Pin {
  /** Of the kept version. */
  readonly digest: string
  /** Of the files that it serves instead of; others end the pin. */
  readonly over: string
  /** RFC 3339 in UTC. */
  readonly since: string
}

/** The owner's wishes for one plugin. A plugin without a row is enabled. */
export const plugins = sqliteTable('plugins', {
  id: text().primaryKey(),
  enabled: integer({ mode: 'boolean' }).notNull().default(true),
  logLevel: text('log_level', { enum: ['debug', 'info', 'warn', 'error'] }),
  rollbackAfter: integer('rollback_after'),
  pinned: text({ mode: 'json' }).$type<Pin>(),
  mode: text({ enum: ['in_process', 'embedded', 'microservice'] }),
})

/** Single values of the house, as JSON. */
export const settings = sqliteTable('settings', {
  key: text().primaryKey(),
  value: text({ mode: 'json' }).notNull(),
})

// The Core's own tables: what the owner decided. What runs is never written here; the loader's table knows that.

import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** The owner's wishes for one plugin. A plugin without a row is enabled. */
export const plugins = sqliteTable('plugins', {
  id: text().primaryKey(),
  enabled: integer({ mode: 'boolean' }).notNull().default(true),
  logLevel: text('log_level', { enum: ['debug', 'info', 'warn', 'error'] }),
})

/** Single values of the house, as JSON. */
export const settings = sqliteTable('settings', {
  key: text().primaryKey(),
  value: text({ mode: 'json' }).notNull(),
})

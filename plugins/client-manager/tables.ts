// The tables: the computers as they were known last, and what was run on them.

import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { Status } from './contract.ts'

export const clients = sqliteTable('clients', {
  id: text().primaryKey(),
  hostname: text().notNull(),
  connected: integer({ mode: 'boolean' }).notNull(),
  deviceType: text().notNull(),
  tags: text({ mode: 'json' }).$type<string[]>().notNull(),
  location: text(),
  /** RFC 3339 in UTC. */
  lastSeen: text(),
})

export const commands = sqliteTable('commands', {
  /** In the order in which they were heard of. */
  number: integer().primaryKey({ autoIncrement: true }),
  id: text().notNull().unique(),
  client: text().notNull(),
  name: text(),
  argv: text({ mode: 'json' }).$type<string[]>().notNull(),
  askedBy: text().notNull(),
  status: text().$type<Status>().notNull(),
  exitCode: integer(),
  error: text(),
  /** The end of what it said. */
  stdout: text().notNull(),
  stderr: text().notNull(),
  askedAt: text().notNull(),
  finishedAt: text(),
})

// What a plugin's tables are typed by: its Drizzle schema.

import type { BunSQLiteDatabase } from 'drizzle-orm/bun-sqlite'

/** Tables, and relations between them, as a module that exports them gives them: `import * as schema from './schema.ts'`. */
export type DbSchema = Record<string, unknown>

/** Drizzle over the plugin's own SQLite file; a plugin that declares no `db` has none. */
export type Db<Schema extends DbSchema> = keyof Schema extends never ? never : BunSQLiteDatabase<Schema>

// Looks into a database, and leaves nothing behind: a statement that is not finalized outlives close(), and holds the file open.

import type { Database } from 'bun:sqlite'

/** The first value of the first row. */
export function valueOf(sqlite: Database, sql: string): unknown {
  using statement = sqlite.prepare(sql)
  return statement.values()[0]?.[0]
}

/** What is damaged, in one line; null where nothing is. @param check the quick one does not look at indexes */
export function damageIn(
  sqlite: Database,
  check: 'integrity_check' | 'quick_check' = 'integrity_check',
): string | null {
  const found = valueOf(sqlite, `PRAGMA ${check}(1)`)
  return found === 'ok' ? null : String(found).replaceAll('\n', ' ')
}

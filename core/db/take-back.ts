// Undoes what was added to a plugin's tables for a version that never served.

import type { Database } from 'bun:sqlite'

/** Last first, in one transaction. @throws Error with nothing changed */
export function takeBack(sqlite: Database): void {
  using marked = sqlite.prepare<{ tag: string; take_back: string }, []>(
    'SELECT tag, take_back FROM home_console_migrations WHERE take_back IS NOT NULL ORDER BY idx DESC',
  )
  const rows = marked.all()
  if (rows.length === 0) return
  sqlite.run('PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE')
  try {
    for (const { tag, take_back } of rows) {
      for (const statement of JSON.parse(take_back) as string[]) sqlite.run(statement)
      sqlite.run('DELETE FROM home_console_migrations WHERE tag = ?', [tag])
    }
    sqlite.run('COMMIT')
  } finally {
    if (sqlite.inTransaction) sqlite.run('ROLLBACK')
    sqlite.run('PRAGMA foreign_keys = ON')
  }
}

// Undoes what was added to a plugin's tables for a version that never served.

import type { Database } from 'bun:sqlite'

export interface Addition {
  /** Of its migration. */
  readonly tag: string
  /** The statements that take it back. */
  readonly undo: readonly string[]
}

/** What was added for a version that was not known to be good when its process died. */
export function tentativeAdditions(sqlite: Database): Addition[] {
  using marked = sqlite.prepare<{ tag: string; take_back: string }, []>(
    'SELECT tag, take_back FROM home_console_migrations WHERE take_back IS NOT NULL ORDER BY idx',
  )
  return marked.all().map(({ tag, take_back }) => ({ tag, undo: JSON.parse(take_back) as string[] }))
}

/** Last first, in one transaction. @throws Error with nothing changed */
export function takeBack(sqlite: Database, additions: readonly Addition[]): void {
  if (additions.length === 0) return
  sqlite.run('PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE')
  try {
    for (const { tag, undo } of additions.toReversed()) {
      for (const statement of undo) sqlite.run(statement)
      sqlite.run('DELETE FROM home_console_migrations WHERE tag = ?', [tag])
    }
    sqlite.run('COMMIT')
  } finally {
    if (sqlite.inTransaction) sqlite.run('ROLLBACK')
    sqlite.run('PRAGMA foreign_keys = ON')
  }
}

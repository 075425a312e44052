// The migrations of a plugin as files of it: read at the import, they are no import of any module.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Where a plugin's migrations are, unless it names another folder. */
export const MIGRATIONS = './drizzle'

/** Before the import only the text tells whether a plugin has tables, and where it says that their migrations are. */
const DECLARES = /\bdb\s*:\s*\{(?:[^]{0,400}?\bmigrations\s*:\s*(['"`])(.+?)\1)?/

/** @returns the folder that a module's `db: { … }` names; null where it has none */
export function migrationsIn(path: string, content: Buffer): string | null {
  if (!path.endsWith('.ts') && !path.endsWith('.js')) return null
  const found = content.includes('db') ? DECLARES.exec(content.toString()) : null
  return found === null ? null : (found[2] ?? MIGRATIONS)
}

/** The journal and what it may name; none where there is no such folder. */
export function migrationFiles(folder: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith('.sql'))
    return ['meta/_journal.json', ...names.sort()].map((name) => join(folder, name))
  } catch {
    return []
  }
}

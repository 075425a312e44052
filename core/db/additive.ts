// Tells whether a migration only adds: then the version before goes on beside it, and what was added can be taken back.

import type { SqlStatement } from './sql-script.ts'

/**
 * Whatever is not known to be harmless is none: an unknown word, a constraint on rows that others write, a row that is
 * changed.
 *
 * @returns the statements that take it back, in their order; null where it does more than add
 */
export function takingBack(statements: readonly SqlStatement[]): string[] | null {
  const made = new Set<string>()
  const undo: string[] = []
  for (const { tokens } of statements) {
    const words = tokens.map((token) => token.toUpperCase())
    if (words[0] === 'PRAGMA' && words[1]?.endsWith('FOREIGN_KEYS')) continue
    const taken = tableOf(words, tokens, made) ?? indexOf(words, tokens, made) ?? columnOf(words, tokens)
    if (taken === null) return null
    undo.unshift(taken)
  }
  return undo
}

/** `CREATE TABLE name (…)`. With IF NOT EXISTS nobody knows whose table it is. */
function tableOf(words: readonly string[], tokens: readonly string[], made: Set<string>): string | null {
  if (words[0] !== 'CREATE' || words[1] !== 'TABLE' || words[3] !== '(') return null
  made.add(words[2]!)
  return `DROP TABLE ${quoted(tokens[2]!)}`
}

/** `CREATE INDEX name ON table (…)`; a unique one only on a table that nobody else writes to yet. */
function indexOf(words: readonly string[], tokens: readonly string[], made: Set<string>): string | null {
  const unique = words[1] === 'UNIQUE'
  const [create, index, name, on, table, open] = unique ? words.toSpliced(1, 1) : words
  if (create !== 'CREATE' || index !== 'INDEX' || on !== 'ON' || open !== '(') return null
  if (unique && !made.has(table!)) return null
  return name === undefined ? null : `DROP INDEX ${quoted(tokens[unique ? 3 : 2]!)}`
}

/** What a column may say that binds nobody who knows nothing of it, and lets it be dropped again. */
const BINDING = /^(CHECK|UNIQUE|PRIMARY|REFERENCES|GENERATED|AS|COLLATE|CONSTRAINT)$/

/** `ALTER TABLE table ADD name …`, with null or a default for those who do not give it. */
function columnOf(words: readonly string[], tokens: readonly string[]): string | null {
  if (words[0] !== 'ALTER' || words[1] !== 'TABLE' || words[3] !== 'ADD') return null
  const at = words[4] === 'COLUMN' ? 5 : 4
  const rest = words.slice(at + 1)
  if (words[at] === undefined || rest.some((word) => BINDING.test(word))) return null
  if (rest.includes('NOT') && !rest.includes('DEFAULT')) return null
  return `ALTER TABLE ${quoted(tokens[2]!)} DROP COLUMN ${quoted(tokens[at]!)}`
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

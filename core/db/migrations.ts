// The migrations of a plugin: what its folder says, against what its database has had.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { takingBack } from './additive.ts'
import { DataRefusal } from './plugin-file.ts'
import { statementsOf, type SqlStatement } from './sql-script.ts'

export interface Migration {
  /** The name of its file without the ending: `0001_rooms`. */
  readonly tag: string
  /** Its place in the journal. */
  readonly idx: number
  readonly file: string
  /** SHA-256 of its text, in hex, whatever the ends of its lines are. */
  readonly hash: string
  readonly statements: readonly SqlStatement[]
  /** The statements that take it back; null where it does more than add. */
  readonly takeBack: readonly string[] | null
}

/** What a database has had. */
export interface Applied {
  readonly tag: string
  readonly hash: string
  /** 1: a version that knows nothing of it works all the same. */
  readonly only_adds: number
}

/** What would end the one transaction in which all of them are applied, or leave the file. */
const UNSAFE = /^(BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE|VACUUM|ATTACH|DETACH)$/i

/**
 * Reads a folder that drizzle-kit wrote.
 *
 * @returns none where there is no such folder
 * @throws DataRefusal `invalid_migration`
 */
export function readMigrations(folder: string): Migration[] {
  const journal = join(folder, 'meta/_journal.json')
  const text = textOf(journal)
  if (text === null) return []
  let entries: { tag: string }[]
  try {
    entries = (JSON.parse(text) as { entries: { tag: string }[] }).entries
    for (const { tag } of entries)
      if (!/^[\w.-]+$/.test(tag)) throw new Error(`"${tag}" is no name of a file`)
  } catch (error) {
    throw new DataRefusal(
      'invalid_migration',
      journal,
      `${journal} is no journal of drizzle-kit: ${String(error)}`,
    )
  }
  return entries.map(({ tag }, idx) => readMigration(join(folder, `${tag}.sql`), tag, idx, journal))
}

function readMigration(file: string, tag: string, idx: number, journal: string): Migration {
  const text = textOf(file)?.replaceAll('\r\n', '\n')
  if (text === undefined) {
    throw new DataRefusal(
      'invalid_migration',
      journal,
      `${journal} names "${tag}", but there is no ${file}. Put it back, or take both away and run: hc plugin migrate`,
    )
  }
  const statements = statementsOf(text)
  for (const { tokens } of statements) {
    const word = UNSAFE.test(tokens[0]!) ? tokens[0]! : tokens.find((token) => /^home_console_/i.test(token))
    if (word === undefined) continue
    throw new DataRefusal(
      'invalid_migration',
      file,
      `${file} says ${word}: all migrations are one transaction of the Core's, whose own tables are none of theirs. Take it out.`,
    )
  }
  const hash = createHash('sha256').update(text).digest('hex')
  return { tag, idx, file, hash, statements, takeBack: takingBack(statements) }
}

/**
 * Those that the database has not had yet, in their order.
 *
 * @param wentBack whether the version is one from before, which may find more than it knows
 * @throws DataRefusal `data_newer`, `migration_edited` or `migration_misplaced`
 */
export function pendingOf(
  migrations: readonly Migration[],
  applied: readonly Applied[],
  folder: string,
  database: string,
  wentBack: boolean,
): Migration[] {
  let last = -1
  for (const { tag, hash, only_adds } of applied) {
    const found = migrations.find((migration) => migration.tag === tag)
    if (found === undefined) {
      if (wentBack && only_adds === 1) continue
      throw new DataRefusal(
        'data_newer',
        join(folder, 'meta/_journal.json'),
        `The database ${database} is newer than this version of the plugin: it has had "${tag}", which ${folder} does not know. Bring that version back, or put a backup of the database in its place.`,
      )
    }
    if (found.hash !== hash) {
      throw new DataRefusal(
        'migration_edited',
        found.file,
        `${found.file} was edited after it was applied, and is not applied again. Put it back as it was, and write what is new into one of its own: hc plugin migrate`,
      )
    }
    last = Math.max(last, found.idx)
  }
  const pending = migrations.filter(({ tag }) => !applied.some((one) => one.tag === tag))
  const misplaced = pending.find(({ idx }) => idx < last)
  if (misplaced !== undefined) {
    throw new DataRefusal(
      'migration_misplaced',
      misplaced.file,
      `${misplaced.file} stands before "${migrations[last]!.tag}", which is applied already. Take it out of the folder and the journal, and make it anew, so that it comes last: hc plugin migrate`,
    )
  }
  return pending
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

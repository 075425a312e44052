// Writes a plugin's next migration: what its schema has become, against what its last migration left.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { entryNamedBy } from '../plugin-package.ts'
import { BadUsage, Refused } from './failure.ts'

/** What a plugin imports is the Core's own, wherever the plugin lies. */
const SHARED = /^(@home-console\/sdk|hono|@hono\/zod-openapi|zod|valibot|drizzle-orm)(\/|$)/

interface Journal {
  version: string
  dialect: 'sqlite'
  entries: { idx: number; version: string; when: number; tag: string; breakpoints: boolean }[]
}

/**
 * @param place a plugin's folder or its one file
 * @param name of the migration, after its number
 * @returns the file that was written; null where the schema has not changed
 * @throws Refused
 */
export async function writeMigration(place: string, name: string): Promise<string | null> {
  const { schema, folder } = await tablesOf(resolve(place))
  // Large, and of no use to anything else.
  const { generateSQLiteDrizzleJson, generateSQLiteMigration } = await import('drizzle-kit/api')
  const meta = join(folder, 'meta')
  const journal = readJournal(join(meta, '_journal.json'))
  const last = journal.entries.at(-1)
  const before =
    last === undefined
      ? await generateSQLiteDrizzleJson({})
      : readJson<Awaited<ReturnType<typeof generateSQLiteDrizzleJson>>>(snapshotOf(meta, last.tag))
  const now = await generateSQLiteDrizzleJson(schema, before.id)
  const statements = await generateSQLiteMigration(before, now).catch((error: Error) => {
    throw /TTY/.test(error.message)
      ? new Refused('Something may have been renamed, and only you know. Run it in a terminal: it asks.')
      : error
  })
  if (statements.length === 0) return null
  for (const statement of statements) assertFillable(statement)
  const columns = (table: string) => Object.keys(before.tables[table]?.columns ?? {})
  const idx = journal.entries.length
  const tag = `${String(idx).padStart(4, '0')}_${name}`
  const file = join(folder, `${tag}.sql`)
  if (existsSync(file)) throw new Refused(`${file} is there already, and stays as it is.`)
  mkdirSync(meta, { recursive: true })
  // The journal comes last: whoever reads it finds what it names.
  write(
    file,
    `${statements.map((statement) => copyingOld(statement.trim(), columns)).join('\n--> statement-breakpoint\n')}\n`,
  )
  write(snapshotOf(meta, tag), json(now))
  const entry = { idx, version: now.version, when: Date.now(), tag, breakpoints: true }
  write(join(meta, '_journal.json'), json({ ...journal, entries: [...journal.entries, entry] }))
  return file
}

/** SQLite adds no such column, whether the table has rows or not. @throws Refused */
function assertFillable(statement: string): void {
  const [, table, column, type = ''] = /^ALTER TABLE `(.+?)` ADD `(.+?)` (.*)$/s.exec(statement) ?? []
  if (!/\bNOT NULL\b/i.test(type) || /\bDEFAULT\b|\bGENERATED\b/i.test(type)) return
  throw new Refused(
    `"${column}" of "${table}" is notNull() and has no default, so that rows which are there would have no value in it. Give it .default(…), or leave out notNull().`,
  )
}

/**
 * When a table is rebuilt, drizzle-kit copies its new columns too, and of a quoted name that is no column SQLite makes a
 * text. They have their defaults instead.
 */
function copyingOld(statement: string, columnsOf: (table: string) => readonly string[]): string {
  return statement.replace(
    /^(INSERT INTO `__new_(.+?)`)\((.*?)\) SELECT (.*?) FROM/,
    (whole, insert: string, table: string, into: string, from: string) => {
      const old = new Set(columnsOf(table).map((name) => `"${name}"`))
      const kept = into.split(', ').filter((name) => old.has(name))
      // Where the two differ it is no plain copy.
      return into === from && kept.length > 0
        ? `${insert}(${kept.join(', ')}) SELECT ${kept.join(', ')} FROM`
        : whole
    },
  )
}

async function tablesOf(place: string): Promise<{ schema: Record<string, unknown>; folder: string }> {
  const isFolder = statSync(place).isDirectory()
  const entry = isFolder ? entryOf(place) : place
  const module = (await importPlugin(entry)) as {
    default?: { db?: { schema?: object; migrations?: string } }
  }
  const db = module.default?.db
  if (db?.schema === undefined)
    throw new Refused(`${entry} declares no tables. It needs db: { schema } in its definition.`)
  const dir = isFolder ? place : dirname(place)
  return { schema: { ...db.schema }, folder: resolve(dir, db.migrations ?? './drizzle') }
}

/** As one file, in which the shared packages are those of this checkout: beside the plugin there may be none. */
async function importPlugin(entry: string): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'hc-migrate-'))
  try {
    await Bun.build({
      entrypoints: [entry],
      target: 'bun',
      outdir: folder,
      naming: 'plugin.js',
      plugins: [
        {
          name: 'shared packages',
          setup(build) {
            build.onResolve({ filter: SHARED }, ({ path }) => ({
              path: Bun.resolveSync(path, import.meta.dir),
              external: true,
            }))
          },
        },
      ],
    })
    return await import(join(folder, 'plugin.js'))
  } catch (error) {
    const [first] = error instanceof AggregateError ? (error.errors as Error[]) : [error as Error]
    throw new Refused(`${entry} cannot be read: ${first?.message ?? String(error)}`)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function entryOf(folder: string): string {
  const manifest = join(folder, 'package.json')
  const named = existsSync(manifest) ? entryNamedBy(readJson<object>(manifest)) : undefined
  const entry = join(folder, named ?? 'index.ts')
  if (!existsSync(entry)) throw new BadUsage(`${folder} is no plugin: there is no ${basename(entry)}.`)
  return entry
}

function readJournal(file: string): Journal {
  return existsSync(file) ? readJson<Journal>(file) : { version: '7', dialect: 'sqlite', entries: [] }
}

/** drizzle-kit names it by the number alone. */
function snapshotOf(meta: string, tag: string): string {
  return join(meta, `${tag.slice(0, tag.indexOf('_'))}_snapshot.json`)
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- who reads says what was written
function readJson<Value>(file: string): Value {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Value
  } catch (error) {
    throw new Refused(`${file} cannot be read: ${(error as Error).message}`)
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

/** In one step: a Core that watches reads nothing half-written. */
function write(file: string, text: string): void {
  const beside = join(dirname(file), `.${basename(file)}.${process.pid}`)
  writeFileSync(beside, text)
  renameSync(beside, file)
}

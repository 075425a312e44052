// Any sequence of good, refused and interrupted versions leaves a database as if only the good ones had ever been.

import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import * as fc from 'fast-check'
import { takingBack } from '../../core/db/additive.ts'
import type { PluginData } from '../../core/db/plugin-data.ts'
import { statementsOf } from '../../core/db/sql-script.ts'
import { Databases } from './databases.ts'
import { migrations, type Script } from './migrated.ts'

const FIRST: Script = {
  tag: '0000_first',
  sql: `CREATE TABLE parents (id integer PRIMARY KEY NOT NULL, name text);
--> statement-breakpoint
CREATE TABLE children (id integer PRIMARY KEY NOT NULL REFERENCES parents(id) ON DELETE CASCADE);`,
}

/** What one migration does; `n` makes its names its own. */
const KINDS: Readonly<Record<string, (n: number) => string>> = {
  table: (n) =>
    `CREATE TABLE "t ${n}" (id integer PRIMARY KEY, x text DEFAULT ';'); CREATE UNIQUE INDEX u${n} ON "t ${n}" (x);`,
  column: (n) => `ALTER TABLE parents ADD COLUMN c${n} text DEFAULT 'it''s -- none';`,
  index: (n) => `/* ; */ CREATE INDEX i${n} ON parents (name); -- the end;`,
  both: (n) =>
    `ALTER TABLE parents ADD d${n} integer;\n--> statement-breakpoint\nCREATE INDEX j${n} ON parents (d${n});`,
  rename: (n) =>
    `ALTER TABLE parents RENAME COLUMN name TO tmp; ALTER TABLE parents RENAME COLUMN tmp TO name; CREATE TABLE r${n} (x);`,
  rebuild: (n) =>
    `PRAGMA foreign_keys=OFF; CREATE TABLE __new (id integer PRIMARY KEY NOT NULL, name text); INSERT INTO __new SELECT id, name FROM parents; DROP TABLE parents; ALTER TABLE __new RENAME TO parents; CREATE TABLE k${n} (x); PRAGMA foreign_keys=ON;`,
  trigger: (n) =>
    `CREATE TRIGGER g${n} AFTER INSERT ON children BEGIN UPDATE children SET id = CASE WHEN id < 0 THEN 0 ELSE id END; SELECT 1; END;`,
}

const step = fc.record({
  kind: fc.constantFrom(...Object.keys(KINDS)),
  end: fc.constantFrom('good', 'good', 'refused', 'refused-late', 'crash', 'crash-late'),
})

test('good, refused and interrupted versions, against a model that knows the good ones only', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const folder = mkdtempSync(join(tmpdir(), 'home-console-migrations-'))
      let databases = new Databases()
      using model = new Database(':memory:')
      try {
        let good = [FIRST]
        const open = async (scripts: readonly Script[]): Promise<PluginData> => {
          const data = databases.lend()
          write(folder, scripts)
          await data.migrate(wanted(folder))
          return data
        }
        const live = async (scripts: readonly Script[]): Promise<PluginData> => {
          const data = await open(scripts)
          data.keep()
          data.goLive()
          return data
        }
        let serving = await live(good)
        model.run(FIRST.sql)
        for (const [n, { kind, end }] of steps.entries()) {
          const row = `INSERT INTO parents (id) VALUES (${n}); INSERT INTO children VALUES (${n})`
          for (const one of row.split('; ')) serving.connection.run(one)
          model.run(row)
          const next = { tag: `${n + 1}_${kind}`, sql: KINDS[kind]!(n) }
          const scripts = [...good, next]
          const candidate = databases.lend()
          write(folder, scripts)
          const aside = candidate.mustStepAside(wanted(folder))
          expect(aside).toBe(['rename', 'rebuild', 'trigger'].includes(kind))
          if (aside) serving.close()
          await candidate.migrate(wanted(folder))
          candidate.connection.run(`INSERT INTO parents (id) VALUES (${1_000 + n})`)
          candidate.connection.run(`DELETE FROM parents WHERE id = ${1_000 + n}`)
          if (end.endsWith('late') || end === 'good') candidate.keep()
          if (end === 'good') {
            candidate.goLive()
            serving.close()
            serving = candidate
          } else if (end.startsWith('refused')) {
            candidate.close()
            if (aside) serving = await live(good)
          } else {
            const after = new Databases()
            cpSync(databases.folder, after.folder, { recursive: true })
            databases[Symbol.dispose]()
            databases = after
            // What was known to be good when the process died stays.
            serving = await live(end === 'crash-late' ? scripts : good)
          }
          if (end === 'good' || end === 'crash-late') {
            good = scripts
            // As the Core has it while it migrates: a table that is rebuilt takes no children along.
            model.run('PRAGMA foreign_keys = OFF')
            model.run(next.sql)
            model.run('PRAGMA foreign_keys = ON')
          }
          const there = databases.lend()
          expect(contentsOf((sql) => there.connection.all(sql))).toEqual(
            contentsOf((sql) => model.query(sql).all()),
          )
          there.close()
        }
        serving.close()
      } finally {
        databases[Symbol.dispose]()
        rmSync(folder, { recursive: true })
      }
    }),
    { numRuns: 40 },
  )
}, 60_000)

function wanted(folder: string) {
  return { schema: {}, folder, durability: 'full', wentBack: false } as const
}

function write(folder: string, scripts: readonly Script[]): void {
  for (const [name, text] of Object.entries(migrations(scripts, '.'))) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

function contentsOf(all: (sql: string) => unknown[]): unknown {
  const names = all(
    `SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'home_console%' AND name NOT LIKE 'sqlite%' ORDER BY name`,
  ) as { type: string; name: string }[]
  return names.map(({ type, name }) => [
    type,
    name,
    type === 'table' ? [all(`PRAGMA table_info("${name}")`), all(`SELECT * FROM "${name}" ORDER BY 1`)] : [],
  ])
}

test.each([
  'DROP TABLE a',
  'CREATE TABLE IF NOT EXISTS a (x)',
  'CREATE TABLE a AS SELECT 1',
  'CREATE TEMP TABLE a (x)',
  'CREATE VIRTUAL TABLE a USING fts5(x)',
  'CREATE UNIQUE INDEX i ON a (x)',
  'CREATE INDEX IF NOT EXISTS i ON a (x)',
  'CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM a; END',
  'CREATE VIEW v AS SELECT 1',
  'ALTER TABLE a DROP COLUMN x',
  'ALTER TABLE a RENAME TO b',
  'ALTER TABLE a ADD x text NOT NULL',
  'ALTER TABLE a ADD x text DEFAULT 1 CHECK (x > 0)',
  'ALTER TABLE a ADD x integer REFERENCES b(id)',
  'ALTER TABLE a ADD x integer AS (1)',
  'INSERT INTO a VALUES (1)',
  'UPDATE a SET x = 1',
  'DELETE FROM a',
  'PRAGMA user_version = 1',
  'REINDEX',
  'CREATE TABLE a (x); DROP TABLE b',
])('%s does more than add', (sql) => {
  expect(takingBack(statementsOf(sql))).toBeNull()
})

test('what only adds is taken back in reverse, whatever its names are', () => {
  const sql = `create table [a b] (x); create unique index "i""j" on [a b] (x);\nALTER TABLE c ADD COLUMN \`d e\` text NOT NULL DEFAULT ''`
  expect(takingBack(statementsOf(sql))).toEqual([
    'ALTER TABLE "c" DROP COLUMN "d e"',
    'DROP INDEX "i""j"',
    'DROP TABLE "a b"',
  ])
})

test('a name in double quotes that is no column is a mistake, and not a text', () => {
  using sqlite = new Database(':memory:')
  const [create, copy] = statementsOf(
    `CREATE TABLE "a ""b" (x); INSERT INTO "a ""b" SELECT "y" FROM "a ""b" -- "`,
  )
  sqlite.run(create!.text)
  expect(copy!.text).toBe('INSERT INTO `a "b` SELECT `y` FROM `a "b` -- "')
  expect(() => sqlite.run(copy!.text)).toThrow('no such column: y')
})

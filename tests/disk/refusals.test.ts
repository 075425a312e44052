// A data folder that is not what it was: each fault is refused with the file and what to do, and nothing begins anew.

import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCoreDatabase } from '../../core/db/core-database.ts'
import { HomeSettings } from '../../core/db/home.ts'
import { StartRefusal } from '../../core/db/start-refusal.ts'
import { Wishes } from '../../core/db/wishes.ts'
import { CoreProcess } from '../faults/core-process.ts'
import { refusedStart } from './refused-start.ts'
import { SmallDisk } from './small-disk.ts'

/** A house that died with wishes in its log: `lived` holds its data folder as it lay there. */
let lived: string
beforeAll(async () => {
  lived = mkdtempSync(join(tmpdir(), 'home-console-lived-'))
  await using core = await CoreProcess.start({})
  const patch = (latitude: number) =>
    core.request('/api/core/home', {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ latitude }),
    })
  for (let latitude = 1; latitude <= 20; latitude++) expect((await patch(latitude)).status).toBe(200)
  core.kill('SIGKILL')
  await core.exited
  cpSync(join(core.folder, 'data'), lived, { recursive: true })
})
afterAll(() => rmSync(lived, { recursive: true, force: true }))

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'home-console-data-'))
  file = join(folder, 'core.sqlite')
  cpSync(lived, folder, { recursive: true })
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** All that was written stands in the file, and none of it in the log. */
function settle(): void {
  openCoreDatabase(folder).close()
  expect(statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0).toBe(0)
}

function spoil(path: string, at: number, length = 512): void {
  const bytes = readFileSync(path)
  bytes.fill(0xa5, at, at + length)
  writeFileSync(path, bytes)
}

/** As a version leaves it that is still to be written. */
function foreignMigration(when: number): void {
  const sqlite = new Database(file)
  sqlite.run(`INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('of tomorrow', ${when})`)
  sqlite.close()
}

const DAMAGED = /is damaged .*Put a backup in its place, or move it and last-start\.json away/

const faults: [what: string, spoil: () => void, says: RegExp][] = [
  ['is gone', () => (rmSync(file), rmSync(`${file}-wal`)), /is gone, though a Core ran here/],
  [
    'is gone, but for its log',
    () => (rmSync(file), rmSync(join(folder, 'last-start.json'))),
    /is gone, though a Core ran here: there is .*core\.sqlite-wal/,
  ],
  ['has no length', () => truncateSync(file, 0), /is empty\. Put a backup/],
  ['was cut in its middle', () => (settle(), truncateSync(file, statSync(file).size / 2)), DAMAGED],
  ['was cut within a page', () => (settle(), truncateSync(file, 5_000)), DAMAGED],
  ['has a bad header', () => (settle(), spoil(file, 0, 100)), DAMAGED],
  ['has a bad first page', () => (settle(), spoil(file, 100, 2_000)), DAMAGED],
  ['has a bad page in its middle', () => (settle(), spoil(file, 2 * 4_096, 4_096)), DAMAGED],
  [
    'has a row that is no JSON',
    () => {
      settle()
      const sqlite = new Database(file)
      sqlite.run(`UPDATE settings SET value = 'hello'`)
      sqlite.close()
    },
    /is damaged \(1 rows cannot be read\)/,
  ],
  ['has a log of something else', () => spoil(`${file}-wal`, 0, 32), /core\.sqlite-wal is damaged/],
  ['is of a newer version', () => foreignMigration(Date.now() * 2), /written by a newer Home Console/],
  [
    'is a database of something else',
    () => {
      for (const name of [file, `${file}-wal`]) rmSync(name, { force: true })
      const sqlite = new Database(file)
      sqlite.run('PRAGMA application_id = 1; CREATE TABLE theirs (a)')
      sqlite.close()
    },
    /is no database of a Home Console \(application_id 1\)/,
  ],
  [
    'is a text',
    () => (rmSync(`${file}-wal`), writeFileSync(file, 'hello '.repeat(1_000))),
    /is damaged \(SQLITE_NOTADB\)/,
  ],
  [
    'is a folder',
    () => (rmSync(`${file}-wal`), rmSync(file), mkdirSync(file)),
    /cannot be read or written|cannot be used/,
  ],
]

describe('a database that', () => {
  test.each(faults)('%s is refused, and stays as it is', (_what, make, says) => {
    make()
    const before = hashes()
    expect(() => openCoreDatabase(folder).close()).toThrow(says)
    expect(hashes()).toEqual(before)
  })

  test.each(faults)('%s ends the process with one line', async (_what, make, says) => {
    make()
    const { exitCode, said } = await refusedStart(folder)
    expect(said).toMatch(/^home-console cannot start: [^\n]+\n$/)
    expect(said).toMatch(says)
    expect([65, 73]).toContain(exitCode)
    // What the first start of a house would make.
    expect(existsSync(join(folder, 'admin-token'))).toBe(false)
  })

  test('was only killed has everything', () => {
    const { db, close } = openCoreDatabase(folder)
    expect(new HomeSettings(db, 'UTC').values.latitude).toBe(20)
    close()
  })

  test('is spoiled anywhere is refused or used, and never anything else', () => {
    settle()
    const sound = readFileSync(file)
    let refused = 0
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: sound.length - 1 }),
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        (at, noise) => {
          const bytes = Buffer.from(sound)
          bytes.set(noise.subarray(0, bytes.length - at), at)
          for (const ending of ['-wal', '-shm']) rmSync(file + ending, { force: true })
          writeFileSync(file, bytes)
          try {
            const { db, close } = openCoreDatabase(folder)
            try {
              expect(new HomeSettings(db, 'UTC').values.units).toBeString()
              expect(new Wishes(db).of('lamp').enabled).toBeBoolean()
            } finally {
              close()
            }
          } catch (error) {
            refused++
            expect(error).toBeInstanceOf(StartRefusal)
            expect((error as Error).message).toContain(file)
          }
        },
      ),
      { numRuns: 150 },
    )
    expect(refused).toBeGreaterThan(0)
  })
})

/** What somebody else would have to read again: SQLite's index of the log is no part of it. */
function hashes(): [string, string][] {
  return readdirSync(folder)
    .filter((name) => name.startsWith('core.sqlite') && !name.endsWith('-shm'))
    .map((name) => [name, statSync(join(folder, name)).isFile() ? hashOf(join(folder, name)) : 'a folder'])
}

function hashOf(path: string): string {
  return Bun.hash(readFileSync(path)).toString()
}

describe('the process', () => {
  test('ends with 65 and the reason on a lost database, and makes no token for a new house', async () => {
    rmSync(file)
    const { exitCode, said } = await refusedStart(folder)
    expect(exitCode).toBe(65)
    expect(said).toContain(`${file} is gone, though a Core ran here`)
    expect(existsSync(join(folder, 'admin-token'))).toBe(false)
    // What the message says is what helps.
    for (const name of ['core.sqlite-wal', 'last-start.json']) rmSync(join(folder, name), { force: true })
    openCoreDatabase(folder).close()
  })

  test('ends with 73 and the reason on a disk that can only be read, new or not', async () => {
    await using disk = await SmallDisk.mount('8m')
    const fresh = join(disk.path, 'fresh')
    const used = join(disk.path, 'used')
    cpSync(folder, used, { recursive: true })
    await disk.readOnly(true)
    for (const dataDir of [fresh, used]) {
      const { exitCode, said } = await refusedStart(dataDir)
      expect(said).toContain(`${dataDir} cannot be written`)
      expect(exitCode).toBe(73)
    }
    await disk.readOnly(false)
  })

  test('ends with 73 and the reason where the user may not write', async () => {
    const via = ['setpriv', '--reuid=65534', '--clear-groups']
    chmodSync(folder, 0o755)
    const dataDir = join(folder, 'of-root')
    mkdirSync(dataDir, { mode: 0o755 })
    const { exitCode, said } = await refusedStart(dataDir, { via })
    expect(said).toContain(`${dataDir} cannot be written`)
    expect(exitCode).toBe(73)
  })

  test('ends with 73 and the reason on a full disk, and starts when there is room', async () => {
    await using disk = await SmallDisk.mount('8m')
    const dataDir = join(disk.path, 'data')
    mkdirSync(dataDir)
    disk.fill()
    const { exitCode, said } = await refusedStart(dataDir)
    expect(said).toMatch(/disk is full|no space left|cannot be (read or )?written/i)
    expect(said).toContain(dataDir)
    expect(exitCode).toBe(73)
    disk.free()
    await using core = await CoreProcess.start({}, { DATA_DIR: dataDir })
    expect((await core.request('/health')).status).toBe(200)
  })
})

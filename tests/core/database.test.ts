// The Core's database: what the owner decided is there after a restart, and a stray file is no fresh start.

import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCoreDatabase } from '../../core/db/core-database.ts'
import { HomeSettings } from '../../core/db/home.ts'
import { Wishes } from '../../core/db/wishes.ts'

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'home-console-db-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('wishes and the home survive a restart', () => {
  const first = openCoreDatabase(folder)
  new Wishes(first.db).change('lamp', { enabled: false })
  new Wishes(first.db).change('lamp', { logLevel: 'debug' })
  const pinned = { digest: 'a', over: 'b', since: '2026-01-01T00:00:00Z' }
  new Wishes(first.db).change('lamp', { rollbackAfter: 0, pinned, mode: 'embedded' })
  new HomeSettings(first.db, 'UTC').change({ timeZone: 'Asia/Tokyo', latitude: 35.7 })
  first.close()

  const second = openCoreDatabase(folder)
  expect(new Wishes(second.db).of('lamp')).toEqual({
    enabled: false,
    logLevel: 'debug',
    rollbackAfter: 0,
    pinned,
    mode: 'embedded',
  })
  expect(new Wishes(second.db).of('sun')).toEqual({
    enabled: true,
    logLevel: null,
    rollbackAfter: null,
    pinned: null,
    mode: null,
  })
  expect(new HomeSettings(second.db, 'UTC').values).toMatchObject({
    timeZone: 'Asia/Tokyo',
    latitude: 35.7,
    units: 'metric',
  })
  second.close()
})

test('a home that does not fit is refused, and the one before stays', () => {
  const { db, close } = openCoreDatabase(folder)
  const home = new HomeSettings(db, 'UTC')
  const before = home.values
  for (const change of [
    { timeZone: 'Mars/Olympus' },
    { latitude: 91 },
    { locale: '!' },
    { units: 'feet' as never },
  ]) {
    expect(home.misfit(change)).toMatchObject({ key: Object.keys(change)[0] })
    expect(() => home.change(change)).toThrow()
  }
  expect(home.values).toEqual(before)
  close()
})

test('only the owner of the process may read the file', () => {
  openCoreDatabase(folder).close()
  expect(statSync(join(folder, 'core.sqlite')).mode & 0o777).toBe(0o600)
})

test.each([
  ['of zero length', () => writeFileSync(join(folder, 'core.sqlite'), '')],
  ['of somebody else', () => new Database(join(folder, 'core.sqlite')).run('CREATE TABLE theirs (a)')],
  ['that is no database', () => writeFileSync(join(folder, 'core.sqlite'), 'hello '.repeat(1_000))],
])('a file %s is refused, and not taken for a fresh start', (_what, make) => {
  make()
  expect(() => openCoreDatabase(folder)).toThrow(/core\.sqlite|database/)
})

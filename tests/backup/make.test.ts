// A backup holds what belongs to the house, none of its keys, and is there whole or not at all.

import { Database } from 'bun:sqlite'
import { afterAll, expect, test } from 'bun:test'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'
import type { BackupSettings } from '../../core/backup/backups.ts'
import { BackupRefused, type Manifest } from '../../core/backup/manifest.ts'
import { keptBy } from '../../core/backup/policy.ts'
import { readBackup } from '../../core/backup/unpack.ts'
import { contentsOf, DIARY, filesBelow, isWhole, keep, makeBackup } from './kit.ts'

const houseWithDiary = () => startTestHouse({ plugins: { diary: DIARY } })
const data = (house: TestHouse, ...names: string[]) => join(house.folder, 'data', ...names)

const manifestOf = (contents: Map<string, Buffer>) =>
  JSON.parse(contents.get('manifest.json')!.toString()) as Manifest

test('a backup holds the databases, the config and the files, and says of each what it is', async () => {
  await using house = await houseWithDiary()
  await keep(house, 'mood', 'good')
  mkdirSync(data(house, 'config'), { recursive: true })
  writeFileSync(data(house, 'config/lines.json'), '{"lines":3}')
  mkdirSync(data(house, 'external/mower/.maps'), { recursive: true })
  writeFileSync(data(house, 'external/mower/.maps/lawn'), '')
  const { file, files, leftOut } = await makeBackup(house)
  expect(leftOut).toEqual([])
  const contents = await contentsOf(file)
  expect([...contents.keys()]).toEqual([
    'data/core.sqlite',
    'data/plugins/diary.sqlite',
    'data/config/lines.json',
    'data/files/diary/last.txt',
    'data/external/mower/.maps/lawn',
    'manifest.json',
  ])
  const manifest = manifestOf(contents)
  expect(Object.keys(manifest.files)).toHaveLength(files)
  expect(manifest.files['data/config/lines.json']).toEqual({
    bytes: 11,
    sha256: new Bun.CryptoHasher('sha256').update('{"lines":3}').digest('hex'),
  })
  expect(manifest.files['data/core.sqlite']?.schema?.applicationId).toBe(0x48_4f_4d_45)
  const copy = join(house.folder, 'diary.sqlite')
  writeFileSync(copy, contents.get('data/plugins/diary.sqlite')!)
  expect(isWhole(copy)).toBe(true)
  using sqlite = new Database(copy)
  expect(sqlite.query('SELECT value FROM home_console_kv').values()).toEqual([['"good"']])
})

test('what an external service keeps is in it: its files, and its databases while another process writes them', async () => {
  await using house = await houseWithDiary()
  const folder = data(house, 'external/speaker')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'words.txt'), 'a word')
  await using writer = Bun.spawn([
    process.execPath,
    '-e',
    `const { Database } = require('bun:sqlite')
     const sqlite = new Database(${JSON.stringify(join(folder, 'speaker.sqlite'))})
     sqlite.run('PRAGMA journal_mode = WAL'); sqlite.run('CREATE TABLE words (word)')
     sqlite.run("INSERT INTO words VALUES ('kept')")
     console.log('written'); setInterval(() => sqlite.run("INSERT INTO words VALUES ('more')"), 1)`,
  ])
  await writer.stdout.getReader().read()
  const { file, leftOut } = await makeBackup(house)
  expect(leftOut).toEqual([])
  const contents = await contentsOf(file)
  const names = [...contents.keys()].filter((name) => name.startsWith('data/external/'))
  expect(names).toEqual(['data/external/speaker/speaker.sqlite', 'data/external/speaker/words.txt'])
  const copy = join(house.folder, 'speaker.sqlite')
  writeFileSync(copy, contents.get('data/external/speaker/speaker.sqlite')!)
  expect(isWhole(copy)).toBe(true)
  using sqlite = new Database(copy)
  expect(sqlite.query('SELECT word FROM words LIMIT 1').values()).toEqual([['kept']])
})

test('neither the token nor the key is in it, nor what a secret says', async () => {
  await using house = await houseWithDiary()
  await keep(house, 'pin', 'nobody-may-read-this', '?secret=1')
  const { file } = await makeBackup(house)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  const all = Buffer.concat([...(await contentsOf(file)).values()]).toString('latin1')
  const key = readFileSync(data(house, 'secret.key'), 'utf8').trim()
  for (const secret of [house.token, key, 'nobody-may-read-this']) expect(all).not.toContain(secret)
  expect(all).toContain('last.txt')
})

test('with a passphrase the key is in it, and only under that', async () => {
  await using house = await houseWithDiary()
  await keep(house, 'pin', 1234, '?secret=1')
  const { file } = await makeBackup(house, { passphrase: 'correct horse battery' })
  const contents = await contentsOf(file)
  const key = readFileSync(data(house, 'secret.key'), 'utf8').trim()
  expect(contents.get('key.sealed')!.toString()).toStartWith('p1.')
  expect(Buffer.concat([...contents.values()]).toString('latin1')).not.toContain(key)
  expect((await house.send('POST', '/api/core/backups', { passphrase: 'short' })).status).toBe(400)
})

test('the code of plugins is in it when it is asked for, without packages', async () => {
  await using house = await houseWithDiary()
  mkdirSync(house.path('diary/node_modules/left-pad'), { recursive: true })
  writeFileSync(house.path('diary/node_modules/left-pad/index.js'), '')
  const { file } = await makeBackup(house, { code: true })
  const names = [...(await contentsOf(file)).keys()]
  expect(names.filter((name) => name.startsWith('code/'))).toEqual(['code/0/diary/index.ts'])
})

test('what cannot be copied is named: links, sockets, a damaged database', async () => {
  await using house = await houseWithDiary()
  await keep(house, 'mood', 'good')
  symlinkSync('/etc/passwd', data(house, 'files/diary/link'))
  using _socket = Bun.listen({ unix: data(house, 'files/diary/socket'), socket: { data() {} } })
  writeFileSync(data(house, 'plugins/broken.sqlite'), Buffer.alloc(8_192, 7))
  const { file, leftOut } = await makeBackup(house)
  expect(leftOut.map(({ path }) => path).toSorted()).toEqual([
    'data/files/diary/link',
    'data/files/diary/socket',
    'data/plugins/broken.sqlite',
  ])
  expect([...(await contentsOf(file)).keys()]).toContain('data/plugins/diary.sqlite')
})

test("a database among a plugin's files is copied as one, with what is only in its log", async () => {
  await using house = await houseWithDiary()
  mkdirSync(data(house, 'files/diary'), { recursive: true })
  using own = new Database(data(house, 'files/diary/own.db'))
  own.run('PRAGMA journal_mode = WAL; CREATE TABLE word (word TEXT); INSERT INTO word VALUES (1)')
  const contents = await contentsOf((await makeBackup(house)).file)
  expect([...contents.keys()].filter((name) => name.includes('own.db'))).toEqual(['data/files/diary/own.db'])
  const copy = join(house.folder, 'own.db')
  writeFileSync(copy, contents.get('data/files/diary/own.db')!)
  using sqlite = new Database(copy)
  expect(sqlite.query('SELECT word FROM word').values()).toEqual([['1']])
})

test('names of any length and kind come through', async () => {
  await using house = await houseWithDiary()
  const names = [`${'long/'.repeat(60)}${'n'.repeat(200)}.txt`, 'Ümläute und 🏠.txt', ' leading', 'a\nb']
  for (const name of names) {
    const file = data(house, 'files/diary', name)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, name)
  }
  const contents = await contentsOf((await makeBackup(house)).file)
  for (const name of names) expect(contents.get(`data/files/diary/${name}`)?.toString()).toBe(name)
})

test('while the house writes, a backup is a moment of it, and nobody waits', async () => {
  await using house = await houseWithDiary()
  let written = 0
  const done = new AbortController()
  const writing = (async () => {
    while (!done.signal.aborted)
      if ((await keep(house, 'count', ++written)).status !== 200) throw new Error('refused')
  })()
  const before = written
  const { file } = await makeBackup(house)
  const after = written
  done.abort()
  await writing
  const copy = join(house.folder, 'diary.sqlite')
  writeFileSync(copy, (await contentsOf(file)).get('data/plugins/diary.sqlite')!)
  expect(isWhole(copy)).toBe(true)
  using sqlite = new Database(copy)
  const value = Number(sqlite.query('SELECT value FROM home_console_kv').values()[0]?.[0] ?? 0)
  expect(value).toBeGreaterThanOrEqual(before)
  expect(value).toBeLessThanOrEqual(after)
})

test('a backup that fails leaves nothing behind, and says why', async () => {
  await using house = await houseWithDiary()
  writeFileSync(data(house, 'backups'), 'no folder')
  const refused = await house.send('POST', '/api/core/backups', {})
  expect(refused.status).toBe(500)
  expect(await refused.json()).toMatchObject({
    code: 'backup_failed',
    detail: expect.stringMatching(/backups/),
  })
  expect(filesBelow(data(house)).filter((name) => /part|\.backup/.test(name))).toEqual([])
  expect((await keep(house, 'mood', 'good')).status).toBe(200)
})

// Only root may mount a small disk.
const disk = mkdtempSync(join(tmpdir(), 'home-console-disk-'))
const mounted = Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', 'size=80m', 'tmpfs', disk]).success
afterAll(() => void (mounted && Bun.spawnSync(['umount', disk])))

test.skipIf(!mounted)('a disk that is too full is left as it was', async () => {
  await using house = await startTestHouse({ plugins: { diary: DIARY }, config: { backupDir: disk } })
  await keep(house, 'mood', 'good')
  await makeBackup(house)
  const before = readdirSync(disk)
  writeFileSync(data(house, 'files/diary/large'), crypto.getRandomValues(Buffer.alloc(65_536)))
  truncateSync(data(house, 'files/diary/large'), 20 * 1024 * 1024)
  const refused = await house.send('POST', '/api/core/backups', {})
  expect(refused.status).toBe(507)
  expect(await refused.json()).toMatchObject({ code: 'disk_full', detail: expect.stringContaining(disk) })
  expect(readdirSync(disk)).toEqual(before)
})

test('a file that is cut or changed on the way is no backup', async () => {
  await using house = await houseWithDiary()
  await keep(house, 'mood', 'good')
  const { file } = await makeBackup(house)
  const bytes = readFileSync(file)
  const read = () => readBackup(file, { version: '9.0.0' }).catch((error: Error) => error)
  const manifest = await read()
  let refused = 0
  const damage = (at: number) => {
    const damaged = Buffer.from(bytes)
    damaged[at]! ^= 0x55
    return damaged
  }
  for (let at = 0; at < bytes.length; at += Math.ceil(bytes.length / 400)) {
    for (const spoiled of [damage(at), bytes.subarray(0, at)]) {
      writeFileSync(file, spoiled)
      const found = await read()
      // Some bits mean nothing, and the last bytes only that it is over.
      if (!(found instanceof BackupRefused)) expect([at, found]).toEqual([at, manifest])
      else refused++
    }
  }
  expect(refused).toBeGreaterThan(700)
})

test('two at once are one too many', async () => {
  await using house = await houseWithDiary()
  const answers = await Promise.all([1, 2].map(() => house.send('POST', '/api/core/backups', {})))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 409]))
})

test('a backup can be listed and fetched, and nothing else can', async () => {
  await using house = await houseWithDiary()
  const { name, bytes, madeAt, file } = await makeBackup(house)
  writeFileSync(data(house, 'backups/notes.txt'), 'mine')
  const list = await (await house.request('/api/core/backups')).json()
  expect(list).toEqual({ backups: [{ name, bytes, madeAt }] })
  const fetched = await house.request(`/api/core/backups/${name}`)
  expect(Buffer.from(await fetched.arrayBuffer()).equals(readFileSync(file))).toBe(true)
  for (const other of ['notes.txt', '..%2Fadmin-token', 'admin-token'])
    expect([400, 404]).toContain((await house.request(`/api/core/backups/${other}`)).status)
  expect((await house.request('/api/core/backups', { headers: { Authorization: '' } })).status).toBe(401)
})

test('the schedule makes backups, at the time of the home', async () => {
  await using house = await startTestHouse({ plugins: { diary: DIARY }, now: Date.UTC(2026, 5, 5, 12) })
  await house.send('PATCH', '/api/core/home', { timeZone: 'Europe/Berlin' })
  const settings = await house.send('PATCH', '/api/core/backups/settings', { schedule: '30 3 * * *' })
  expect(await settings.json()).toEqual({
    schedule: '30 3 * * *',
    keep: { daily: 7, weekly: 4, monthly: 6 },
    code: false,
  } satisfies BackupSettings)
  await house.clock.advance(Date.UTC(2026, 5, 6, 1, 30, 30) - house.clock.now())
  const names = async () => {
    const { backups } = (await (await house.request('/api/core/backups')).json()) as {
      backups: { name: string }[]
    }
    return backups.map(({ name }) => name)
  }
  for (let tries = 0; (await names()).length === 0 && tries < 500; tries++) await Bun.sleep(10)
  expect(await names()).toEqual([expect.stringMatching(/^home-console-2026-06-06T01-30-/)])
  const wrong = await house.send('PATCH', '/api/core/backups/settings', { schedule: 'every day' })
  expect([wrong.status, ((await wrong.json()) as { code: string }).code]).toEqual([400, 'invalid_schedule'])
})

test('a house that was off when a backup was due makes it up', async () => {
  const monday = Date.UTC(2026, 5, 8, 12)
  const backups = (names: string[], now: number) => {
    const folder = mkdtempSync(join(tmpdir(), 'home-console-backups-'))
    for (const name of names) writeFileSync(join(folder, name), '')
    return startTestHouse({ now, config: { backupDir: folder } })
  }
  const saturday = 'home-console-2026-06-06T01-00-00.000Z.tar.zst'
  const sunday = 'home-console-2026-06-07T23-00-00.000Z.tar.zst'
  const list = async (house: TestHouse) =>
    ((await (await house.request('/api/core/backups')).json()) as { backups: object[] }).backups.length
  {
    await using house = await backups([saturday], monday)
    await house.clock.advance(11 * 60_000)
    for (let tries = 0; (await list(house)) === 1 && tries < 500; tries++) await Bun.sleep(10)
    expect(await list(house)).toBe(2)
  }
  await using house = await backups([saturday, sunday], monday)
  await house.clock.advance(11 * 60_000)
  expect((await house.send('POST', '/api/core/backups', {})).status).toBe(200)
  expect(await list(house)).toBe(3)
})

test('the newest of so many days, weeks and months are kept', () => {
  const day = 24 * 60 * 60 * 1_000
  const now = Date.UTC(2026, 10, 23, 12)
  const times = Array.from({ length: 400 }, (_, index) => now - index * day)
  const kept = keptBy({ daily: 7, weekly: 4, monthly: 6 }, times, now, 'UTC')
  const dates = Array.from(kept, (time) => new Date(time).toISOString().slice(0, 10))
  expect(dates.toSorted().toReversed()).toEqual([
    ...['2026-11-23', '2026-11-22', '2026-11-21', '2026-11-20', '2026-11-19', '2026-11-18', '2026-11-17'],
    ...['2026-11-15', '2026-11-08', '2026-10-31', '2026-09-30', '2026-08-31', '2026-07-31', '2026-06-30'],
  ])
  const nobody = { daily: 0, weekly: 0, monthly: 0 }
  expect(keptBy(nobody, times, now, 'UTC')).toEqual(new Set([now]))
})

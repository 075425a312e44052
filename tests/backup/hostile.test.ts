// What is no backup of ours is refused before anything changes, and cannot write anywhere.

import { expect, test } from 'bun:test'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startTestHouse } from '@home-console/sdk/testing'
import type { Manifest } from '../../core/backup/manifest.ts'
import { contentsOf, DIARY, filesBelow, keep, kept, makeBackup, writeArchive } from './kit.ts'

type Entries = Parameters<typeof writeArchive>[1]
type Good = Map<string, Buffer>

const sha256 = (content: Uint8Array | string) => new Bun.CryptoHasher('sha256').update(content).digest('hex')

/** The manifest, changed. */
function saying(good: Good, change: (manifest: Manifest) => void): string {
  const manifest = JSON.parse(good.get('manifest.json')!.toString()) as Manifest
  change(manifest)
  return JSON.stringify(manifest)
}

/** With one more entry, of which the manifest speaks too. */
function with_(good: Good, name: string, content = 'x', header: object = {}): Entries {
  const manifest = saying(good, ({ files }) => {
    files[name] = { bytes: content.length, sha256: sha256(content) }
  })
  const entries = [...good].filter(([other]) => other !== 'manifest.json')
  return [...entries, [name, content, header], ['manifest.json', manifest]]
}

function without(good: Good, name: string): Entries {
  return [...good].filter(([other]) => other !== name)
}

function replaced(good: Good, name: string, content: Uint8Array | string): Entries {
  return [...good].map(([other, before]) => [other, other === name ? content : before] as const)
}

const KINDS: Readonly<Record<string, (good: Good) => Entries>> = {
  'a path out of the folder': (good) => with_(good, 'data/files/../../../escaped'),
  'an absolute path': (good) => with_(good, '/tmp/home-console-escaped'),
  'a path that begins outside': (good) => with_(good, '../escaped'),
  'an empty part': (good) => with_(good, 'data/files//escaped'),
  'a backslash': (good) => with_(good, 'data/files/..\\escaped'),
  'a token of its own': (good) => with_(good, 'data/admin-token'),
  'a key of its own': (good) => with_(good, 'data/secret.key'),
  'a write-ahead log': (good) => with_(good, 'data/plugins/diary.sqlite-wal'),
  'a symbolic link': (good) =>
    with_(good, 'data/files/link', '', { type: 'symlink', linkname: '/etc/passwd' }),
  'a hard link': (good) => with_(good, 'data/files/link', '', { type: 'link', linkname: 'data/core.sqlite' }),
  'a device': (good) => with_(good, 'data/files/device', '', { type: 'character-device' }),
  'a pipe': (good) => with_(good, 'data/files/pipe', '', { type: 'fifo' }),
  'a folder': (good) => with_(good, 'data/files/folder/', '', { type: 'directory' }),
  'a file below a file': (good) => with_(good, 'data/files/diary/last.txt/more'),
  'an entry twice': (good) =>
    [...good].flatMap((entry) => (entry[0] === 'manifest.json' ? [entry] : [entry, entry])),
  'something behind its end': (good) => [...good, ['data/files/behind', 'x']],
  'no manifest': (good) => without(good, 'manifest.json'),
  'a manifest that is no JSON': (good) => replaced(good, 'manifest.json', '{'),
  'a manifest of another kind': (good) => replaced(good, 'manifest.json', '{"format":1}'),
  'a manifest that names __proto__': (good) =>
    replaced(good, 'manifest.json', '{"__proto__":{"format":1},"files":{"__proto__":{}}}'),
  'something that its manifest does not name': (good) => [['data/files/more', 'x'], ...good],
  'less than its manifest names': (good) => without(good, 'data/files/diary/last.txt'),
  'other content than its manifest says': (good) => replaced(good, 'data/files/diary/last.txt', 'dood'),
  'no database of the Core': (good) => [
    ...[...good].filter(([name]) => !/core|manifest/.test(name)),
    ['manifest.json', saying(good, ({ files }) => delete files['data/core.sqlite'])],
  ],
  "a database of somebody else's as the Core's": (good) => {
    const other = good.get('data/plugins/diary.sqlite')!
    const manifest = saying(good, ({ files }) => {
      files['data/core.sqlite'] = { bytes: other.length, sha256: sha256(other) }
    })
    return [
      ...replaced(new Map(replaced(good, 'data/core.sqlite', other) as never), 'manifest.json', manifest),
    ]
  },
  'a damaged database': (good) => {
    const damaged = Buffer.from(good.get('data/plugins/diary.sqlite')!).fill(0x5a, 4_096)
    const manifest = saying(good, ({ files }) => {
      files['data/plugins/diary.sqlite'] = { bytes: damaged.length, sha256: sha256(damaged) }
    })
    return replaced(
      new Map(replaced(good, 'data/plugins/diary.sqlite', damaged) as never),
      'manifest.json',
      manifest,
    )
  },
  'a newer version': (good) =>
    replaced(
      good,
      'manifest.json',
      saying(good, (manifest) => (manifest.version = '99.0.0')),
    ),
  'a newer format': (good) =>
    replaced(
      good,
      'manifest.json',
      saying(good, (manifest) => (manifest.format = 2)),
    ),
  'a version that is none': (good) =>
    replaced(
      good,
      'manifest.json',
      saying(good, (manifest) => (manifest.version = 'soon')),
    ),
}

test('what is no backup of ours is refused, and nothing has changed', async () => {
  await using house = await startTestHouse({ plugins: { diary: DIARY } })
  await keep(house, 'mood', 'good')
  const good = await contentsOf((await makeBackup(house)).file)
  const before = filesBelow(house.folder).filter((name) => !/restore|sqlite-/.test(name))
  const file = join(house.folder, 'archive')
  const restore = async () => {
    const response = await house.request('/api/core/restore', { method: 'POST', body: Bun.file(file) })
    const { code, detail } = (await response.json()) as { code: string; detail: string }
    return [response.status, code, detail]
  }
  for (const [kind, make] of Object.entries(KINDS)) {
    await writeArchive(file, make(good))
    expect([kind, ...(await restore())]).toEqual([kind, 422, 'backup_refused', expect.stringMatching(/./)])
  }
  for (const junk of ['', 'junk', crypto.getRandomValues(Buffer.alloc(10_000))]) {
    writeFileSync(file, junk)
    expect((await restore()).slice(0, 2)).toEqual([422, 'backup_refused'])
  }
  expect(filesBelow(house.folder).filter((name) => !/restore|sqlite-|archive/.test(name))).toEqual(before)
  expect(filesBelow(join(house.folder, 'data/restore'))).toEqual([])
  expect(existsSync('/tmp/home-console-escaped')).toBe(false)
  expect(await kept(house, 'mood')).toBe('good')
  await writeArchive(file, good)
  const answer = await house.request('/api/core/restore?dryRun=true', {
    method: 'POST',
    body: Bun.file(file),
  })
  expect(answer.status).toBe(200)
}, 60_000)

test('what unpacks to more than the disk holds is not unpacked', async () => {
  await using house = await startTestHouse({ plugins: { diary: DIARY } })
  const good = await contentsOf((await makeBackup(house)).file)
  const file = join(house.folder, 'archive')
  await writeArchive(file, [['data/files/bomb', 'x'], ...good])
  // The first entry says that it has 4 TiB.
  const { zstdCompressSync, zstdDecompressSync } = await import('node:zlib')
  const tar = zstdDecompressSync(readFileSync(file))
  tar.write('\x80\0\0\0\0\0\x04\0\0\0\0\0', 124, 'latin1')
  tar.fill(' ', 148, 156)
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0)
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  writeFileSync(file, zstdCompressSync(tar))
  const answer = await house.request('/api/core/restore', { method: 'POST', body: Bun.file(file) })
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([507, 'disk_full'])
  expect(filesBelow(join(house.folder, 'data/restore'))).toEqual([])
})

test('what is sent as something else than a backup is not taken for one', async () => {
  await using house = await startTestHouse()
  expect((await house.send('POST', '/api/core/restore', {})).status).toBe(415)
})

test('only an owner brings a backup back', async () => {
  await using house = await startTestHouse()
  mkdirSync(join(house.folder, 'data/backups'), { recursive: true })
  const anonymous = { method: 'POST', body: 'x', headers: { Authorization: '' } }
  expect((await house.request('/api/core/restore', anonymous)).status).toBe(401)
  const named = (name: string) =>
    house.request(`/api/core/restore?backup=${encodeURIComponent(name)}`, { method: 'POST' })
  for (const name of ['../core.sqlite', 'none', '']) expect((await named(name)).status).toBe(404)
})

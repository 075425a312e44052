// A house that has something to lose, and archives that somebody wrote by hand.

import { Database } from 'bun:sqlite'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { createZstdCompress } from 'node:zlib'
import { createTarPacker } from 'modern-tar'
import { type TestHouse } from '@home-console/sdk/testing'
import { entriesOf } from '../../core/backup/archive.ts'
import type { NewBackup } from '../../core/backup/backups.ts'

/** Keeps what it is told, in its own database. */
export const DIARY = {
  'index.ts': `
    import { writeFileSync } from 'node:fs'
    import { join } from 'node:path'
    export default {
      onLoad(ctx) {
        const router = ctx.router()
        router.get('/:key', (c) => c.json({ value: ctx.kv.get(c.req.param('key')) ?? null }))
        router.put('/:key', async (c) => {
          ctx.kv.set(c.req.param('key'), await c.req.json(), { secret: c.req.query('secret') === '1' })
          writeFileSync(join(ctx.files, 'last.txt'), c.req.param('key'))
          return c.json({})
        })
        return router
      },
    }`,
}

export const keep = (house: TestHouse, key: string, value: unknown, query = '') =>
  house.send('PUT', `/api/plugins/diary/${key}${query}`, value)

export async function kept(house: TestHouse, key: string): Promise<unknown> {
  return ((await (await house.request(`/api/plugins/diary/${key}`)).json()) as { value: unknown }).value
}

export async function makeBackup(house: TestHouse, wish: object = {}): Promise<NewBackup & { file: string }> {
  const response = await house.send('POST', '/api/core/backups', wish)
  const made = (await response.json()) as NewBackup
  if (response.status !== 200) throw new Error(JSON.stringify(made))
  return { ...made, file: join(house.folder, 'data/backups', made.name) }
}

/** What is in a backup, by name. */
export async function contentsOf(file: string): Promise<Map<string, Buffer>> {
  const contents = new Map<string, Buffer>()
  for await (const { header, body } of entriesOf(file))
    contents.set(header.name, Buffer.from(await new Response(body).arrayBuffer()))
  return contents
}

type Header = Parameters<ReturnType<typeof createTarPacker>['controller']['add']>[0]

/** Writes an archive of any kind. */
export async function writeArchive(
  file: string,
  entries: Iterable<readonly [name: string, content: Uint8Array | string, header?: Partial<Header>]>,
): Promise<void> {
  const { readable, controller } = createTarPacker()
  const written = Bun.write(
    file,
    new Response(Readable.toWeb(Readable.fromWeb(readable as never).pipe(createZstdCompress())) as never),
  )
  for (const [name, content, header] of entries) {
    const bytes = Buffer.from(content)
    const writer = controller.add({ name, size: bytes.length, type: 'file', ...header }).getWriter()
    if (bytes.length > 0) await writer.write(new Uint8Array(bytes))
    await writer.close()
  }
  controller.finalize()
  await written
}

/** Every file below a folder, by path. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()
}

export function isWhole(database: string): boolean {
  using sqlite = new Database(database, { readwrite: true })
  return sqlite.query('PRAGMA integrity_check').values()[0]?.[0] === 'ok'
}

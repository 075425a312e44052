// Where a plugin begins is the same for the loader, for `hc plugin check` and for `hc plugin migrate`.

import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { startTestHouse } from '@home-console/sdk/testing'
import { hc } from './hc.ts'
import { pluginsFolder } from './plugin-on-disk.ts'

const lamp = `
import { definePlugin } from '@home-console/sdk'
import { integer, sqliteTable } from 'drizzle-orm/sqlite-core'
export default definePlugin({
  db: { schema: { lamps: sqliteTable('lamps', { id: integer().primaryKey() }) } },
  onLoad() {},
})
`
/** Not what Bun takes: loaded, it would fail. */
const wrong = `export default 'wrong'`

test.each<[manifest: object, entry: string]>([
  [{}, 'index.ts'],
  [{ main: './src/lamp.ts' }, 'src/lamp.ts'],
  [{ main: './wrong.ts', exports: './src/lamp.ts' }, 'src/lamp.ts'],
  [{ exports: { '.': './src/lamp.ts' } }, 'src/lamp.ts'],
  [
    { exports: { '.': { types: './wrong.ts', import: './src/lamp.ts', default: './wrong.ts' } } },
    'src/lamp.ts',
  ],
  [{ exports: { bun: './src/lamp.ts', default: './wrong.ts' } }, 'src/lamp.ts'],
  [{ exports: { default: './src/lamp.ts', bun: './wrong.ts' } }, 'src/lamp.ts'],
  [{ exports: { '.': [{ node: './src/lamp.ts' }, './wrong.ts'] } }, 'src/lamp.ts'],
  [{ exports: { './contract': './wrong.ts' }, main: 'src/lamp.ts' }, 'src/lamp.ts'],
  [{ exports: { '.': { require: './wrong.ts', module: './src/lamp.ts' } } }, 'src/lamp.ts'],
])(
  '%j begins in %s',
  async (manifest, entry) => {
    using folder = pluginsFolder({
      'lamp/package.json': JSON.stringify(manifest),
      'lamp/wrong.ts': wrong,
      [`lamp/${entry}`]: lamp,
    })
    const dir = join(folder.path, 'lamp')
    expect(await hc(['plugin', 'migrate', dir], { cwd: dir })).toMatchObject({ code: 0, err: '' })
    expect(await hc(['plugin', 'check', dir], { cwd: dir })).toMatchObject({ code: 0, err: '' })
    await using house = await startTestHouse({ plugins: { lamp: dir } })
    expect(house.runtime.loader.view('lamp')).toMatchObject({ state: 'active', error: null })
  },
  20_000,
)

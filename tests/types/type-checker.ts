// Type-checks plugins that lie outside the checkout, as their authors do: `bun check` with a tsconfig.json of their own.

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pluginsFolder } from '../cli/plugin-on-disk.ts'

const CHECKOUT = join(import.meta.dir, '../..')

/** What docs/guide.md tells the author of a plugin outside the checkout to write. */
const TSCONFIG = JSON.stringify({
  extends: join(CHECKOUT, 'tsconfig.json'),
  compilerOptions: { types: [join(CHECKOUT, 'node_modules/bun-types')] },
  include: ['.'],
})

/** The packages that the author installed. */
const INSTALLED = ['drizzle-orm', 'hono', 'valibot', 'zod']

/**
 * What the type checker says of these files, by path below the folder of plugins.
 *
 * @returns each complaint as `lamp/index.ts:4 TS2345 what is wrong`
 */
export function complaintsAbout(files: Readonly<Record<string, string>>): string[] {
  using folder = pluginsFolder(files)
  mkdirSync(join(folder.path, 'node_modules/@home-console'), { recursive: true })
  symlinkSync(join(CHECKOUT, 'core/sdk'), join(folder.path, 'node_modules/@home-console/sdk'))
  for (const name of INSTALLED) {
    symlinkSync(join(CHECKOUT, 'node_modules', name), join(folder.path, 'node_modules', name))
  }
  writeFileSync(join(folder.path, 'tsconfig.json'), TSCONFIG)
  const { stdout, stderr, exitCode } = Bun.spawnSync(
    [process.execPath, 'check', '--no-script', '--no-pretty', '--all', '-p', 'tsconfig.json'],
    { cwd: folder.path, stdout: 'pipe', stderr: 'pipe' },
  )
  const output = stdout.toString()
  const complaints = [...output.matchAll(/^(\S+)\((\d+),\d+\): error (TS\d+): (.*)$/gm)]
  // What is no complaint about a line is one about the checker, and no success.
  if ((exitCode === 0) !== (complaints.length === 0)) throw new Error(output + stderr.toString())
  return complaints.map(([, file, line, code, message]) => `${file}:${line} ${code} ${message}`)
}

/** A plugin whose `onLoad(ctx)` has this body, from line 3 on. */
export function pluginOf(body: string, { members = '', head = '' } = {}): string {
  return `import { definePlugin } from '@home-console/sdk'; ${head}
export default definePlugin({ ${members} onLoad(ctx) {
${body}
} })
`
}

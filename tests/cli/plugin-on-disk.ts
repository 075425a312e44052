// Writes sources to a folder of plugins, for the time of a test.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export interface PluginsFolder extends Disposable {
  readonly path: string
}

/** By path below the folder: `lamp/index.ts`. */
export function pluginsFolder(files: Readonly<Record<string, string>>): PluginsFolder {
  const root = mkdtempSync(join(tmpdir(), 'hc-'))
  const path = join(root, 'plugins')
  mkdirSync(path)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), text)
  }
  return { path, [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) }
}

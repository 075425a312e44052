// A temporary folder of a benchmark's own, and saving files in it the way that editors do.

import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'

export const repository = dirname(dirname(import.meta.dir))

/** Files by their path below a folder. */
export type Files = Readonly<Record<string, string>>

export class Workspace implements Disposable {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'home-console-bench-')))

  path(...names: string[]): string {
    return join(this.folder, ...names)
  }

  write(folder: string, files: Files): void {
    for (const [name, text] of Object.entries(files)) {
      const path = this.path(folder, name)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text)
    }
  }

  /** Lets what is in the folder import the repository's packages. */
  linkPackages(): void {
    symlinkSync(join(repository, 'node_modules'), this.path('node_modules'))
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Writes beside the file and renames over it: whoever reads finds the old text or the new, and nothing between. */
export function saveAtomically(path: string, text: string): void {
  const beside = join(dirname(path), `.${basename(path)}.new`)
  writeFileSync(beside, text)
  renameSync(beside, path)
}

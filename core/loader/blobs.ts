// Files under the hash of their contents: written whole or not at all, and checked when they are read.

import { existsSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { sha256 } from './sources.ts'

export class Blobs {
  readonly #dir: string

  /** @param dir absolute; made when first written to */
  constructor(dir: string) {
    this.#dir = dir
  }

  has(hash: string): boolean {
    return existsSync(join(this.#dir, hash))
  }

  /** @throws what the file system says */
  async put(hash: string, content: Buffer): Promise<void> {
    if (!this.has(hash)) await writeWhole(join(this.#dir, hash), content)
  }

  /** @throws Error when it is gone, or not what it was */
  async get(hash: string): Promise<Buffer> {
    const content = await readFile(join(this.#dir, hash))
    if (sha256(content) !== hash) throw new Error(`${join(this.#dir, hash)} is damaged.`)
    return content
  }

  /** After this, what was put survives a power cut. */
  async sync(): Promise<void> {
    const folder = await open(this.#dir)
    await folder.sync().finally(() => folder.close())
  }

  /** Removes all but those. */
  async sweep(named: ReadonlySet<string>): Promise<void> {
    const found = await readdir(this.#dir)
    await Promise.all(found.filter((name) => !named.has(name)).map((name) => rm(join(this.#dir, name))))
  }
}

let writes = 0

/** Whoever reads the file finds the old contents or the new, whenever the power goes. */
export async function writeWhole(file: string, content: Buffer | string): Promise<void> {
  const folder = dirname(file)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // Two files may have the same contents.
  const beside = `${file}.${++writes}.new`
  const handle = await open(beside, 'w', 0o600)
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(beside, file)
}

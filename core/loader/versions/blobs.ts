// Files under the hash of their contents: written whole or not at all, and checked when they are read.

import { existsSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeWholeAside } from '../../db/whole-file.ts'
import { sha256 } from '../files/sources.ts'

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
    if (this.has(hash)) return
    await mkdir(this.#dir, { recursive: true, mode: 0o700 })
    await writeWholeAside(join(this.#dir, hash), content)
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

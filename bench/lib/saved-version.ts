// A file of a served plugin that carries a version: saves it, and waits until the version is answered.

import type { KeptConnection } from './kept-connection.ts'
import { saveAtomically } from './workspace.ts'

/** A save that is not seen after this long is not seen at all, in ms. */
const PATIENCE_MS = 5_000

export interface SavedVersionOptions {
  readonly connection: KeptConnection
  /** Answers the version as its whole text. */
  readonly path: string
  readonly token?: string
  readonly file: string
  /** What the file holds in a version. */
  readonly text: (version: number) => string
}

export class SavedVersion {
  readonly #options: SavedVersionOptions
  #version = 0

  constructor(options: SavedVersionOptions) {
    this.#options = options
  }

  /**
   * Saves the next version in one step, and asks until it is answered.
   *
   * @returns how long that took, in ms
   * @throws Error when it never comes
   */
  async save(): Promise<number> {
    const { connection, path, token, file, text } = this.#options
    const version = ++this.#version
    const saved = performance.now()
    saveAtomically(file, text(version))
    for (;;) {
      const { body } = await connection.send('GET', path, token)
      const took = performance.now() - saved
      if (body === String(version)) return took
      if (took > PATIENCE_MS)
        throw new Error(
          `Version ${version} of ${file} was not answered within ${PATIENCE_MS} ms, but: ${body}`,
        )
    }
  }
}

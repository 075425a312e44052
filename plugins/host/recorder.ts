// Writes samples down a minute at a time: a memory card wears out by the write, and not by the byte.

import type { Archive, Point, Question } from './archive.ts'
import type { Sample } from './contract.ts'

/** While the disk is full, the last so many are kept in memory: an hour's. */
const MOST = 720

export class Recorder {
  readonly #archive: Archive
  #unwritten: Sample[] = []

  constructor(archive: Archive) {
    this.#archive = archive
  }

  push(sample: Sample): void {
    this.#unwritten.push(sample)
    if (this.#unwritten.length > MOST) this.#unwritten.shift()
  }

  /** @throws Problem `storage_failed`; then they are written the next time */
  flush(): void {
    if (this.#unwritten.length === 0) return
    this.#archive.write(this.#unwritten)
    this.#unwritten = []
  }

  /** Those that are on the disk. */
  written(from: number, until: number): Sample[] {
    return this.#archive.samples(from, until)
  }

  read(question: Question): Point[] {
    return this.#archive.read(question, this.#unwritten)
  }
}

// The files of one plugin: which they are, what they say now, and whether a change somewhere is one of theirs.

import { realpathSync } from 'node:fs'
import { readPlace, type PluginPlace, type PluginSource } from '../files/discovery.ts'
import { SourceReader, type Sources } from '../files/sources.ts'
import type { RestoredVersion } from '../versions/versions.ts'

/** The files of a plugin as they are now, or why they cannot be read. */
export interface Reading {
  readonly source: PluginSource | null
  readonly sources: Sources | null
  /** The same files give the same digest, the same trouble too. */
  readonly digest: string
  readonly error: unknown
  /** The kept version that is taken instead of them. */
  readonly restored: RestoredVersion | null
  /** Reads what this was read from once more. */
  again(): Reading
}

export class PluginFiles {
  readonly place: PluginPlace
  readonly #onOutside: (paths: string[]) => void
  readonly #reader = new SourceReader()
  #files: ReadonlySet<string> = new Set()
  /** Where they really are, for those that an import names by another path. */
  #realFiles: ReadonlySet<string> = new Set()

  /** @param onOutside told of files outside the plugin's folder, so that they are watched */
  constructor(place: PluginPlace, onOutside: (paths: string[]) => void) {
    this.place = place
    this.#onOutside = onOutside
  }

  /** Whether the path is one of the files, or the place itself. */
  has(path: string): boolean {
    return this.#files.has(path) || this.#realFiles.has(path) || path === this.place.path
  }

  /** Whether the path is in the plugin's folder. */
  holds(path: string): boolean {
    return !this.place.single && path.startsWith(`${this.place.path}/`)
  }

  wasReplaced(path: string): boolean {
    return this.#reader.wasReplaced(path)
  }

  /** Those that are not what they were when they were read. */
  changed(): string[] {
    return this.#reader.changed()
  }

  read(): Reading {
    const reading = this.#readWith(this.#reader)
    if (reading.sources !== null) this.#remember(reading.sources)
    return reading
  }

  /** Reads them, and is none the wiser: what changed is still to be noticed. */
  peek(): Reading {
    return this.#readWith(new SourceReader())
  }

  #readWith(reader: SourceReader): Reading {
    const again = () => (reader === this.#reader ? this.read() : this.#readWith(reader))
    try {
      const source = readPlace(this.place)
      const sources = reader.read(source)
      const digest = `${source.id} ${sources.digest}`
      return { source, sources, digest, error: null, restored: null, again }
    } catch (error) {
      const digest = `unreadable: ${String(error)}`
      return { source: null, sources: null, digest, error, restored: null, again }
    }
  }

  #remember({ files }: Sources): void {
    if (files.size === this.#files.size && [...files].every((file) => this.#files.has(file))) return
    this.#files = files
    this.#realFiles = new Set(Array.from(files, realPathOf))
    const inside = (path: string) => this.holds(path) && !path.includes('/node_modules/')
    this.#onOutside([...this.#realFiles].filter((path) => !inside(path)))
  }
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

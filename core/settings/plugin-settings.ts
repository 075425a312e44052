// What one plugin is set to: its file, the environment over it, and how the one is changed.

import { readFileSync, statSync } from 'node:fs'
import { keepIn } from '../db/storage-trouble.ts'
import { prepareFile } from '../db/whole-file.ts'
import { BadDocument, editDocument, MAX_LENGTH, readDocument, type Document } from './document.ts'
import { fromEnvironment, type FromEnvironment } from './environment.ts'
import { isObject, valueAt, withValueAt, type Json, type JsonObject, type Path } from './json.ts'
import { opened, sealed, withoutPaths, type Opened, type Sealer } from './secrets.ts'
import { Shape, type Schema } from './shape.ts'

/** What stands in the file, secrets sealed. */
export interface Stored extends Document {
  /** Null where there is no file. */
  readonly text: string | null
}

/** What the schema is to check: the file, and the environment over it. */
export interface Given extends Opened, FromEnvironment {
  readonly stored: Stored
  /** What stands in the file and the schema does not know. It is left out of the values. */
  readonly strangers: readonly Path[]
}

/** A change of the file that is on the disk beside it. */
export interface Draft {
  readonly stored: Stored
  /**
   * @returns whether it took the file's place; false when somebody else changed the file meanwhile
   * @throws StorageTrouble
   */
  commit(): boolean
  discard(): void
}

/** What a plugin takes, as it says itself. */
export interface Described {
  readonly schema: Schema
  readonly shape: Shape
}

export interface PluginSettingsOptions {
  readonly id: string
  /** Absolute. */
  readonly file: string
  readonly environment: Readonly<Record<string, string>>
  readonly sealer: Sealer
  /** Told of each text that must not be shown. */
  readonly mask: (secret: string) => void
}

export class PluginSettings {
  readonly id: string
  readonly file: string
  readonly #options: PluginSettingsOptions
  /** What the version that serves, or served last, was given. */
  inForce: Stored | null = null
  /** What stood in the file when it was edited so that the plugin does not take it; undefined when all is well. */
  refused: string | null | undefined
  /** Of the version that was imported last. */
  described: Described | null = null
  /** What stood in the file when it was looked at last. */
  #seen: string | null | undefined
  #stamp = ''

  constructor(options: PluginSettingsOptions) {
    this.id = options.id
    this.file = options.file
    this.#options = options
  }

  /** What stands in the file now. @throws BadDocument */
  read(): Stored {
    this.#seen = this.#text()
    return this.#parsed(this.#seen)
  }

  /** The same, for a look: an edit is still to be noticed. @throws BadDocument */
  peek(): Stored {
    return this.#parsed(this.#text())
  }

  #parsed(text: string | null): Stored {
    return text === null ? { text, values: {}, lineOf: () => 1 } : { text, ...readDocument(text) }
  }

  /** What the next version is to be given. @throws BadDocument */
  next(): Stored {
    // An edit that the version meets first is still to be noticed.
    if (this.#seen === undefined) this.#seen = this.textNow()
    const isRefused = this.refused !== undefined && this.refused === this.textNow()
    return isRefused && this.inForce !== null ? this.inForce : this.peek()
  }

  /** Null where there is no file, or none that can be read. */
  textNow(): string | null {
    try {
      return this.#text()
    } catch {
      return null
    }
  }

  /** Whether somebody else wrote the file since it was read or written here. */
  wasEdited(): boolean {
    return this.#seen !== undefined && this.#text() !== this.#seen
  }

  /** Whether the file may have changed since this was asked last. */
  mayHaveChanged(): boolean {
    const stats = statSync(this.file, { throwIfNoEntry: false })
    const stamp = stats === undefined ? '' : `${stats.ino} ${stats.size} ${stats.mtimeMs}`
    const isNew = stamp !== this.#stamp
    this.#stamp = stamp
    return isNew
  }

  given(stored: Stored, shape: Shape): Given {
    const environment = fromEnvironment(this.id, this.#options.environment, shape)
    const open = opened(stored.values, this.id, this.#options.sealer)
    const readable = withoutPaths(
      open.values,
      open.unreadable.map(({ path }) => path),
    )
    const strangers = [...shape.unknownIn(readable)]
    let values = withoutPaths(readable, strangers)
    for (const { path, value } of environment.fixed) values = withValueAt(values, path, value)
    this.hide(values, shape)
    return { ...open, ...environment, values: values as JsonObject, stored, strangers }
  }

  /** What stands in the file, with its secrets open, but for those that cannot be. */
  opened(stored: Stored): JsonObject {
    return opened(stored.values, this.id, this.#options.sealer).values
  }

  /**
   * Writes other values beside the file, and seals the secrets in them.
   *
   * @throws StorageTrouble when they cannot be written; Error when their secrets cannot be sealed
   */
  draft(before: Stored, values: JsonObject, shape: Shape): Draft {
    const { id, file } = this
    const { sealer } = this.#options
    this.hide(values, shape)
    const closed = sealed(values, before.values, { id, sealer, shape })
    const text = editDocument(before.text ?? emptyDocument(id), closed)
    const stored = { text, ...readDocument(text) }
    if (text === before.text || (before.text === null && Object.keys(closed).length === 0))
      return { stored: before, commit: () => true, discard() {} }
    const prepared = keepIn(file, () => prepareFile(file, text))
    return {
      stored,
      commit: () => {
        if (this.#text() !== before.text) {
          prepared.discard()
          return false
        }
        keepIn(file, () => prepared.commit())
        this.#seen = text
        this.mayHaveChanged()
        return true
      },
      discard: () => prepared.discard(),
    }
  }

  /** From now on no log shows the secrets in these values. */
  hide(values: unknown, shape: Shape): void {
    for (const path of shape.secretsIn(values)) this.#mask(valueAt(values, path) as Json)
  }

  #text(): string | null {
    try {
      if (statSync(this.file).size > MAX_LENGTH * 4)
        throw new BadDocument(`It is longer than ${MAX_LENGTH} characters.`, 1)
      // Some editors begin a file with a mark that is no part of it.
      return readFileSync(this.file, 'utf8').replace(/^\uFEFF/, '')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      if (error instanceof BadDocument) throw error
      throw new BadDocument(`It cannot be read: ${(error as Error).message}`, 1)
    }
  }

  #mask(value: Json): void {
    if (typeof value === 'string') this.#options.mask(value)
    else if (typeof value === 'number') this.#options.mask(String(value))
    else if (Array.isArray(value)) for (const item of value) this.#mask(item)
    else if (isObject(value)) for (const item of Object.values(value)) this.#mask(item)
  }
}

function emptyDocument(id: string): string {
  return `// What the plugin "${id}" is set to. Comments stay; secrets are encrypted.\n{\n}\n`
}

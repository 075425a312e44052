// The settings of every plugin, by id: one file each in one folder.

import { mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { PluginSettings, type PluginSettingsOptions } from './plugin-settings.ts'

const ENDING = '.jsonc'

export class Settings {
  readonly folder: string
  readonly #options: Omit<PluginSettingsOptions, 'id' | 'file'>
  readonly #byId = new Map<string, PluginSettings>()

  /** @param options `folder` is absolute; made where there is none */
  constructor({ folder, ...options }: Omit<PluginSettingsOptions, 'id' | 'file'> & { folder: string }) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.folder = folder
    this.#options = options
  }

  of(id: string): PluginSettings {
    let known = this.#byId.get(id)
    if (known === undefined) {
      known = new PluginSettings({ ...this.#options, id, file: join(this.folder, id + ENDING) })
      known.mayHaveChanged()
      this.#byId.set(id, known)
    }
    return known
  }

  /** Whose file it is; null for one that is nobody's. */
  idOf(path: string): string | null {
    return path.startsWith(`${this.folder}/`) && path.endsWith(ENDING) ? basename(path, ENDING) : null
  }

  /** The files that may have changed since this was asked last. */
  changed(): string[] {
    return [...this.#byId.values()].flatMap((settings) => (settings.mayHaveChanged() ? settings.file : []))
  }
}

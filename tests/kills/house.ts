// A house that says the same in three places: in a file, in a plugin's database, and in the Core's own.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DIARY, filesBelow } from '../backup/kit.ts'
import type { CoreProcess } from '../faults/core-process.ts'
import { get, send } from './kill.ts'

export const FILES = { 'diary/index.ts': DIARY['index.ts'] }

export class House {
  readonly #core: CoreProcess

  constructor(core: CoreProcess) {
    this.#core = core
  }

  path(...names: string[]): string {
    return join(this.#core.folder, 'data', ...names)
  }

  /** Something that cannot be compressed, so that to copy it takes a while. */
  fill(megabytes: number): void {
    const noise = Array.from({ length: megabytes * 16 }, () => crypto.getRandomValues(Buffer.alloc(65_536)))
    writeFileSync(this.path('files/diary/noise'), Buffer.concat(noise))
  }

  /** @param locale of the home, such as `de-DE` */
  async become(locale: string): Promise<void> {
    await send(this.#core, 'PUT', '/api/plugins/diary/locale', locale)
    await send(this.#core, 'PATCH', '/api/core/home', { locale })
    writeFileSync(this.path('files/diary/locale.txt'), locale)
  }

  /** What the three places say. */
  async says(): Promise<[file: string, plugin: string, core: string]> {
    const { value } = await get(this.#core, '/api/plugins/diary/locale')
    const { locale } = await get(this.#core, '/api/core/home')
    return [readFileSync(this.path('files/diary/locale.txt'), 'utf8'), value, locale]
  }

  /** What should have been cleared away at the start. */
  leftBehind(): string[] {
    return filesBelow(this.path()).filter((name) =>
      /\.part$|^\.backup|^restore\/(new|before|state|upload)/.test(name),
    )
  }
}

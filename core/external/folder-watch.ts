// Says when a file of this name, in any folder below one, may have come, changed or gone: every event is a hint and no more.

import { readdirSync, statSync, watch, type FSWatcher, type Stats } from 'node:fs'
import { basename, dirname, join } from 'node:path'

export interface FolderWatchOptions {
  /** May not be there. */
  readonly dir: string
  readonly file: string
  readonly onChange: () => void
}

/** What is written in place is read when it has been quiet for so long, in ms. */
const QUIET_MS = 50
/** The system does not say all that happens: a folder that vanished is no longer watched. */
const LOOK_AGAIN_MS = 2_000

export class FolderWatch {
  readonly #options: FolderWatchOptions
  readonly #watchers = new Map<string, FSWatcher>()
  readonly #lookingAgain: Timer
  #known: string
  #timer: Timer | undefined

  constructor(options: FolderWatchOptions) {
    this.#options = options
    this.#known = this.#glance()
    this.#lookingAgain = setInterval(() => this.#look(), LOOK_AGAIN_MS)
    this.#lookingAgain.unref()
  }

  close(): void {
    clearInterval(this.#lookingAgain)
    clearTimeout(this.#timer)
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  #look(): void {
    const now = this.#glance()
    if (now !== this.#known) this.#hint()
  }

  /** What is there now, in one text; and from now on all of it is watched. */
  #glance(): string {
    const { dir, file } = this.#options
    const seen: string[] = []
    let names: string[] = []
    try {
      names = readdirSync(dir)
    } catch {
      // Not there, or not yet.
    }
    // While it is not there, whoever makes it does so in the folder above.
    for (const path of [dirname(dir), dir, ...names.map((name) => join(dir, name))]) this.#follow(path)
    for (const name of names) {
      const stats = statsOf(join(dir, name, file))
      if (stats !== undefined)
        seen.push(`${name} ${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`)
    }
    return seen.join('\n')
  }

  #follow(path: string): void {
    if (this.#watchers.has(path) || statsOf(path)?.isDirectory() !== true) return
    const { dir, file } = this.#options
    const forget = () => {
      this.#watchers.get(path)?.close()
      this.#watchers.delete(path)
    }
    try {
      const watcher = watch(path, (_event, name) => {
        const told = path === dirname(dir) ? basename(dir) : file
        if (path === dir || name === null || name === told) this.#hint()
        // It may be another folder by now.
        if (name === null || statsOf(path) === undefined) forget()
      })
      watcher.on('error', forget)
      watcher.unref()
      this.#watchers.set(path, watcher)
    } catch {
      // Out of watches, or it went meanwhile: it is looked at again all the same.
    }
  }

  #hint(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#known = this.#glance()
      this.#options.onChange()
    }, QUIET_MS)
  }
}

/** Undefined where there is none, be it that its folder is a file. */
function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}

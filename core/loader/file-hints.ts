// Watches the plugins' files and says what may have changed, and how: every event is a hint and no more.

import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { watch, type FSWatcher } from 'chokidar'

export interface FileHint {
  readonly path: string
  /** Replaced in one step by a file that was finished elsewhere (an editor's atomic save): it can be read at once. */
  readonly whole: boolean
}

export interface FileHintsOptions {
  readonly folders: readonly string[]
  /** Called with what came together. */
  readonly onHints: (hints: readonly FileHint[]) => void
  /** Whether a known file is another one by now. */
  readonly wasReplaced: (path: string) => boolean
  readonly onError: (error: unknown) => void
}

const IGNORED_FOLDER = /\/(node_modules|\.git)(\/|$)/
/** Editors' temporary files, dot files and tests: none of a plugin's files. */
const IGNORED_NAME =
  /^\.|~$|^#.*#$|^4913$|\.(sw[a-p]|tmp|temp|bak|orig|part|crdownload)$|___jb_(tmp|old)___$|\.(test|spec)\.[cm]?[jt]sx?$/

/** Whether a path could be a plugin's file, by its name. */
export function isIgnored(path: string): boolean {
  return IGNORED_NAME.test(basename(path)) || IGNORED_FOLDER.test(path)
}

/** How often the folders are looked through where the system does not say what changes. */
const RESCAN_MS = 2_000

export class FileHints {
  readonly #options: FileHintsOptions
  readonly #watcher: FSWatcher
  readonly #rescan: Timer
  #degraded = false
  /** What the system said since the last turn of the loop: a save comes as several events at once. */
  #batch = new Map<string, { renames: number; changes: number }>()
  #order: string[] = []

  constructor(options: FileHintsOptions) {
    this.#options = options
    this.#watcher = watch([...options.folders], {
      ignoreInitial: true,
      ignored: (path) => IGNORED_FOLDER.test(path),
    })
    this.#watcher.on('raw', (event, path, details) => this.#noteRaw(event, path, details))
    // A file in a new folder, or one that came while the folder was not yet watched, has no raw event of its own.
    this.#watcher.on('all', (event, path) => event !== 'change' && this.#note(path, 'change'))
    this.#watcher.on('error', (error) => {
      this.#degraded = true
      options.onError(error)
    })
    this.#rescan = setInterval(() => this.#lookAgain(), RESCAN_MS)
    this.#rescan.unref()
  }

  /** Settles when events are being noticed. */
  get ready(): Promise<void> {
    return new Promise((resolve) => this.#watcher.once('ready', () => resolve()))
  }

  /** Watches a file outside the folders too: a helper elsewhere, the target of a link. */
  add(paths: readonly string[]): void {
    if (paths.length > 0) this.#watcher.add([...paths])
  }

  async close(): Promise<void> {
    clearInterval(this.#rescan)
    await this.#watcher.close()
  }

  #noteRaw(event: string, name: string | null, details: unknown): void {
    const { watchedPath: watched } = details as { watchedPath?: string }
    if (watched === undefined || name === null) return
    // A watched file names itself; a watched folder names what is in it.
    const path =
      basename(watched) === name && !existsSync(join(watched, name)) ? watched : join(watched, name)
    this.#note(path, event === 'rename' ? 'rename' : 'change')
  }

  #note(path: string, event: 'rename' | 'change'): void {
    if (this.#batch.size === 0) setImmediate(() => this.#flush())
    let seen = this.#batch.get(path)
    if (seen === undefined) this.#batch.set(path, (seen = { renames: 0, changes: 0 }))
    if (event === 'rename') {
      seen.renames++
      this.#order.push(path)
    } else seen.changes++
  }

  #flush(): void {
    const batch = this.#batch
    const order = this.#order
    this.#batch = new Map()
    this.#order = []
    const hints: FileHint[] = []
    for (const [path, { renames, changes }] of batch) {
      if (isIgnored(path)) continue
      hints.push({ path, whole: changes === 0 && renames === 1 && this.#cameWhole(path, order) })
    }
    if (hints.length > 0) this.#options.onHints(hints)
  }

  /**
   * A name that appeared in one step was moved here, from a name beside it that is gone, or over a file that we knew. A
   * file that is being written under its own name appears just so, but over nothing.
   */
  #cameWhole(path: string, order: readonly string[]): boolean {
    const source = order[order.indexOf(path) - 1]
    const moved =
      source !== undefined && dirname(source) === dirname(path) && !existsSync(source) && existsSync(path)
    return moved || this.#options.wasReplaced(path)
  }

  /** Folders that vanished are not watched, and may come back; and a system out of watches says nothing at all. */
  #lookAgain(): void {
    const gone = this.#options.folders.filter((folder) => !existsSync(folder))
    if (this.#degraded || gone.length > 0)
      this.#options.onHints(this.#options.folders.map((path) => ({ path, whole: false })))
  }
}

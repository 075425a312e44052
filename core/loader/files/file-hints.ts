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
  /** Called now and then: what the system said is not all that happened. */
  readonly onLookAgain: () => void
  readonly onError: (error: unknown) => void
}

const IGNORED_FOLDER = /\/(node_modules|\.git)(\/|$)/
/** Editors' temporary files, dot files and tests: none of a plugin's files. */
const IGNORED_NAME =
  /^\.|~$|^#.*#$|^4913$|\.(sw[a-p]|tmp|temp|bak|orig|part|crdownload)$|___jb_(tmp|old)___$|\.(test|spec)\.[cm]?[jt]sx?$/

/**
 * How often everything is looked through, whatever the system said: a folder that vanished is no longer watched, a write
 * right after a folder was made anew is missed, and a system out of watches says nothing at all.
 */
const LOOK_AGAIN_MS = 2_000

export class FileHints {
  /** Settles when events are being noticed. */
  readonly ready: Promise<void>
  readonly #options: FileHintsOptions
  readonly #watcher: FSWatcher
  readonly #lookingAgain: Timer
  /** What the system said since the last turn of the loop: a save comes as several events at once. */
  #batch = new Map<string, { renames: number; changes: number }>()
  #order: string[] = []
  readonly #added = new Set<string>()

  constructor(options: FileHintsOptions) {
    this.#options = options
    this.#watcher = watch([...options.folders], {
      ignoreInitial: true,
      ignored: (path) => this.#isIgnored(path),
    })
    this.ready = new Promise((resolve) => this.#watcher.once('ready', () => resolve()))
    this.#watcher.on('raw', (event, path, details) => this.#noteRaw(event, path, details))
    // A file in a new folder, or one that came while the folder was not yet watched, has no raw event of its own.
    this.#watcher.on('all', (event, path) => event !== 'change' && this.#note(path, 'change'))
    this.#watcher.on('error', options.onError)
    this.#lookingAgain = setInterval(options.onLookAgain, LOOK_AGAIN_MS)
    this.#lookingAgain.unref()
  }

  /** Watches more files: a helper outside the folders, the target of a link, a package's own `package.json`. */
  add(paths: readonly string[]): void {
    // What is watched twice is told twice, and one step looks like two.
    const more = paths.filter((path) => this.#folderOf(path) === undefined || this.#isIgnored(path))
    for (const path of more) this.#added.add(path)
    this.#watcher.add(more)
  }

  async close(): Promise<void> {
    clearInterval(this.#lookingAgain)
    await this.#watcher.close()
  }

  /** What lies in the folders of packages is not watched, but for what was asked for. */
  #isIgnored(path: string): boolean {
    const folder = this.#folderOf(path)
    return folder !== undefined && !this.#added.has(path) && IGNORED_FOLDER.test(path.slice(folder.length))
  }

  #folderOf(path: string): string | undefined {
    return this.#options.folders.find((folder) => path.startsWith(`${folder}/`))
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
      if (this.#isIgnored(path) || IGNORED_NAME.test(basename(path))) continue
      hints.push({ path, whole: changes === 0 && renames === 1 && this.#cameWhole(path, order) })
    }
    if (hints.length > 0) this.#options.onHints(hints)
  }

  /**
   * A name that appeared in one step was moved here, from a name beside it that is gone, or over a file that we knew. A
   * file that is being written under its own name appears just so, but over nothing.
   */
  #cameWhole(path: string, order: readonly string[]): boolean {
    // Asked first, as it is what a save is as a rule, and one look at the disk tells it.
    if (this.#options.wasReplaced(path)) return true
    const source = order[order.indexOf(path) - 1]
    return (
      source !== undefined && dirname(source) === dirname(path) && !existsSync(source) && existsSync(path)
    )
  }
}

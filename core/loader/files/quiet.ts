// Waits until saved files can be read: a whole file at once, those that are written in place when all have been quiet.

import { readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { FileHint } from './file-hints.ts'
import { Storm } from './storm.ts'

/** A file that is written in place is read when it has been quiet for this long, in ms. */
export const QUIET_MS = 50
/** What is quiet waits no longer than this for what is still being written beside it, in ms. */
const PATIENCE_MS = 1_000
/** How long a checkout may take, in ms. What is locked longer was left locked. */
const CHECKOUT_MS = 30_000

export interface QuietOptions {
  /** Whether a file that is whole must wait for one of those that are not. */
  readonly isTied: (path: string, written: readonly string[]) => boolean
  /** Whether a version that a file belongs to is on its way. */
  readonly isLoading: (path: string) => boolean
  /** Gets what can be read now, as one change, and for how many ms that waited. */
  readonly onQuiet: (files: readonly string[], waitedMs: number) => void
  /** Files in them are written by `git` now and then: a checkout is one change, however long it takes. */
  readonly folders: readonly string[]
}

export class Quiet {
  readonly #options: QuietOptions
  /** When each was noted last. */
  readonly #written = new Map<string, number>()
  readonly #storm: Storm
  #since = 0
  /** When a checkout was last seen to be under way: patience begins where it ends. */
  #checkoutAt = 0
  #timer: Timer | undefined

  constructor(options: QuietOptions) {
    this.#options = options
    this.#storm = new Storm(options.isLoading)
  }

  /** Takes what came together. */
  note(hints: readonly FileHint[]): void {
    const now = performance.now()
    const wait = (path: string) => {
      if (this.#written.size === 0) this.#since = now
      this.#written.set(path, now)
    }
    for (const { path, whole } of hints) if (!whole) wait(path)
    const ready: string[] = []
    for (const { path, whole } of hints) {
      if (!whole) continue
      const isTied = this.#written.size > 0 && this.#options.isTied(path, [...this.#written.keys()])
      // What is in a storm is read when that is over.
      if (isTied || this.#storm.note(path, now)) wait(path)
      else ready.push(path)
    }
    // Whoever writes without a pause must not put off the look for ever.
    if (this.#written.size > 0 && this.#timer === undefined) this.#lookIn(QUIET_MS)
    if (ready.length > 0) this.#options.onQuiet(ready, 0)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#written.clear()
  }

  #lookIn(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#look()
    }, ms)
  }

  #look(): void {
    const now = performance.now()
    if (this.#options.folders.flatMap(checkoutLock).some(isHeld)) {
      this.#checkoutAt = now
      this.#lookIn(QUIET_MS)
      return
    }
    // The loop may have been blocked, and events be on their way that this timer overtook: the files say it too.
    const quietIn = Array.from(this.#written, ([path, noted]) => ({
      path,
      ms: QUIET_MS - Math.min(now - noted, ageOf(path)),
    }))
    const quiet = quietIn.flatMap(({ path, ms }) => (ms <= 1 ? path : []))
    const isPatient = now - Math.max(this.#since, this.#checkoutAt) < PATIENCE_MS
    if (quiet.length < quietIn.length && (isPatient || quiet.length === 0)) {
      this.#lookIn(Math.max(...quietIn.map(({ ms }) => ms)) + 1)
      return
    }
    for (const path of quiet) this.#written.delete(path)
    if (this.#written.size > 0) this.#lookIn(QUIET_MS)
    this.#options.onQuiet(quiet, now - this.#since)
  }
}

/** Whether a checkout is under way. */
function isHeld(lock: string): boolean {
  const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs
  // A clock that was set back must not make it last.
  return since !== undefined && Math.abs(Date.now() - since) < CHECKOUT_MS
}

/** How long ago a file was written, in ms; Infinity for one that cannot be seen, or has a time to come. */
function ageOf(path: string): number {
  try {
    const { mtimeMs, ctimeMs } = statSync(path)
    const age = Date.now() - Math.max(mtimeMs, ctimeMs)
    return age < 0 ? Number.POSITIVE_INFINITY : age
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** The file that git keeps while it writes the files of the checkout that holds a folder. */
function checkoutLock(folder: string): string[] {
  for (let at = folder; ; at = dirname(at)) {
    const git = join(at, '.git')
    const stats = statSync(git, { throwIfNoEntry: false })
    if (stats?.isDirectory()) return [join(git, 'index.lock')]
    // A worktree of another checkout: a file that says where its own is.
    if (stats?.isFile()) {
      const [, named] = /^gitdir: (.+)$/m.exec(readFileSync(git, 'utf8')) ?? []
      return named === undefined ? [] : [join(resolve(at, named), 'index.lock')]
    }
    if (at === dirname(at)) return []
  }
}

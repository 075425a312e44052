// Puts a backup in the place of what the house has, at a start and before anything is opened; and takes it back.

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { syncFolder, writeWhole } from '../db/whole-file.ts'

// Below the data folder, which may be a mount that cannot be renamed itself:
//   restore/new     the backup, laid out and checked
//   restore/before  what the house had, until it has come up well with the backup
//   restore/state.json  how far it is; written whole, and after each step that it names
// Every step can be done again: whenever the process dies, the next start goes on from what the state says.

/** In the order in which they move. What SQLite keeps beside a database goes before it. */
const MEMBERS = [
  'core.sqlite-wal',
  'core.sqlite-shm',
  'core.sqlite',
  'plugins',
  'files',
  'config',
  'external',
  'secret.key',
]
/** They belong to the database that is moved, and no backup has any. */
const BESIDE_CORE: readonly string[] = ['core.sqlite-wal', 'core.sqlite-shm']
/** So many starts, of which none came to its end, and the house goes back. */
const MOST_STARTS = 3

const State = v.object({
  id: v.string(),
  backup: v.string(),
  /** Plugins that were active when it was decided. */
  active: v.array(v.string()),
  /** Those that the backup brings. */
  members: v.array(v.string()),
  phase: v.picklist(['swap', 'trial', 'back']),
  starts: v.optional(v.number(), 0),
  /** Code of plugins that was not there before, by its absolute path. */
  code: v.optional(v.array(v.string()), []),
  back: v.optional(
    v.object({ reason: v.string(), restored: v.array(v.string()), removed: v.array(v.string()) }),
  ),
})

type State = v.InferOutput<typeof State>

const Outcome = v.object({
  id: v.string(),
  backup: v.string(),
  /** RFC 3339 in UTC. */
  at: v.string(),
  outcome: v.picklist(['restored', 'went_back']),
  reason: v.nullable(v.string()),
})

/** What became of a restore. */
export type Outcome = v.InferOutput<typeof Outcome>

export class RestoreSwap {
  readonly #dataDir: string
  readonly #folder: string
  readonly #pluginsDirs: readonly string[]

  constructor(dataDir: string, pluginsDirs: readonly string[]) {
    this.#dataDir = dataDir
    this.#folder = join(dataDir, 'restore')
    this.#pluginsDirs = pluginsDirs
  }

  /** Where a backup that comes from elsewhere is put until it is laid out. */
  get upload(): string {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    return join(this.#folder, 'upload')
  }

  /** Where a backup is laid out, emptied. */
  prepare(): string {
    if (this.#state !== null) throw new Error('A backup is being brought back already: start the Core.')
    const folder = join(this.#folder, 'new')
    for (const left of [folder, this.#before]) rmSync(left, { recursive: true, force: true })
    for (const name of ['plugins', 'files', 'config', 'external'])
      mkdirSync(join(folder, 'data', name), { recursive: true, mode: 0o700 })
    return folder
  }

  /** The backup is laid out: from now on the next start puts it in place. */
  decide(id: string, backup: string, active: readonly string[]): void {
    const members = MEMBERS.filter((member) => existsSync(this.#pathsOf(member).fresh))
    this.#write({ id, backup, active: [...active], members, phase: 'swap', starts: 0, code: [] })
  }

  /** Throws away what was laid out and not decided. */
  discard(): void {
    if (this.#state === null) this.#clean()
  }

  /** Whether the house runs on a backup that is not proven good. */
  get onTrial(): boolean {
    return this.#state?.phase === 'trial'
  }

  get pending(): boolean {
    return this.#state !== null
  }

  /** Plugins that were active before. */
  get active(): readonly string[] {
    return this.#state?.active ?? []
  }

  /** What became of the last one. */
  get last(): Outcome | null {
    const file = join(this.#folder, 'last.json')
    return existsSync(file) ? v.parse(Outcome, JSON.parse(readFileSync(file, 'utf8'))) : null
  }

  /**
   * Goes on with what was begun, at a start and before anything below the data folder is open.
   *
   * @returns what became of it, if that is decided now
   */
  settle(): Outcome | null {
    let state = this.#state
    if (state === null) {
      this.#clean()
      return null
    }
    if (state.phase === 'swap') {
      try {
        state = this.#bringIn(state)
      } catch (error) {
        state = this.#turnBack(state, `It could not be put in place: ${(error as Error).message}`)
      }
    }
    if (state.phase === 'trial') {
      if (state.starts < MOST_STARTS) this.#write({ ...state, starts: state.starts + 1 })
      else state = this.#turnBack(state, `${MOST_STARTS} starts with it did not come to their end.`)
    }
    return state.phase === 'back' ? this.#takeBack(state) : null
  }

  /** The house came up well: what it had before goes. */
  prove(): Outcome | null {
    const state = this.#state
    return state?.phase === 'trial' ? this.#finish(state, 'restored', null) : null
  }

  /** The house did not come up well: the next start goes back. False where nothing is on trial. */
  refuse(reason: string): boolean {
    const state = this.#state
    if (state?.phase !== 'trial') return false
    this.#turnBack(state, reason)
    return true
  }

  #bringIn(before: State): State {
    const newCode = this.#newCode()
    // Named before it is there, so that it can be taken away again.
    const state = this.#write({
      ...before,
      code: [...new Set([...before.code, ...newCode.map(({ to }) => to)])],
    })
    for (const { from, to } of newCode) {
      const beside = join(to, '..', `.restored-${state.id}`)
      rmSync(beside, { recursive: true, force: true })
      cpSync(from, beside, { recursive: true })
      renameSync(beside, to)
    }
    mkdirSync(this.#before, { recursive: true, mode: 0o700 })
    for (const member of MEMBERS) {
      const { here, fresh, aside } = this.#pathsOf(member)
      const comes = existsSync(fresh)
      if (!comes && !BESIDE_CORE.includes(member)) continue
      if (existsSync(here) && !existsSync(aside)) renameSync(here, aside)
      if (comes) renameSync(fresh, here)
    }
    return this.#write({ ...state, phase: 'trial' })
  }

  /** Says what is to move back before any of it does: afterwards, where it stands no longer tells. */
  #turnBack(state: State, reason: string): State {
    const isAside = (member: string) => existsSync(this.#pathsOf(member).aside)
    const hasCome = (member: string) =>
      state.members.includes(member) && !existsSync(this.#pathsOf(member).fresh)
    const came = [...(hasCome('core.sqlite') ? BESIDE_CORE : []), ...state.members.filter(hasCome)]
    return this.#write({
      ...state,
      phase: 'back',
      back: {
        reason,
        restored: MEMBERS.filter(isAside),
        removed: came.filter((member) => !isAside(member)),
      },
    })
  }

  #takeBack(state: State): Outcome {
    const { reason, restored, removed } = state.back!
    for (const member of removed) rmSync(this.#pathsOf(member).here, { recursive: true, force: true })
    for (const member of restored) {
      const { here, aside } = this.#pathsOf(member)
      if (!existsSync(aside)) continue
      rmSync(here, { recursive: true, force: true })
      renameSync(aside, here)
    }
    for (const path of state.code) rmSync(path, { recursive: true, force: true })
    return this.#finish(state, 'went_back', reason)
  }

  #finish({ id, backup }: State, outcome: Outcome['outcome'], reason: string | null): Outcome {
    const last = { id, backup, at: new Date().toISOString(), outcome, reason }
    this.#sync()
    writeWhole(join(this.#folder, 'last.json'), JSON.stringify(last))
    rmSync(this.#stateFile)
    this.#clean()
    return last
  }

  /** Plugins whose code the backup brings, and of whose name there is none: what is there is never replaced. */
  #newCode(): { from: string; to: string }[] {
    const code = join(this.#folder, 'new/code')
    if (!existsSync(code)) return []
    return readdirSync(code).flatMap((index) => {
      const folder = this.#pluginsDirs[Number(index)] ?? this.#pluginsDirs.at(-1)!
      return readdirSync(join(code, index))
        .map((name) => ({ from: join(code, index, name), to: join(folder, name) }))
        .filter(({ to }) => !existsSync(to))
    })
  }

  #pathsOf(member: string): { here: string; fresh: string; aside: string } {
    return {
      here: join(this.#dataDir, member),
      fresh: join(this.#folder, 'new/data', member),
      aside: join(this.#before, member),
    }
  }

  get #before(): string {
    return join(this.#folder, 'before')
  }

  get #stateFile(): string {
    return join(this.#folder, 'state.json')
  }

  get #state(): State | null {
    if (!existsSync(this.#stateFile)) return null
    try {
      return v.parse(State, JSON.parse(readFileSync(this.#stateFile, 'utf8')))
    } catch (error) {
      throw new Error(
        `${this.#stateFile} cannot be read: ${(error as Error).message}. It says how far a backup was brought back; what the house had before is in ${this.#before}.`,
        { cause: error },
      )
    }
  }

  /** What it speaks of is on the disk before it is. */
  #write(state: State): State {
    this.#sync()
    writeWhole(this.#stateFile, JSON.stringify(state))
    return state
  }

  #sync(): void {
    for (const folder of [this.#dataDir, this.#before, join(this.#folder, 'new/data')])
      if (existsSync(folder)) syncFolder(folder)
  }

  #clean(): void {
    for (const name of ['new', 'before', 'upload'])
      rmSync(join(this.#folder, name), { recursive: true, force: true })
  }
}

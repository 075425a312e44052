// The backups of the house: makes one at a time, by word or by schedule, and keeps as many as the owner wants.

import { open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Helper } from './helper.ts'
import type { Made } from './make.ts'
import { keptBy, type Policy } from './policy.ts'
import { planRestore, type Planned } from './restore.ts'
import { assertRoom, STAGE } from './room.ts'
import type { Outcome, RestoreSwap } from './swap.ts'

export interface BackupFile {
  readonly name: string
  /** RFC 3339 in UTC. */
  readonly madeAt: string
  readonly bytes: number
}

export interface NewBackup extends BackupFile, Made {}

export interface BackupSettings {
  /** A cron expression in the zone of the home; null for never. */
  readonly schedule: string | null
  readonly keep: Policy
  /** Whether the code of plugins is in those that the schedule makes. */
  readonly code: boolean
}

type Some<T> = { readonly [Key in keyof T]?: T[Key] | undefined }

export interface BackupSettingsChange extends Some<Omit<BackupSettings, 'keep'>> {
  readonly keep?: Some<Policy> | undefined
}

export interface BackupsOptions {
  readonly dataDir: string
  /** Absolute; made when the first backup is. */
  readonly folder: string
  readonly pluginsDirs: readonly string[]
  /** Of this Home Console. */
  readonly version: string
  readonly now: () => number
  readonly timeZone: () => string
  readonly settings: { read(): BackupSettings; write(settings: BackupSettings): void }
  /** Runs something at the times of a cron expression, until the undo is called. Throws when it is none. */
  readonly every: (cron: string, run: () => unknown) => () => void
  /** When it was due for the last time, in ms since the epoch; null for never. */
  readonly lastDue: (cron: string) => number | null
  /** Runs something once, after so many ms, unless the undo is called. */
  readonly after: (ms: number, run: () => void) => () => void
  /** Puts the key for secrets under a passphrase. */
  readonly sealKey: (passphrase: string) => Promise<string>
  /** Opens it again. */
  readonly unsealKey: (passphrase: string, sealed: string) => Promise<Uint8Array>
  readonly swap: RestoreSwap
  /** Gives a command in front of a process that has it die with this one, where there is such. */
  readonly guard: () => Promise<readonly string[]>
  /** Ids of the plugins that serve now. */
  readonly active: () => string[]
  readonly log: {
    info(message: string): void
    warn(message: string): void
    error(message: string, fields: { error: unknown }): void
  }
}

/** Something is under way already. */
export class Busy extends Error {
  override readonly name = 'Busy'
}

/** After the start, in ms: it has other things to do first. */
const OVERDUE_MS = 10 * 60_000

/** With the moment at which it was made; sorted by name they are sorted by age. */
const NAME = /^home-console-(\d{4}-\d\d-\d\dT)(\d\d)-(\d\d)-(\d\d\.\d{3}Z)\.tar\.zst$/

export class Backups {
  readonly #options: BackupsOptions
  readonly #helper: Helper
  #busy = false
  #unschedule = () => {}
  #cancel = () => {}

  constructor(options: BackupsOptions) {
    this.#options = options
    this.#helper = new Helper(options.guard)
  }

  /** Removes what an earlier process left half-done, and begins to follow the schedule. */
  async start(): Promise<void> {
    const { folder, dataDir, after } = this.#options
    await rm(join(dataDir, STAGE), { recursive: true, force: true })
    for (const name of await this.#names())
      if (/^\.home-console-.*\.part$/.test(name)) await rm(join(folder, name), { force: true })
    const { schedule } = this.settings
    this.#schedule(schedule)
    if (schedule !== null && (await this.#isOverdue(schedule)))
      this.#cancel = after(OVERDUE_MS, () => void this.#makeByItself())
  }

  stop(): void {
    this.#cancel()
    this.#unschedule()
    this.#helper.stop()
  }

  get settings(): BackupSettings {
    return this.#options.settings.read()
  }

  /** @throws what `every` says of a schedule that is none; then nothing is changed */
  change(change: BackupSettingsChange): BackupSettings {
    const before = this.settings
    const { keep = {}, ...rest } = change
    const settings = { ...given(before, rest), keep: given(before.keep, keep) }
    this.#schedule(settings.schedule)
    this.#options.settings.write(settings)
    return settings
  }

  /** Newest first. */
  async list(): Promise<BackupFile[]> {
    const found = await Promise.all(
      (await this.#names()).map(async (name) => {
        const madeAt = madeAtOf(name)
        if (madeAt === null) return []
        // Gone since, or never ours to read.
        const { size } = await stat(join(this.#options.folder, name)).catch(() => ({ size: null }))
        return size === null ? [] : [{ name, madeAt, bytes: size }]
      }),
    )
    return found.flat().toSorted((one, other) => (one.name < other.name ? 1 : -1))
  }

  /** Where a backup of this name is; null when there is none. */
  async find(name: string): Promise<string | null> {
    return (await this.list()).some((backup) => backup.name === name)
      ? join(this.#options.folder, name)
      : null
  }

  /**
   * @param passphrase puts the key for secrets into it, under this; null leaves it out
   * @throws Busy, NoRoom; Error with what went wrong. Then there is no new backup, and none is removed
   */
  async make({ code, passphrase }: { code: boolean; passphrase: string | null }): Promise<NewBackup> {
    const { dataDir, folder, pluginsDirs, version, now, sealKey, log } = this.#options
    return this.#alone(async () => {
      const madeAt = new Date(now()).toISOString()
      const name = `home-console-${madeAt.replaceAll(':', '-')}.tar.zst`
      const made = await this.#helper.run<Made>({
        do: 'make',
        with: {
          file: join(folder, name),
          dataDir,
          code: code ? pluginsDirs : [],
          sealedKey: passphrase === null ? null : await sealKey(passphrase),
          version,
          madeAt,
        },
      })
      log.info(`Made the backup ${name} of ${made.files} files.`)
      for (const { path, reason } of made.leftOut)
        log.warn(`The backup ${name} is without ${path}: ${reason}`)
      await this.#prune()
      return { name, madeAt, ...made }
    })
  }

  /**
   * Checks a backup, lays it out, and has the next start put it in place.
   *
   * @param from a name in the list, or a file as it comes
   * @throws Busy, NoRoom, BackupRefused; WrongPassphrase. Then nothing has changed
   */
  async restore(
    from: { name: string } | { body: ReadableStream<Uint8Array> },
    { dryRun, passphrase }: { dryRun: boolean; passphrase: string | null },
  ): Promise<Planned> {
    const { dataDir, version, swap, active, unsealKey } = this.#options
    return this.#alone(async () => {
      if (swap.pending)
        throw new Busy('A backup is being brought back already. The next start decides on it.')
      const file = 'name' in from ? join(this.#options.folder, from.name) : await this.#receive(from.body)
      return planRestore({
        helper: this.#helper,
        swap,
        file,
        backup: 'name' in from ? from.name : 'uploaded',
        dataDir,
        version,
        dryRun,
        active: active(),
        unsealKey: passphrase === null ? null : (sealed) => unsealKey(passphrase, sealed),
      })
    })
  }

  /** What became of the last restore, and whether one is under way. */
  get restored(): { last: Outcome | null; pending: boolean } {
    const { last, pending } = this.#options.swap
    return { last, pending }
  }

  async #receive(body: ReadableStream<Uint8Array>): Promise<string> {
    const file = this.#options.swap.upload
    try {
      await using handle = await open(file, 'w', 0o600)
      for await (const chunk of body) {
        await assertRoom(this.#options.dataDir, chunk.length)
        await handle.writeFile(chunk)
      }
      return file
    } catch (error) {
      await rm(file, { force: true })
      throw error
    }
  }

  /** @throws Busy */
  async #alone<T>(run: () => Promise<T>): Promise<T> {
    if (this.#busy)
      throw new Busy('A backup is being made or brought back already. Try again when it is done.')
    this.#busy = true
    try {
      return await run()
    } finally {
      this.#busy = false
    }
  }

  async #prune(): Promise<void> {
    const { folder, timeZone, now, log } = this.#options
    const backups = await this.list()
    const times = backups.map(({ madeAt }) => Date.parse(madeAt))
    const kept = keptBy(this.settings.keep, times, now(), timeZone())
    for (const { name, madeAt } of backups) {
      if (kept.has(Date.parse(madeAt))) continue
      await rm(join(folder, name), { force: true })
      log.info(`Removed the old backup ${name}.`)
    }
  }

  /** A house that was off when a backup was due makes it up, so that one that is off every night has some, too. */
  async #isOverdue(schedule: string): Promise<boolean> {
    const { dataDir, lastDue } = this.#options
    const due = lastDue(schedule)
    const [newest] = await this.list()
    const since =
      newest === undefined
        ? (await stat(join(dataDir, 'core.sqlite'))).birthtimeMs
        : Date.parse(newest.madeAt)
    return due !== null && since < due
  }

  async #makeByItself(): Promise<void> {
    try {
      await this.make({ code: this.settings.code, passphrase: null })
    } catch (error) {
      this.#options.log.error(`No backup was made: ${(error as Error).message}`, { error })
    }
  }

  #schedule(cron: string | null): void {
    const { every } = this.#options
    const unschedule = cron === null ? () => {} : every(cron, () => this.#makeByItself())
    this.#unschedule()
    this.#unschedule = unschedule
  }

  async #names(): Promise<string[]> {
    try {
      return await readdir(this.#options.folder)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }
}

/** What was before, with what is given of the change. */
function given<T extends object>(before: T, change: Some<T>): T {
  const entries = Object.entries(change).filter(([, value]) => value !== undefined)
  return { ...before, ...Object.fromEntries(entries) }
}

function madeAtOf(name: string): string | null {
  const [, day, hour, minute, rest] = NAME.exec(name) ?? []
  const madeAt = `${day}${hour}:${minute}:${rest}`
  return Number.isNaN(Date.parse(madeAt)) ? null : madeAt
}

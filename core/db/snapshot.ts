// A copy of a plugin's database as it was before a version that may be refused: found again whenever the process dies.

import { constants, existsSync, renameSync, rmSync } from 'node:fs'
import { copyFile, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { refusalOf, sizeOf } from './plugin-file.ts'
import { syncFolder } from './whole-file.ts'

export class Snapshot {
  readonly #file: string

  constructor(file: string) {
    this.#file = file
  }

  /** As long as it is there, the version was not proven good, and the copy is the truth. */
  get #before(): string {
    return `${this.#file}.before`
  }

  /** It was, and the copy is of use for as long as the process lives. */
  get #aside(): string {
    return `${this.#file}.aside`
  }

  /** Nobody may have the file open. @throws DataRefusal when there is no room for it; Error when somebody has it open */
  async take(): Promise<void> {
    const wal = `${this.#file}-wal`
    if ((sizeOf(wal) ?? 0) > 0)
      throw new Error(`${wal} is still there: another program has the database open.`)
    const beside = `${this.#before}.new`
    try {
      await copyFile(this.#file, beside, constants.COPYFILE_FICLONE)
      const handle = await open(beside, 'r+')
      await handle.sync().finally(() => handle.close())
    } catch (error) {
      rmSync(beside, { force: true })
      throw refusalOf(error, beside)
    }
    renameSync(beside, this.#before)
    syncFolder(dirname(this.#file))
  }

  /** Whatever happens, the database as it is now is the truth. */
  set(): void {
    renameSync(this.#before, this.#aside)
    syncFolder(dirname(this.#file))
  }

  /** Puts the copy in the place of the database, which nobody may have open. */
  restore(): void {
    const copy = [this.#before, this.#aside].find((path) => existsSync(path))
    if (copy === undefined) return
    // What the write-ahead log says is of the file that goes.
    for (const ending of ['-wal', '-shm']) rmSync(this.#file + ending, { force: true })
    renameSync(copy, this.#file)
    syncFolder(dirname(this.#file))
  }

  /** Never throws: what is left behind is overwritten or removed some day. */
  forget(): void {
    try {
      rmSync(this.#aside, { force: true })
    } catch {
      // Nobody reads it: see `recover`.
    }
  }

  remove(): void {
    for (const path of [this.#before, `${this.#before}.new`, this.#aside]) rmSync(path, { force: true })
  }

  /** When the first of a process opens the database. */
  recover(): void {
    this.forget()
    rmSync(`${this.#before}.new`, { force: true })
    if (existsSync(this.#before)) this.restore()
  }
}

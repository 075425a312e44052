// Keeps children on record, so that what an earlier Core left running is ended at the next start.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'

/** A child as it was when it was started: another process may have its number by now. */
const Record = v.object({ pid: v.number(), startedAt: v.string(), boot: v.string(), dataDir: v.string() })

export class Orphans {
  readonly #dir: string

  /** @param dir where children are on record */
  constructor(dir: string) {
    this.#dir = dir
  }

  /** @returns takes it off the record again; @throws Error when it cannot be written */
  record(pid: number, dataDir: string): () => void {
    const startedAt = startOf(pid)
    const boot = bootId()
    if (startedAt === null || boot === null) return () => {}
    const file = join(this.#dir, String(pid))
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 })
    writeFileSync(file, JSON.stringify({ pid, startedAt, boot, dataDir }), { mode: 0o600 })
    return () => rmSync(file, { force: true })
  }

  /** Ends what an earlier Core left running. @returns the process groups that it ended */
  sweep(): number[] {
    let names: string[]
    try {
      names = readdirSync(this.#dir)
    } catch {
      return []
    }
    return names.flatMap((name) => {
      const file = join(this.#dir, name)
      const ended = endLeftover(file)
      rmSync(file, { force: true, recursive: true })
      return ended
    })
  }
}

/** Ends a child with its group, or what is left of the group. */
function endLeftover(file: string): number[] {
  const record = readRecord(file)
  if (record === null || record.boot !== bootId()) return []
  const { pid, startedAt, dataDir } = record
  const mark = `DATA_DIR=${dataDir}`
  const isThere = startOf(pid) === startedAt
  // Its number is not given anew as long as the group has a member, and those have its environment.
  if (!isThere && !membersOf(pid).some((member) => environmentOf(member).includes(mark))) return []
  try {
    process.kill(-pid, 'SIGKILL')
    return [pid]
  } catch {
    // It ended by itself in this moment.
    return []
  }
}

function readRecord(file: string): v.InferOutput<typeof Record> | null {
  try {
    const { success, output } = v.safeParse(Record, JSON.parse(readFileSync(file, 'utf8')))
    return success ? output : null
  } catch {
    return null
  }
}

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html, from the third field on; null for one that ended. */
function statOf(pid: number | string): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? null : fields
  } catch {
    return null
  }
}

/** In ticks since the machine started; null where there is no such process, or no /proc. */
function startOf(pid: number): string | null {
  return statOf(pid)?.[19] ?? null
}

function membersOf(group: number): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && statOf(name)?.[2] === String(group))
}

function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  } catch {
    return []
  }
}

function bootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return null
  }
}

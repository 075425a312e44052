// What a disk holds after a power cut: a record of the system calls of one process, replayed up to any point, without
// whatever had not been synced by then.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

type Change = { at: number; bytes: Buffer } | { size: number }

type Call =
  | { kind: 'change'; file: string; change: Change }
  | { kind: 'append'; file: string; bytes: Buffer }
  | { kind: 'create' | 'unlink' | 'sync'; file: string }
  | { kind: 'rename'; file: string; to: string }
  | { kind: 'said'; text: string }

/** One file, under whatever names: what is safe, and what is not yet. */
class Content {
  #safe: Buffer = Buffer.alloc(0)
  #pending: Change[] = []
  /** With what is pending. */
  #size = 0

  change(change: Change): void {
    this.#pending.push(change)
    this.#size = sizeAfter(this.#size, change)
  }

  /** What is written without saying where goes to the end: so nobody here begins in the middle of a file. */
  append(bytes: Buffer): void {
    this.change({ at: this.#size, bytes })
  }

  sync(): void {
    for (const change of this.#pending) this.#safe = applied(this.#safe, change)
    this.#pending = []
  }

  /** A disk writes in any order, in sectors of 512 bytes, and not all of it. */
  afterCut(random: () => number): Buffer {
    const chance = [0, 0.5, 1][Math.floor(random() * 3)]!
    let bytes = this.#safe
    for (const change of this.#pending) {
      if (random() >= chance) continue
      const isTorn = 'bytes' in change && random() < 0.3
      bytes = applied(bytes, isTorn ? torn(change, random) : change)
    }
    return bytes
  }
}

export class Recording {
  readonly #calls: readonly Call[]

  private constructor(calls: readonly Call[]) {
    this.#calls = calls
  }

  /**
   * Runs a script and records what it does to the files of a folder, which has none below it.
   *
   * @param args of the script; what it writes to its standard output stands in the record at its time
   */
  static async of(script: string, folder: string, args: readonly string[]): Promise<Recording> {
    const trace = `${folder}.trace`
    const calls = 'openat,write,pwrite64,fsync,fdatasync,ftruncate,unlink,rename'
    const { exited, stderr } = Bun.spawn(
      [
        'strace',
        '-y',
        '-qq',
        '-xx',
        '-s',
        '65536',
        '-e',
        `trace=${calls}`,
        '-o',
        trace,
        process.execPath,
        script,
        folder,
        ...args,
      ],
      { stdout: 'ignore', stderr: 'pipe' },
    )
    const said = await new Response(stderr).text()
    if ((await exited) !== 0) throw new Error(`The script to record failed: ${said}`)
    const lines = readFileSync(trace, 'latin1').split('\n')
    return new Recording(lines.flatMap((line) => callOf(line, folder)))
  }

  get length(): number {
    return this.#calls.length
  }

  /** How many calls waited until something was on the disk. */
  get syncs(): number {
    return this.#calls.filter(({ kind }) => kind === 'sync').length
  }

  /** From the beginning. */
  replay(): Replay {
    return new Replay(this.#calls)
  }
}

export class Replay {
  readonly #calls: readonly Call[]
  readonly #contents = new Map<string, Content>()
  /** Each a state of the folder that the disk may be in; the last is the present one. */
  #folders: ReadonlyMap<string, Content>[] = [new Map()]
  #played = 0
  /** The last that the process had said by now; '' where it had said nothing. */
  said = ''

  constructor(calls: readonly Call[]) {
    this.#calls = calls
  }

  /** Goes on to just before a call. */
  playTo(point: number): void {
    while (this.#played < point) this.#play(this.#calls[this.#played++]!)
  }

  /** Lays out what is left when the power goes now. */
  cut(into: string, random: () => number): void {
    for (const [name, content] of this.#folders[Math.floor(random() * this.#folders.length)]!)
      writeFileSync(join(into, name), content.afterCut(random))
  }

  #play(call: Call): void {
    if (call.kind === 'said') {
      this.said = call.text
      return
    }
    const { kind, file } = call
    if (kind === 'sync' && file === '') this.#folders = [this.#folders.at(-1)!]
    else if (kind === 'sync') this.#contents.get(file)!.sync()
    else if (kind === 'change') this.#contents.get(file)!.change(call.change)
    else if (kind === 'append') this.#contents.get(file)!.append(call.bytes)
    else if (kind === 'create') {
      if (!this.#contents.has(file)) this.#name(file, new Content())
    } else {
      const content = this.#contents.get(file)!
      this.#contents.delete(file)
      const after = new Map(this.#folders.at(-1))
      after.delete(file)
      if (kind === 'rename') {
        this.#contents.set(call.to, content)
        after.set(call.to, content)
      }
      this.#folders.push(after)
    }
  }

  #name(file: string, content: Content): void {
    this.#contents.set(file, content)
    this.#folders.push(new Map(this.#folders.at(-1)).set(file, content))
  }
}

/** @param before is not changed */
function applied(before: Buffer, change: Change): Buffer {
  const after = Buffer.alloc(sizeAfter(before.length, change))
  before.copy(after)
  if ('bytes' in change) change.bytes.copy(after, change.at)
  return after
}

function sizeAfter(size: number, change: Change): number {
  return 'size' in change ? change.size : Math.max(size, change.at + change.bytes.length)
}

function torn({ at, bytes }: { at: number; bytes: Buffer }, random: () => number): Change {
  const sectors = Math.ceil(bytes.length / 512)
  return { at, bytes: bytes.subarray(0, Math.floor(random() * sectors) * 512) }
}

const CALL = /^(\w+)\((.*)\) += (\d+)/
/** With `-y` a descriptor has its path beside it, with `-xx` every text is in hex. */
const FILE = /^\d+<((?:\\x[0-9a-f]{2}|[^>])*)>/
const TEXT = /"((?:\\x[0-9a-f]{2})*)"/g

/** What SQLite makes anew after a crash, whatever is in it, is no part of it. */
function callOf(line: string, folder: string): Call[] {
  const [, name, args] = CALL.exec(line) ?? []
  if (name === undefined || args === undefined) return []
  const texts = Array.from(args.matchAll(TEXT), ([, hex]) => bytesOf(hex!))
  if (name === 'write' && args.startsWith('1<')) return [{ kind: 'said', text: texts[0]!.toString().trim() }]
  const [, described] = FILE.exec(args) ?? []
  const path =
    described === undefined
      ? texts[0]!.toString()
      : described.startsWith('\\x')
        ? bytesOf(described).toString()
        : described
  if ((path !== folder && !path.startsWith(`${folder}/`)) || path.endsWith('-shm')) return []
  const file = path.slice(folder.length + 1)
  const numbers = args.split(', ').slice(-2).map(Number)
  switch (name) {
    case 'openat':
      return [
        ...(args.includes('O_CREAT') ? [{ kind: 'create', file } as const] : []),
        ...(args.includes('O_TRUNC') ? [{ kind: 'change', file, change: { size: 0 } } as const] : []),
      ]
    case 'write':
      return [{ kind: 'append', file, bytes: texts.at(-1)! }]
    case 'pwrite64':
      return [{ kind: 'change', file, change: { at: numbers[1]!, bytes: texts.at(-1)! } }]
    case 'ftruncate':
      return [{ kind: 'change', file, change: { size: numbers[1]! } }]
    case 'fsync':
    case 'fdatasync':
      return [{ kind: 'sync', file }]
    case 'unlink':
      return [{ kind: 'unlink', file }]
    case 'rename':
      return [{ kind: 'rename', file, to: texts[1]!.toString().slice(folder.length + 1) }]
    default:
      throw new Error(`The replay does not know ${line.slice(0, 80)}.`)
  }
}

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll('\\x', ''), 'hex')
}

// Who runs right now, in a file that is mapped into memory: a worker reads it while the loop is blocked, and the next start
// after the process died.

import { closeSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import type { Hold } from '@home-console/sdk'
import { StartRefusal } from '../db/start-refusal.ts'

// A mapped file costs neither a system call nor an fsync, and outlives the process, though not the machine: after a power
// cut nobody is to blame. The first page holds the words below; each generation has one of the others, with a line for who
// it is and one for each kind of work that it ever did. A mark names a line by its number.

const LINE = 64
const LINES = 32
const PAGE = LINE * LINES
const PAGES = 256

/** "HCR1". */
const MAGIC = 0x48_43_52_31
const WORD = { magic: 0, state: 1, blockedMs: 4, pathLength: 5 } as const
/** The mark of who is inside, and of who was last: the border writes them on every way into a plugin. */
export const NOW = 2
export const LAST = 3
/** Marks of generations that are being loaded: their code may run between two calls of the border. */
const LOADING = { first: 16, count: 32 } as const
const BOOT = 256
const PATH = { at: 512, length: 512 } as const

const RUNNING = 1
const STOPPED = 2

/** In its page the plugin takes two lines; the last number stands for a request, whose path is in the first page. */
const FIRST_LABEL = 2
const REQUEST = LINES - 1

/** Work of a plugin, as far as it is known. */
export interface Work extends Hold {
  readonly plugin: string
  /** Of the plugin's files. */
  readonly digest: string
}

/** What a process that died was doing. */
export interface Death {
  readonly inside: Work | null
  readonly loading: readonly Work[]
  readonly last: Work | null
  /** How long the loop had been blocked when the process was ended for it; else 0. */
  readonly blockedMs: number
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The record as anyone can read it, be it in another thread. */
export class RunningRecord {
  readonly file: string
  readonly words: Int32Array
  protected readonly bytes: Uint8Array

  /** @param file made by `KeptRecord.open` */
  constructor(file: string) {
    this.file = file
    this.bytes = Bun.mmap(file, { shared: true })
    this.words = new Int32Array(this.bytes.buffer, this.bytes.byteOffset, BOOT / 4)
  }

  get inside(): Work | null {
    return this.#work(this.words[NOW]!)
  }

  get last(): Work | null {
    return this.#work(this.words[LAST]!)
  }

  get loading(): Work[] {
    const { first, count } = LOADING
    return [...this.words.subarray(first, first + count)]
      .map((mark) => this.#work(mark))
      .filter((work) => work !== null)
  }

  /** For how long the loop had been blocked when the process was ended for it; 0 when it was not. */
  get blockedMs(): number {
    return this.words[WORD.blockedMs]!
  }

  set blockedMs(ms: number) {
    this.words[WORD.blockedMs] = ms
  }

  protected get death(): Death | null {
    if (this.words[WORD.magic] !== MAGIC || this.words[WORD.state] !== RUNNING) return null
    if (this.text(BOOT, LINE) !== bootId()) return null
    const { inside, loading, last, blockedMs } = this
    return { inside, loading, last, blockedMs }
  }

  protected text(at: number, length: number): string {
    const end = this.bytes.indexOf(0, at)
    return decoder.decode(this.bytes.subarray(at, Math.min(end === -1 ? at + length : end, at + length)))
  }

  protected write(text: string, at: number, length: number): void {
    const line = this.bytes.subarray(at, at + length)
    line.fill(0, encoder.encodeInto(text, line).written)
  }

  #work(mark: number): Work | null {
    const page = Math.floor(mark / LINES) * PAGE
    const line = mark % LINES
    const [plugin = '', digest = ''] = this.text(page, LINE * FIRST_LABEL).split(' ')
    if (page <= 0 || page >= this.bytes.length || plugin === '') return null
    if (line === REQUEST) {
      const length = Math.min(this.words[WORD.pathLength]!, PATH.length)
      return { plugin, digest, kind: 'request', label: this.text(PATH.at, length) }
    }
    if (line < FIRST_LABEL) return { plugin, digest, kind: 'code', label: '' }
    const [kind = '', ...label] = this.text(page + line * LINE, LINE).split(' ')
    return { plugin, digest, kind, label: label.join(' ') }
  }
}

/** The record of this process: the only one that writes it. */
export class KeptRecord extends RunningRecord {
  /** How the process before this one died; null when it came to its end, or the machine was started since. */
  readonly before: Death | null
  readonly #path: Uint8Array
  readonly #free = Array.from({ length: PAGES - 1 }, (_, index) => PAGES - 1 - index)

  /** @throws StartRefusal when the file cannot be used */
  static open(file: string): KeptRecord {
    try {
      allocate(file)
      return new KeptRecord(file)
    } catch (error) {
      throw new StartRefusal('folder', `${file} cannot be used: ${(error as Error).message}.`, error)
    }
  }

  private constructor(file: string) {
    super(file)
    this.before = this.death
    // The other pages are written when they are taken: touching them all would cost their memory.
    this.bytes.fill(0, 0, PAGE)
    this.#path = this.bytes.subarray(PATH.at, PATH.at + PATH.length)
    this.write(bootId(), BOOT, LINE)
    this.words[WORD.magic] = MAGIC
    this.words[WORD.state] = RUNNING
  }

  /** Makes room for one generation. Where there are too many, it goes without, and is nobody to the record. */
  presence(plugin: string, digest: string): Presence {
    const page = this.#free.pop() ?? 0
    if (page > 0) this.write(`${plugin} ${digest}`, page * PAGE, LINE * FIRST_LABEL)
    return new Presence(this, page)
  }

  /** The process comes to its end as it should. */
  stopped(): void {
    this.words[WORD.state] = STOPPED
  }

  /** @internal */
  label(page: number, line: number, { kind, label }: Hold): void {
    this.write(`${kind} ${label}`, page * PAGE + line * LINE, LINE)
  }

  /** @internal */
  keepPath(path: string): void {
    this.words[WORD.pathLength] = encoder.encodeInto(path, this.#path).written
  }

  /** @internal */
  setLoading(mark: number, loading: boolean): void {
    const marks = this.words.subarray(LOADING.first, LOADING.first + LOADING.count)
    const at = marks.indexOf(loading ? 0 : mark)
    if (at !== -1) marks[at] = loading ? mark : 0
  }

  /** @internal */
  release(page: number): void {
    if (page === 0) return
    this.write('', page * PAGE, LINE * FIRST_LABEL)
    this.#free.push(page)
  }
}

/** Work that is begun again and again, and remembers its mark. */
export interface Marked extends Hold {
  mark?: number
}

/** One generation in the record. */
export class Presence {
  readonly words: Int32Array
  /** Of code of which no more is known. */
  readonly mark: number
  readonly #record: KeptRecord
  readonly #page: number
  readonly #lines = new Map<string, number>()
  #released = false

  constructor(record: KeptRecord, page: number) {
    this.#record = record
    this.#page = page
    this.words = record.words
    this.mark = page * LINES
  }

  /** The mark of some work. Of too many kinds the later ones have the generation's. */
  markOf(work: Marked): number {
    return (work.mark ??= this.#lineOf(work))
  }

  /** The mark of a request. */
  request(path: string): number {
    if (this.#page === 0) return 0
    this.#record.keepPath(path)
    return this.mark + REQUEST
  }

  /** Runs what belongs to the generation, where no border is crossed. */
  during<T>(mark: number, run: () => T): T {
    const { words } = this
    const before = words[NOW]!
    words[NOW] = words[LAST] = mark
    try {
      return run()
    } finally {
      words[NOW] = before
    }
  }

  /** Says for how long it is being loaded. */
  async loading<T>(label: string, run: () => Promise<T>): Promise<T> {
    const mark = this.markOf({ kind: 'loading', label })
    this.#record.setLoading(mark, true)
    try {
      return await run()
    } finally {
      this.#record.setLoading(mark, false)
    }
  }

  release(): void {
    if (this.#released) return
    this.#released = true
    this.#record.release(this.#page)
  }

  #lineOf({ kind, label }: Hold): number {
    const key = `${kind} ${label}`
    const known = this.#lines.get(key)
    if (known !== undefined) return known
    const line = FIRST_LABEL + this.#lines.size
    if (this.#page === 0 || this.#released || line >= REQUEST) return this.mark
    this.#record.label(this.#page, line, { kind, label })
    this.#lines.set(key, this.mark + line)
    return this.mark + line
  }
}

/** Every page is on the disk before it is mapped: a hole that a full disk cannot fill would end the process. */
function allocate(file: string): void {
  if (statSync(file, { throwIfNoEntry: false })?.size === PAGES * PAGE) return
  const descriptor = openSync(file, 'w', 0o600)
  try {
    for (let page = 0; page < PAGES; page++) {
      if (writeSync(descriptor, new Uint8Array(PAGE)) < PAGE) throw new Error('the disk is full')
    }
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Differs after each start of the machine; '' where the system does not tell. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return ''
  }
}

// The log: lines with an owner, filtered by a level for each owner, kept in a bounded ring and passed on live.

import { inspect } from 'node:util'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

export interface LogLine {
  /** Grows by one with each line of this process. */
  readonly id: number
  /** RFC 3339 in UTC. */
  readonly time: string
  readonly level: LogLevel
  /** The plugin that it is about, or null for the Core. */
  readonly plugin: string | null
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** The log of one owner. One is made for each request, so it is a class and no set of closures. */
export class OwnedLog {
  readonly #log: Log
  readonly #plugin: string | null
  readonly #fields: Fields

  constructor(log: Log, plugin: string | null, fields: Fields) {
    this.#log = log
    this.#plugin = plugin
    this.#fields = fields
  }

  debug(message: string, fields?: Fields): void {
    this.#add('debug', message, fields)
  }

  info(message: string, fields?: Fields): void {
    this.#add('info', message, fields)
  }

  warn(message: string, fields?: Fields): void {
    this.#add('warn', message, fields)
  }

  error(message: string, fields?: Fields): void {
    this.#add('error', message, fields)
  }

  /** A log of the same owner that puts these fields on every line. */
  with(fields: Fields): OwnedLog {
    return new OwnedLog(this.#log, this.#plugin, { ...this.#fields, ...fields })
  }

  #add(level: LogLevel, message: string, fields: Fields | undefined): void {
    this.#log.add(
      level,
      this.#plugin,
      message,
      fields === undefined ? this.#fields : { ...this.#fields, ...fields },
    )
  }
}

type Fields = Readonly<Record<string, unknown>>

export interface LogOptions {
  readonly level: LogLevel
  /** Takes each line that passes; must not throw. */
  readonly write: (line: LogLine) => void
  /** How many lines are kept, as long as they are no longer than lines are. */
  readonly keep?: number
}

const MAX_MESSAGE = 8 * 1024
const MAX_FIELDS = 16 * 1024
/** Of all kept lines, in characters. */
const MAX_KEPT = 4 * 1024 * 1024

export class Log {
  #level: LogLevel
  readonly #write: (line: LogLine) => void
  readonly #keep: number
  readonly #levels = new Map<string, LogLevel>()
  /** As JSON: small objects that live for long would riddle the heap with holes. */
  readonly #lines: string[] = []
  #size = 0
  readonly #watchers = new Set<(line: LogLine) => void>()
  readonly #secrets = new Set<string>()
  #nextId = 1

  constructor(options: LogOptions) {
    this.#level = options.level
    this.#write = options.write
    this.#keep = options.keep ?? 1_000
  }

  /** The log of one owner: a plugin's id, or null for the Core. */
  of(plugin: string | null, fields: Fields = {}): OwnedLog {
    return new OwnedLog(this, plugin, fields)
  }

  /** Sets the least level that a plugin's lines must have; null goes back to the Core's. */
  setLevel(plugin: string, level: LogLevel | null): void {
    if (level === null) this.#levels.delete(plugin)
    else this.#levels.set(plugin, level)
  }

  levelOf(plugin: string | null): LogLevel {
    return (plugin !== null && this.#levels.get(plugin)) || this.#level
  }

  /** From now on this text is shown as `***` wherever it would stand in a line. */
  mask(secret: string): void {
    if (secret.length < 4) return
    this.#secrets.add(secret)
    // In fields it stands as JSON writes it.
    this.#secrets.add(JSON.stringify(secret).slice(1, -1))
  }

  /** The kept lines, oldest first. */
  lines(filter: LineFilter = {}): LogLine[] {
    return this.#lines.map((text) => JSON.parse(text) as LogLine).filter((line) => passes(line, filter))
  }

  /** Calls back for each line from now on, until the undo is called. */
  watch(filter: LineFilter, callback: (line: LogLine) => void): () => void {
    const watcher = (line: LogLine) => {
      if (passes(line, filter)) callback(line)
    }
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** Writes a line, if its owner's level lets it pass. */
  add(
    level: LogLevel,
    plugin: string | null,
    message: string,
    fields: Readonly<Record<string, unknown>>,
  ): void {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(this.levelOf(plugin))) return
    const line: LogLine = {
      id: this.#nextId++,
      time: new Date().toISOString(),
      level,
      plugin,
      message: this.masked(clip(textOf(message), MAX_MESSAGE)),
      fields: this.#plain(fields),
    }
    const text = JSON.stringify(line)
    this.#lines.push(text)
    this.#size += text.length
    if (this.#lines.length > this.#keep * 2 || this.#size > MAX_KEPT) this.#dropOldest()
    this.#write(line)
    for (const watcher of this.#watchers) watcher(line)
  }

  /** Half of what there may be, so that it is not done for each line. */
  #dropOldest(): void {
    let count = 0
    for (const { length } of this.#lines) {
      if (this.#lines.length - count <= this.#keep && this.#size <= MAX_KEPT / 2) break
      this.#size -= length
      count++
    }
    this.#lines.splice(0, count)
  }

  /** A copy as plain JSON: what is logged must not keep a plugin's objects alive, nor change after the fact. */
  #plain(fields: Fields): Record<string, unknown> {
    const text = asJson(fields)
    if (text.length > MAX_FIELDS) return { truncated: this.masked(clip(text, MAX_FIELDS)) }
    const masked = this.masked(text)
    try {
      return JSON.parse(masked) as Record<string, unknown>
    } catch {
      // A secret of digits, say, stood there as a number.
      return { masked }
    }
  }

  /** A text as it may be shown. */
  masked(text: string): string {
    for (const secret of this.#secrets) if (text.includes(secret)) text = text.replaceAll(secret, '***')
    return text
  }
}

export interface LineFilter {
  readonly plugin?: string | undefined
  /** The least level. */
  readonly level?: LogLevel | undefined
}

function passes(line: LogLine, { plugin, level }: LineFilter): boolean {
  if (plugin !== undefined && line.plugin !== plugin) return false
  return level === undefined || LOG_LEVELS.indexOf(line.level) >= LOG_LEVELS.indexOf(level)
}

function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}… (${text.length - length} characters more)`
}

/** What a plugin logs may do anything when it is read: then it is at least shown that there was something. */
function asJson(fields: Fields): string {
  try {
    const json = JSON.stringify(fields, (_key, value: unknown) => {
      if (value instanceof Error) return { name: value.name, message: value.message, stack: value.stack }
      return typeof value === 'bigint' ? String(value) : value
    }) as string | undefined
    return json?.startsWith('{') ? json : JSON.stringify({ value: json })
  } catch {
    return JSON.stringify({ unserializable: inspected(fields) })
  }
}

function inspected(value: unknown): string {
  try {
    return inspect(value, { depth: 2, maxStringLength: 1_000 })
  } catch {
    return 'throws when it is looked at'
  }
}

function textOf(message: unknown): string {
  return typeof message === 'string' ? message : inspected(message)
}

// Turns whatever a plugin threw into words: what happened, in which file and line, and the source around it.

import { readFileSync } from 'node:fs'
import type { PluginFault, StandardIssue } from '@home-console/sdk'
import { Problem } from '@home-console/sdk'

/** A fault of a plugin that the Core itself found. */
export class PluginError extends Error {
  override readonly name = 'PluginError'
  readonly code: string
  readonly position: Position | undefined

  constructor(code: string, message: string, position?: Position) {
    super(message)
    this.code = code
    this.position = position
  }
}

export interface Position {
  /** Absolute. */
  readonly file: string
  /** 1-based. */
  readonly line?: number | undefined
  /** What stands there is nobody's to see. */
  readonly hidden?: boolean
}

/**
 * @param files the plugin's own files, absolute: the first of them on the stack is where it happened
 * @param code of the error book, for an error that brings none
 */
export function faultOf(error: unknown, files: ReadonlySet<string>, code: string): PluginFault {
  const position = positionOf(error, files)
  const frame = position === undefined || position.hidden ? undefined : frameAt(position)
  return {
    code: error instanceof PluginError || error instanceof Problem ? error.code : code,
    message: messageOf(error),
    ...(position !== undefined && { file: position.file }),
    ...(position?.line !== undefined && { line: position.line }),
    ...(frame !== undefined && { frame }),
  }
}

/** Errors whose class says nothing that their message does not. */
const PLAIN: ReadonlySet<string> = new Set([
  'Error',
  'HeldBack',
  'NeedsNotMet',
  'PluginError',
  'Problem',
  'SettingsMissing',
  'BuildMessage',
  'ResolveMessage',
])

/** What was thrown, in one text, be it an Error, a string or nothing at all. */
export function messageOf(error: unknown): string {
  if (typeof error === 'string') return error
  try {
    if (error instanceof Error) {
      // A schema's own message is a page of JSON, or the first of several.
      const issues = (error as { issues?: StandardIssue[] }).issues
      const message =
        Array.isArray(issues) && issues.length > 0 ? issues.map(inWords).join('; ') : error.message
      return PLAIN.has(error.name) ? String(message) : `${error.name}: ${message}`
    }
    return `a thrown ${error === null ? 'null' : typeof error}: ${Bun.inspect(error)}`
  } catch {
    return 'something was thrown that throws when it is read'
  }
}

/** What a schema found fault with: `rooms.0.name: Invalid input`. */
export function inWords({ path, message }: StandardIssue): string {
  const where = (path ?? []).map((key) => String(typeof key === 'object' ? key.key : key)).join('.')
  return `${where === '' ? '' : `${where}: `}${message}`
}

/** An error for the log, with the frames of the plugin's own files only, where there are any. */
export function loggable(error: unknown, files: ReadonlySet<string>): unknown {
  if (!(error instanceof Error)) return messageOf(error)
  const frames = String(error.stack)
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
  const own = frames.filter((line) => [...files].some((file) => line.includes(`${file}:`)))
  const message = messageOf(error)
  return { message, stack: [message, ...(own.length > 0 ? own : frames)].join('\n') }
}

/** Where Bun found it, or the first of the given files on the error's stack. */
export function positionOf(error: unknown, files: ReadonlySet<string>): Position | undefined {
  if (!(error instanceof Error)) return undefined
  if (error instanceof PluginError && error.position !== undefined) return error.position
  if (error instanceof AggregateError && error.errors.length > 0) return positionOf(error.errors[0], files)
  if (error instanceof BuildMessage && error.position !== null)
    return { file: error.position.file, line: error.position.line }
  return positionInStack(error, files)
}

/** The first of the given files on a stack. */
export function positionInStack({ stack }: Error, files: ReadonlySet<string>): Position | undefined {
  if (typeof stack !== 'string') return undefined
  for (const [, file, line] of stack.matchAll(/(\/[^\n()]*?):(\d+)(?::\d+)?\)?$/gm)) {
    if (file !== undefined && files.has(file)) return { file, line: Number(line) }
  }
  return undefined
}

/** Where a text first stands in a file. */
export function positionOfText(file: string, text: string): Position {
  try {
    const source = readFileSync(file, 'utf8')
    const offset = source.indexOf(text)
    return offset === -1 ? { file } : { file, line: source.slice(0, offset).split('\n').length }
  } catch {
    return { file }
  }
}

const FRAME_RADIUS = 2

function frameAt({ file, line }: Position): string | undefined {
  if (line === undefined) return undefined
  let lines: string[]
  try {
    lines = readFileSync(file, 'utf8').split('\n')
  } catch {
    return undefined
  }
  const first = Math.max(1, line - FRAME_RADIUS)
  const last = Math.min(lines.length, line + FRAME_RADIUS)
  const width = String(last).length
  const frame: string[] = []
  for (let at = first; at <= last; at++) {
    frame.push(`${at === line ? '>' : ' '} ${String(at).padStart(width)} | ${lines[at - 1]!.slice(0, 200)}`)
  }
  return frame.join('\n')
}

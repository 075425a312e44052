// How log lines leave the process: one JSON object a line, or a line for people.

import { writeSync } from 'node:fs'
import type { LogLevel, LogLine } from './log.ts'

export type LogFormat = 'pretty' | 'json'

const COLOURS: Record<LogLevel, string> = {
  debug: '\x1b[2m',
  info: '\x1b[36m',
  warn: '\x1b[33m',
  error: '\x1b[31m',
}

export function formatLine(line: LogLine, format: LogFormat): string {
  if (format === 'json') {
    const { id: _id, fields, ...rest } = line
    return JSON.stringify({ ...rest, ...(Object.keys(fields).length > 0 && { fields }) })
  }
  const owner = (line.plugin ?? 'core').padEnd(12)
  const { error, ...fields } = line.fields
  const more = Object.keys(fields).length > 0 ? `  \x1b[2m${JSON.stringify(fields)}\x1b[0m` : ''
  const text = `${line.time.slice(11, 23)} ${COLOURS[line.level]}${line.level.padEnd(5)}\x1b[0m ${owner} ${harmless(line.message)}${more}`
  return error === undefined ? text : `${text}\n${indent(harmless(stackOf(error)))}`
}

/**
 * Writes lines to standard output. A line that cannot be written (a full disk, a closed pipe) is lost, and the Core
 * goes on: the ring still has it, and the next line that can be written says how many were.
 */
export function writeToStdout(format: LogFormat): (line: LogLine) => void {
  let lost = 0
  let torn = false
  const write = (line: LogLine) => {
    const bytes = Buffer.from(`${torn ? '\n' : ''}${formatLine(line, format)}\n`)
    // A disk that is nearly full takes a part, and says nothing.
    const written = writeSync(1, bytes)
    if (written > 0) torn = written < bytes.length
    if (torn) throw new Error('It was not written whole.')
  }
  return (line) => {
    try {
      if (lost > 0) write(lossOf(lost, line))
      lost = 0
      write(line)
    } catch {
      // Nowhere is left to say so.
      lost++
    }
  }
}

function lossOf(count: number, { id, time }: LogLine): LogLine {
  const message = `${count} lines could not be written here. The latest are at /api/core/logs.`
  return { id, time, level: 'warn', plugin: null, message, fields: {} }
}

/** Line breaks and terminal escapes in what a plugin or a client sent must not forge lines of their own. */
function harmless(text: string): string {
  return text
    .replace(
      /[\x00-\x09\x0b-\x1f\x7f-\x9f]/g,
      (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
    )
    .replaceAll('\n', '\n    ')
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ')
}

function stackOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'stack' in error && typeof error.stack === 'string')
    return error.stack
  return typeof error === 'string' ? error : JSON.stringify(error)
}

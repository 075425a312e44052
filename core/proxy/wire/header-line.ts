// One line of a head, as it came: a header, or nothing where it is none (RFC 9112, section 5).

import { BadAnswer } from './failure.ts'

const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/
/** Control characters other than the tab, the ends of lines among them, and what is no byte. */
const UNCLEAN = /[\0-\x08\n-\x1f\x7f\u0100-\uffff]/

/** The name in lower case. */
export type Header = [name: string, value: string]

/** Names that were looked at, in lower case: there are few, and they come again and again. */
const names = new Map<string, string>()
const MOST_NAMES = 1_000
/** What is longer is nobody's, and would be kept for good. */
const MOST_NAME_LENGTH = 64

const SPACE = 32
const TAB = 9

/**
 * @param line without its CRLF
 * @throws BadAnswer
 */
export function parseHeader(line: string): Header {
  const colon = line.indexOf(':')
  // A line that goes on, or a name with a space after it, has no proper name.
  if (colon === -1) throw new BadAnswer('it has a header without a name')
  let start = colon + 1
  let end = line.length
  while (start < end && isBlank(line.charCodeAt(start))) start++
  while (end > start && isBlank(line.charCodeAt(end - 1))) end--
  const value = line.slice(start, end)
  if (!isClean(value)) throw new BadAnswer('it has control characters in a header')
  return [nameOf(line.slice(0, colon)), value]
}

/** Whether a text has nothing in it that may end its line, nor other control characters. */
export function isClean(text: string): boolean {
  return !UNCLEAN.test(text)
}

export function isToken(text: string): boolean {
  return names.has(text) || TOKEN.test(text)
}

/** @throws BadAnswer */
function nameOf(text: string): string {
  let name = names.get(text)
  if (name !== undefined) return name
  if (!TOKEN.test(text)) throw new BadAnswer('it has a header without a proper name')
  name = text.toLowerCase()
  if (names.size < MOST_NAMES && text.length <= MOST_NAME_LENGTH) names.set(text, name)
  return name
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB
}

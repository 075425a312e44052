// The head of a request: nothing gets into it that would end a line, or the head.

import { isClean, isToken, type Header } from './header-line.ts'

/** No space, nothing that is not ASCII: a URL has it encoded. */
const PATH = /^\/[\x21-\x7e]*$/

export interface Question {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly host: string
  /** More headers, as `headerLines` makes them. */
  readonly lines: string
  readonly headers: readonly Header[]
}

/**
 * @returns text of one byte a character
 * @throws TypeError for what cannot be sent
 */
export function headText({ method, path, host, lines, headers }: Question): string {
  if (!isToken(method)) throw new TypeError('The method is no name.')
  if (!PATH.test(path)) throw new TypeError('The path has characters that a URL has not.')
  return `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines}${headerLines(headers)}\r\n`
}

/** @throws TypeError for what cannot be sent */
export function headerLines(headers: readonly Header[]): string {
  let lines = ''
  for (const [name, value] of headers) {
    if (!isToken(name) || !isClean(value))
      throw new TypeError(`The header ${JSON.stringify(name)} is none that can be sent.`)
    lines += `${name}: ${value}\r\n`
  }
  return lines
}

// Where a text stops being JSON: JSON.parse does not say.

import { positionOf } from '../fault.ts'

/**
 * @returns the reason why a text is no JSON, with the 1-based line as far as it can be found; null where it is JSON
 */
export function jsonFault(text: string): { message: string; line: number } | null {
  try {
    JSON.parse(text)
    return null
  } catch (error) {
    const { message } = error as Error
    return { message, line: brokenLine(text) ?? lineOfToken(text, message) ?? 1 }
  }
}

/** Bun says where an expression in JavaScript is broken, which all JSON is. */
function brokenLine(text: string): number | undefined {
  try {
    new Bun.Transpiler({ loader: 'js' }).transformSync(`(${text}\n)`)
    return undefined
  } catch (error) {
    return positionOf(error, new Set())?.line
  }
}

/** What is JavaScript and no JSON, JSON.parse calls by its name. */
function lineOfToken(text: string, message: string): number | undefined {
  const [, token] = /(?:identifier|token) ["'](.+)["']$/.exec(message) ?? []
  const offset = token === undefined ? -1 : text.indexOf(token)
  return offset === -1 ? undefined : text.slice(0, offset).split('\n').length
}

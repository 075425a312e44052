// The language of event types and of the patterns that match them.

import { Problem } from '@home-console/sdk'

const TYPE = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/
const PATTERN = /^(\*\*|([a-z0-9_-]+|\*)(\.([a-z0-9_-]+|\*))*(\.\*\*)?)$/
const MAX_LENGTH = 256

export function isEventType(type: unknown): type is string {
  return typeof type === 'string' && type.length <= MAX_LENGTH && TYPE.test(type)
}

/** `core.**` and `plugin.**` are the Core's own to say. */
export function isReserved(type: unknown): boolean {
  return typeof type === 'string' && /^(core|plugin)(\.|$)/.test(type)
}

/** @throws Problem `invalid_pattern` */
export function assertPattern(pattern: unknown): asserts pattern is string {
  if (typeof pattern === 'string' && pattern.length <= MAX_LENGTH && PATTERN.test(pattern)) return
  throw new Problem(
    400,
    'invalid_pattern',
    `${JSON.stringify(pattern)} is no event pattern: dot-separated words of [a-z0-9_-], "*" for one word, a closing "**" for any number.`,
  )
}

/** `*` stands for one word and a closing `**` for any number, none included. Word by word: no pattern can explode. */
export function matches(pattern: string, type: string): boolean {
  if (pattern === '**' || pattern === type) return true
  const wanted = pattern.split('.')
  const words = type.split('.')
  const open = wanted.at(-1) === '**'
  if (open) wanted.pop()
  if (open ? words.length < wanted.length : words.length !== wanted.length) return false
  return wanted.every((word, index) => word === '*' || word === words[index])
}

/**
 * Whether everything that a pattern matches is matched by one of the wider ones. Words are without number: where a word
 * that none of them names stands for each `*`, who lets that type through lets all through. So one type of each length
 * is asked for, up to the length from which on all are alike.
 */
export function covers(wider: readonly string[], pattern: string): boolean {
  const words = pattern.split('.')
  const open = words.at(-1) === '**'
  if (open) words.pop()
  const named = new Set(wider.flatMap((other) => other.split('.')))
  let unnamed = 'x'
  while (named.has(unnamed)) unnamed += 'x'
  const type = words.map((word) => (word === '*' ? unnamed : word))
  const isCovered = () => type.length === 0 || wider.some((other) => matches(other, type.join('.')))
  const alike = Math.max(words.length, ...wider.map((other) => other.split('.').length)) + 1
  const longest = open ? alike : words.length
  for (; type.length <= longest; type.push(unnamed)) if (!isCovered()) return false
  return true
}

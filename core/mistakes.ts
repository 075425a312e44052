// What a valibot schema found wrong with what somebody wrote, in words for whoever wrote it.

import * as v from 'valibot'

/** One for each mistake, with its place in the whole: `start.comand: there is no such key`. */
export function mistakesIn(issues: readonly v.BaseIssue<unknown>[], whole = 'the whole'): string[] {
  return issues.map((issue) => `${v.getDotPath(issue) ?? whole}: ${tell(issue)}`)
}

function tell({ message, expected, received }: v.BaseIssue<unknown>): string {
  // Of an object's own keys, valibot tells in terms of its types. A message of our own stays.
  if (!message.startsWith('Invalid key: ')) return message
  if (expected === 'never') return 'there is no such key'
  return received === 'undefined' ? 'is missing' : message
}

// One thing that `hc plugin check` holds against a plugin, and how it is said.

export interface Finding {
  /** Absolute path. */
  file: string
  /** 1-based, in UTF-16 code units as editors count them. */
  line: number
  column: number
  rule: Rule
  /** What was found. */
  message: string
  /** What to do instead. */
  instead: string
}

export type Rule =
  /** There is nothing to check, or it cannot be read. */
  | 'entry'
  | 'syntax'
  | 'missing-file'
  /** The Core owns the server, the port, the app and the process. */
  | 'server'
  | 'port'
  | 'app'
  | 'exit'
  /** A plugin knows the SDK and packages, and of other plugins their contracts. */
  | 'core-import'
  | 'plugin-import'

/** Line and column of an offset. */
export function placeOf(text: string, offset: number): Pick<Finding, 'line' | 'column'> {
  const before = text.slice(0, offset).split('\n')
  return { line: before.length, column: before.at(-1)!.length + 1 }
}

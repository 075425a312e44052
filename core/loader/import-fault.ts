// Says what is wrong with a module that does not load: Bun names the import that failed, the plugin's files have its line.

import { readFileSync } from 'node:fs'
import { messageOf, PluginError, positionOf, positionOfText } from './fault.ts'
import type { PluginSource } from './discovery.ts'

/**
 * @param files the plugin's own files, absolute
 * @returns what `import` rejected with, as a fault with a place in a file
 */
export function importFault(
  error: unknown,
  { entry }: PluginSource,
  files: ReadonlySet<string>,
): PluginError {
  if (error instanceof PluginError) return error
  const message = messageOf(error)
  if (error instanceof ResolveMessage)
    return new PluginError('import_missing', message, positionOfText(error.referrer, error.specifier))
  const name = /export (?:named )?'(.+?)' not found in /i.exec(message)?.[1]
  if (name !== undefined) {
    const importer = [...files].find((file) => asksFor(file, name)) ?? entry
    return new PluginError('import_missing', message, positionOfText(importer, name))
  }
  const [parse] = error instanceof AggregateError ? error.errors : [error]
  const position = positionOf(error, files) ?? { file: entry }
  return parse instanceof BuildMessage
    ? new PluginError('syntax_error', messageOf(parse), position)
    : new PluginError('load_failed', message, position)
}

/** Whether a file imports a name, or passes it on. */
function asksFor(file: string, name: string): boolean {
  try {
    return new RegExp(`\\{[^}]*\\b${RegExp.escape(name)}\\b[^}]*\\}\\s*from\\b`).test(
      readFileSync(file, 'utf8'),
    )
  } catch {
    return false
  }
}

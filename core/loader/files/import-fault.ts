// Says what is wrong with a module that cannot be loaded: Bun names the import that failed, the plugin's files have its line.

import { readFileSync } from 'node:fs'
import { messageOf, PluginError, positionOf, positionOfText } from '../fault.ts'
import { jsonFault } from './json-fault.ts'
import type { Sources } from './sources.ts'

/** @returns what an import rejected with, as a fault with a place in one of the plugin's files; all else as it is */
export function importFault(error: unknown, { files, missing }: Sources): unknown {
  const message = messageOf(error)
  if (error instanceof ResolveMessage)
    return new PluginError('import_missing', message, positionOfText(error.referrer, error.specifier))
  const name = /export (?:named )?'(.+?)' not found in /i.exec(message)?.[1]
  if (name !== undefined) {
    const importer = [...files].find((file) => asksFor(file, name))
    if (importer !== undefined)
      return new PluginError('import_missing', message, positionOfText(importer, name))
  }
  const broken = message.includes('JSON Parse error') ? brokenJson(files) : undefined
  if (broken !== undefined) return broken
  const [parse] = error instanceof AggregateError ? error.errors : [error]
  if (!(parse instanceof BuildMessage)) return error
  const [gone] = missing
  // Bun remembers where it found a file that has gone since.
  return gone !== undefined && parse.message.startsWith('ENOENT')
    ? new PluginError(
        'import_missing',
        `Cannot find module '${gone.specifier}' imported from ${gone.from}`,
        positionOfText(gone.from, gone.specifier),
      )
    : new PluginError('syntax_error', messageOf(parse), positionOf(error, files))
}

/** The file that an import could not read as JSON: Bun says why and not which. */
function brokenJson(files: ReadonlySet<string>): PluginError | undefined {
  for (const file of files) {
    const fault = file.endsWith('.json') ? jsonFault(textOf(file)) : null
    if (fault !== null)
      return new PluginError('syntax_error', `${file} is no JSON: ${fault.message}`, {
        file,
        line: fault.line,
      })
  }
  return undefined
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Whether a file imports a name, or passes it on. */
function asksFor(file: string, name: string): boolean {
  return new RegExp(`\\{[^}]*\\b${RegExp.escape(name)}\\b[^}]*\\}\\s*from\\b`).test(textOf(file))
}

// Finds in a plugin's files what no import could get past, without running any of them.

import { readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { PluginError, positionOfText } from '../fault.ts'
import { importFault } from './import-fault.ts'
import type { Sources } from './sources.ts'

const LOADERS: Readonly<Record<string, 'ts' | 'tsx' | 'js' | 'jsx'>> = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.js': 'js',
  '.mjs': 'js',
  '.cjs': 'js',
  '.jsx': 'jsx',
}

/** @throws PluginError `syntax_error` or `import_missing`, with file and line */
export function assertParses(sources: Sources): void {
  const [gone] = sources.missing
  if (gone !== undefined)
    throw new PluginError(
      'import_missing',
      `Cannot find module '${gone.specifier}' imported from ${gone.from}`,
      positionOfText(gone.from, gone.specifier),
    )
  for (const file of sources.files) {
    const loader = LOADERS[extname(file)]
    if (loader === undefined) continue
    try {
      new Bun.Transpiler({ loader }).scan(readFileSync(file))
    } catch (error) {
      throw importFault(error, sources)
    }
  }
}

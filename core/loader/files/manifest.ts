// What a plugin's `package.json` says of it, checked before anything is imported.

import { readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import * as v from 'valibot'
import sdk from '@home-console/sdk/package.json' with { type: 'json' }
import { mistakesIn } from '../../mistakes.ts'
import { entryNamedBy } from '../../plugin-package.ts'
import { PluginError, positionOfText } from '../fault.ts'
import { jsonFault } from './json-fault.ts'

const Manifest = v.pipe(
  v.custom<object>((json) => !Array.isArray(json), 'Invalid type: Expected Object but received Array'),
  v.object({
    name: v.optional(v.string()),
    version: v.optional(v.string()),
    description: v.optional(v.string()),
    homeConsole: v.optional(v.object({ id: v.optional(v.string()) })),
    exports: v.optional(v.unknown()),
    main: v.optional(v.string()),
    peerDependencies: v.optional(v.record(v.string(), v.string())),
  }),
)

export interface Manifest {
  readonly file: string
  readonly id: string | undefined
  readonly version: string | undefined
  readonly description: string | undefined
  /** Relative to the folder, where it is named. */
  readonly entry: string | undefined
}

const SDK = '@home-console/sdk'

/**
 * @returns null where the folder has no `package.json`
 * @throws PluginError `invalid_manifest` or `incompatible_sdk`
 */
export function readManifest(folder: string): Manifest | null {
  const file = join(folder, 'package.json')
  let text: string
  try {
    if (!statSync(file).isFile()) throw new Error('it is no file')
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new PluginError('invalid_manifest', `${file} cannot be read: ${(error as Error).message}`, { file })
  }
  const broken = jsonFault(text)
  if (broken !== null) {
    throw new PluginError('invalid_manifest', `${file} is no JSON: ${broken.message}`, {
      file,
      line: broken.line,
    })
  }
  const { success, output, issues } = v.safeParse(Manifest, JSON.parse(text))
  if (!success) {
    const [issue] = issues
    throw new PluginError(
      'invalid_manifest',
      `${file}: ${mistakesIn([issue])[0]}`,
      issue.path === undefined ? { file, line: 1 } : positionOfText(file, `"${String(issue.path[0].key)}"`),
    )
  }
  const range = output.peerDependencies?.[SDK]
  if (range !== undefined && !range.startsWith('workspace:') && !Bun.semver.satisfies(sdk.version, range)) {
    throw new PluginError(
      'incompatible_sdk',
      `The plugin was written for ${SDK} ${range}; this Core has ${sdk.version}. Install a version of the plugin for it.`,
      positionOfText(file, SDK),
    )
  }
  return {
    file,
    id: output.homeConsole?.id,
    version: output.version,
    description: output.description,
    entry: entryOf(output, file),
  }
}

/** @throws PluginError `invalid_manifest` for one outside the folder: another plugin's code is not this one's */
function entryOf(manifest: v.InferOutput<typeof Manifest>, file: string): string | undefined {
  const entry = entryNamedBy(manifest)
  if (entry === undefined || isInside(entry, dirname(file))) return entry
  throw new PluginError(
    'invalid_manifest',
    `${file}: the entry "${entry}" leads out of the plugin's folder. Name a file in it, such as "./index.ts".`,
    positionOfText(file, JSON.stringify(entry)),
  )
}

function isInside(path: string, folder: string): boolean {
  return resolve(folder, path).startsWith(`${folder}/`)
}

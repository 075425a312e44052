// Which files are the plugin's: its entry, and where an import in one of them leads.

import { readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { entryNamedBy, targetOf } from '../../plugin-package.ts'

export interface PluginFiles {
  /** The plugin's folder, or its one file. */
  readonly root: string
  readonly entry: string
  /** What others read of a plugin in a folder, where it is there, be it imported by the plugin itself or not. */
  readonly contract?: string | undefined
  /** The folder that the plugin lies in. What lies beside it are other plugins, unless it begins with `_` or `.`. */
  readonly neighbours: string
  /** `imports` of its package.json and `paths` of its tsconfig.json; `*` stands for any text. */
  readonly aliases: readonly (readonly [alias: string, path: string])[]
}

export type Target =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'package'; readonly name: string }
  /** Nothing to look into: JSON, text, a picture, or what somebody installed. */
  | { readonly kind: 'asset' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'core' }
  | { readonly kind: 'plugin'; readonly id: string; readonly isContract: boolean }

interface Manifest {
  readonly exports?: unknown
  readonly main?: unknown
  readonly imports?: Readonly<Record<string, unknown>>
  readonly keywords?: readonly string[]
  readonly homeConsole?: unknown
}

const CODE = /(?<!\.d)\.[cm]?[jt]sx?$/
const EXTENSIONS = ['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs', '.json']

/** A package.json or tsconfig.json that makes no sense. */
export class UnreadableFile extends Error {
  readonly file: string

  constructor(file: string, reason: string) {
    super(reason)
    this.file = file
  }
}

/**
 * `path` is a folder or a file that exists.
 *
 * @throws UnreadableFile
 */
export function openPlugin(path: string): PluginFiles {
  const given = resolve(path)
  const isFile = !statSync(given).isDirectory()
  if (isFile && basename(given) !== 'index.ts') {
    return { root: given, entry: given, neighbours: dirname(given), aliases: [] }
  }
  const root = isFile ? dirname(given) : given
  const manifest = readJson<Manifest>(join(root, 'package.json'))
  const entry = isFile ? given : resolve(root, entryNamedBy(manifest) ?? 'index.ts')
  const contract = probe(join(root, 'contract'))
  return { root, entry, contract, neighbours: dirname(root), aliases: aliasesOf(root, manifest.imports) }
}

/** Where `specifier` leads from the file `from`. By names alone: nothing is imported, and nothing installed. */
export function resolveImport(plugin: PluginFiles, specifier: string, from: string): Target {
  const path = pathOf(plugin, specifier, from)
  if (path === undefined) return resolvePackage(specifier, from)
  if (path !== plugin.root && !path.startsWith(plugin.root + sep)) {
    const away = relative(plugin.neighbours, path)
    if (/^(\.\.\/)+core\//.test(away)) return { kind: 'core' }
    const [id = '', ...inside] = away.split(sep)
    if (!/^[._]/.test(id)) return otherPlugin(id.replace(CODE, ''), inside.join('/'))
    const elsewhere = id === '..' ? pluginAround(path, plugin.root) : undefined
    if (elsewhere !== undefined) return otherPlugin(basename(elsewhere), relative(elsewhere, path))
  }
  const file = probe(path)
  if (file === undefined) return { kind: 'missing' }
  return CODE.test(file) && !file.includes(`${sep}node_modules${sep}`)
    ? { kind: 'file', path: file }
    : { kind: 'asset' }
}

function resolvePackage(specifier: string, from: string): Target {
  if (/^(home-console\/)?core\//.test(specifier)) return { kind: 'core' }
  const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier
  for (let folder = dirname(from); folder !== dirname(folder); folder = dirname(folder)) {
    const { keywords } = readJson<Manifest>(join(folder, 'node_modules', name, 'package.json'))
    if (keywords?.includes('home-console-plugin')) return otherPlugin(name, specifier.slice(name.length + 1))
  }
  return { kind: 'package', name: specifier }
}

/** The plugin of another folder of plugins that a path leads into, as far as its package.json calls it one. */
function pluginAround(path: string, root: string): string | undefined {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory()
  for (
    let folder = isFolder ? path : dirname(path);
    !`${root}/`.startsWith(`${folder}/`);
    folder = dirname(folder)
  ) {
    const { keywords, homeConsole } = readJson<Manifest>(join(folder, 'package.json'))
    if (homeConsole !== undefined || keywords?.includes('home-console-plugin')) return folder
  }
  return undefined
}

function otherPlugin(id: string, inside: string): Target {
  return { kind: 'plugin', id, isContract: /^contract(\.[jt]s)?$/.test(inside) }
}

/** The path that a specifier means, whether or not anything is there; undefined for a package. */
function pathOf(plugin: PluginFiles, specifier: string, from: string): string | undefined {
  if (specifier.startsWith('file:')) return fileURLToPath(specifier)
  if (/^(\.{1,2}(\/|$)|\/)/.test(specifier)) return resolve(dirname(from), specifier)
  for (const [alias, path] of plugin.aliases) {
    const [head = '', tail] = alias.split('*')
    if (tail === undefined ? specifier === alias : specifier.startsWith(head) && specifier.endsWith(tail)) {
      return resolve(
        plugin.root,
        path.replace('*', specifier.slice(head.length, specifier.length - (tail ?? '').length)),
      )
    }
  }
  return undefined
}

/** The file that Bun takes for a path: as it is, with an extension, the TypeScript of a `.js`, or an index. */
function probe(path: string): string | undefined {
  const candidates = [
    path,
    ...EXTENSIONS.map((extension) => path + extension),
    path.replace(/\.([cm]?)js(x?)$/, '.$1ts$2'),
    ...EXTENSIONS.map((extension) => join(path, `index${extension}`)),
  ]
  return candidates.find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile())
}

function aliasesOf(root: string, imports: Manifest['imports'] = {}): [string, string][] {
  const { compilerOptions = {} } = readJson<{ compilerOptions?: { baseUrl?: string; paths?: object } }>(
    join(root, 'tsconfig.json'),
  )
  const paths = Object.entries(compilerOptions.paths ?? {}).map(([alias, targets]): [string, unknown] => {
    const target = targetOf(targets)
    return [alias, target && join(compilerOptions.baseUrl ?? '.', target)]
  })
  return [...Object.entries(imports), ...paths].flatMap(([alias, target]): [string, string][] => {
    const path = targetOf(target)
    return path === undefined ? [] : [[alias, path]]
  })
}

/** The contents of a JSON file, comments allowed; an empty object when there is none. */
function readJson<Shape extends object>(path: string): Partial<Shape> {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return {}
  try {
    const value: unknown = Bun.JSONC.parse(readFileSync(path, 'utf8'))
    return isRecord(value) ? (value as Partial<Shape>) : {}
  } catch (error) {
    throw new UnreadableFile(path, `is not JSON (${error instanceof Error ? error.message : String(error)})`)
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

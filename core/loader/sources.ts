// The files of a plugin: its entry, all that it imports, and its package.json, with a digest of their contents.

import { readFileSync, realpathSync, statSync, type Stats } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, extname, join, resolve } from 'node:path'
import type { PluginSource } from './discovery.ts'
import { isShared } from './shared-packages.ts'

export interface Sources {
  /** Every file, absolute, as its import names it. */
  readonly files: ReadonlySet<string>
  /** The same contents in the same places give the same digest. */
  readonly digest: string
  /** Imports of the plugin's own that lead nowhere. */
  readonly missing: readonly { readonly specifier: string; readonly from: string }[]
}

interface ReadFile {
  readonly stamp: string
  readonly hash: string
  readonly imports: readonly string[]
}

const CODE: ReadonlySet<string> = new Set(['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs'])
const TRIED = [
  '',
  '.ts',
  '.tsx',
  '.mts',
  '.cts',
  '.js',
  '.jsx',
  '.mjs',
  '.cjs',
  '.json',
  '/index.ts',
  '/index.tsx',
  '/index.js',
  '/index.mjs',
]
const BUILTIN: ReadonlySet<string> = new Set(['bun', ...builtinModules])

/** File systems stamp times coarsely: a file changed this recently is read again, whatever its stamp says. */
const RECENT_MS = 50

const transpilers = new Map<string, Bun.Transpiler>()

/** Reads a plugin's files, and again only those that changed since. One reader for each plugin. */
export class SourceReader {
  #known = new Map<string, ReadFile>()
  #missing: Sources['missing'] = []

  /** Never throws: a file that is gone or does not parse is the import's to report. */
  read(source: PluginSource): Sources {
    const known = new Map<string, ReadFile>()
    const missing: { specifier: string; from: string }[] = []
    const queue = [source.entry]
    if (source.manifest !== null) queue.push(source.manifest.file)
    for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
      if (known.has(path)) continue
      const file = this.#readFile(path)
      if (file === null) continue
      known.set(path, file)
      for (const specifier of file.imports) {
        const target = targetOf(specifier, path)
        if (target === null) missing.push({ specifier, from: path })
        else if (target !== '') queue.push(target)
      }
    }
    this.#known = known
    this.#missing = missing
    const lines = Array.from(known, ([path, { hash }]) => `${path}\0${hash}`).sort()
    const gone = missing.map(({ specifier, from }) => `${from}\0${specifier}`)
    return {
      files: new Set(known.keys()),
      digest: Bun.hash([...lines, ...gone].join('\n')).toString(36),
      missing,
    }
  }

  /** Whether a file is one of those read last, and is another one on the disk by now (an atomic save). */
  wasReplaced(path: string): boolean {
    const known = this.#known.get(path)
    const stats = known && statOf(path)
    return !!stats && stats.size > 0 && !known.stamp.startsWith(`${stats.ino}:`)
  }

  /** The files of the last reading that are not what they were, by what the file system says of them. */
  changed(): string[] {
    const stale = [...this.#known].filter(([path, { stamp }]) => stampOf(statOf(path)) !== stamp)
    const found = this.#missing.filter(({ specifier, from }) => targetOf(specifier, from) !== null)
    return [...stale.map(([path]) => path), ...found.map(({ from }) => from)]
  }

  #readFile(path: string): ReadFile | null {
    const stats = statOf(path)
    if (stats === null || !stats.isFile()) return null
    const stamp = stampOf(stats)
    const before = this.#known.get(path)
    if (before?.stamp === stamp && Date.now() - stats.ctimeMs > RECENT_MS) return before
    let content: Buffer
    try {
      content = readFileSync(path)
    } catch {
      return null
    }
    const hash = Bun.hash(content).toString(36)
    return { stamp, hash, imports: before?.hash === hash ? before.imports : importsOf(path, content) }
  }
}

function importsOf(path: string, content: Buffer): string[] {
  const extension = extname(path)
  if (!CODE.has(extension)) return []
  const loader = extension.endsWith('x') ? 'tsx' : extension.includes('t') ? 'ts' : 'js'
  let transpiler = transpilers.get(loader)
  if (transpiler === undefined) transpilers.set(loader, (transpiler = new Bun.Transpiler({ loader })))
  try {
    return transpiler.scanImports(content).map((found) => found.path)
  } catch {
    return []
  }
}

/** The file that an import names; '' for what is none of the plugin's files; null where there is nothing. */
function targetOf(specifier: string, from: string): string | null {
  if (
    specifier.startsWith('node:') ||
    specifier.startsWith('bun:') ||
    BUILTIN.has(specifier) ||
    isShared(specifier)
  )
    return ''
  if (specifier.startsWith('.') || specifier.startsWith('/')) {
    const path = resolve(dirname(from), specifier)
    for (const ending of TRIED) if (isFile(path + ending)) return path + ending
    return null
  }
  if (specifier.includes(':')) return ''
  return packageOf(specifier, from)
}

/**
 * A package of the plugin's own stands in the digest with its package.json, which names its version: following a large
 * package file by file would cost each reload more than it could find. One that is linked into the folder (a workspace)
 * is code in the making, and followed.
 */
function packageOf(specifier: string, from: string): string | null {
  let file: string
  try {
    file = Bun.resolveSync(specifier, dirname(from))
  } catch {
    return null
  }
  const real = realpathSync(file)
  const at = real.lastIndexOf('/node_modules/')
  if (at === -1) return file
  const [scope, name] = real.slice(at + '/node_modules/'.length).split('/')
  const folder = join(real.slice(0, at), 'node_modules', scope!, scope!.startsWith('@') ? (name ?? '') : '')
  return isFile(join(folder, 'package.json')) ? join(folder, 'package.json') : real
}

function stampOf(stats: Stats | null): string {
  return stats === null ? 'gone' : `${stats.ino}:${stats.size}:${stats.mtimeMs}:${stats.ctimeMs}`
}

function statOf(path: string): Stats | null {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null
  } catch {
    return null
  }
}

function isFile(path: string): boolean {
  return statOf(path)?.isFile() ?? false
}

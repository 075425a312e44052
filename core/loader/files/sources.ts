// The files of a plugin: its entry, all that it imports, and its package.json, with a digest of their contents.

import { readFileSync, realpathSync, statSync, type Stats } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, extname, join, resolve } from 'node:path'
import { isShared } from '../border/shared-packages.ts'
import type { PluginSource } from './discovery.ts'
import { migrationFiles, migrationsIn } from './migration-files.ts'

export interface Sources {
  /** Every file, absolute, as its import names it. */
  readonly files: ReadonlySet<string>
  /** The same files, with what was read of each. */
  readonly contents: ReadonlyMap<string, SourceFile>
  /** The same contents in the same places give the same digest. */
  readonly digest: string
  /** Imports of the plugin's own that lead nowhere. */
  readonly missing: readonly { readonly specifier: string; readonly from: string }[]
}

export interface SourceFile {
  /** SHA-256, in hex. */
  readonly hash: string
  /** In bytes. */
  readonly size: number
  /** Null for what need not be held in memory: it is kept on the disk under its hash, or is large. */
  content: Buffer | null
}

interface ReadFile extends SourceFile {
  readonly stamp: string
  readonly imports: readonly string[]
  /** The folder of migrations that it tells of, as it is named there. */
  readonly migrations: string | null
}

/** What Bun tries behind a specifier that names no file, in its order. */
const ENDINGS = ['.tsx', '.jsx', '.mts', '.ts', '.mjs', '.js', '.cts', '.cjs', '.json']
/** What else an ending may stand for: TypeScript is often imported under the name of what it becomes. */
const BECOMES: Readonly<Record<string, readonly string[]>> = {
  '.js': ['.ts', '.tsx', '.mts'],
  '.jsx': ['.ts', '.tsx', '.mts'],
  '.mjs': ['.mts'],
  '.cjs': ['.cts'],
}
const CODE: ReadonlySet<string> = new Set(ENDINGS.slice(0, -1))
const BUILTIN: ReadonlySet<string> = new Set(['bun', ...builtinModules])

/** File systems stamp times coarsely: a file changed this recently is read again, whatever its stamp says. */
const RECENT_MS = 50

/** How much of a plugin's contents is held in memory until it is kept elsewhere. In bytes. */
const MOST_HELD = 1024 * 1024

const transpilers = new Map<string, Bun.Transpiler>()

/** Reads a plugin's files, and again only those that changed since. One reader for each plugin. */
export class SourceReader {
  #known = new Map<string, ReadFile>()
  #missing: Sources['missing'] = []

  /** Never throws: a file that is gone or does not parse is the import's to report. */
  read(source: PluginSource): Sources {
    const known = new Map<string, ReadFile>()
    const missing: { specifier: string; from: string }[] = []
    let held = 0
    const queue = [source.entry]
    if (source.manifest !== null) queue.push(source.manifest.file)
    for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
      if (known.has(path)) continue
      const file = this.#readFile(path)
      if (file === null) continue
      known.set(path, file)
      held += file.content?.length ?? 0
      if (held > MOST_HELD) file.content = null
      for (const specifier of file.imports) {
        const target = targetOf(specifier, path)
        if (target === null) missing.push({ specifier, from: path })
        else if (target !== '') queue.push(target)
      }
      if (file.migrations !== null) queue.push(...migrationFiles(resolve(source.dir, file.migrations)))
    }
    this.#known = known
    this.#missing = missing
    const lines = Array.from(known, ([path, { hash }]) => `${path}\0${hash}`).sort()
    const gone = missing.map(({ specifier, from }) => `${from}\0${specifier}`)
    return {
      files: new Set(known.keys()),
      contents: known,
      digest: sha256([...lines, ...gone].join('\n')).slice(0, 16),
      missing,
    }
  }

  /**
   * Whether a file is one of those read last, and another one was put in its place by now (an atomic save). One that was
   * removed and is being written anew, as git does, is another one too, but nothing was done to it since it was written.
   */
  wasReplaced(path: string): boolean {
    const known = this.#known.get(path)
    const stats = known && statOf(path)
    return !!stats && stats.ctimeMs > stats.mtimeMs && !known.stamp.startsWith(`${stats.ino}:`)
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
    const hash = sha256(content)
    return before?.hash === hash
      ? { ...before, stamp }
      : {
          stamp,
          hash,
          size: content.length,
          content,
          imports: importsOf(path, content),
          migrations: migrationsIn(path, content),
        }
  }
}

export function sha256(content: Buffer | string): string {
  return Bun.CryptoHasher.hash('sha256', content, 'hex')
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
    return isFile(path) ? path : (candidatesOf(path).find(isFile) ?? null)
  }
  if (specifier.includes(':')) return ''
  return packageOf(specifier, from)
}

/** The files that a path may mean which is none itself, in the order in which Bun looks. */
function candidatesOf(path: string): string[] {
  const ending = extname(path)
  const stem = path.slice(0, path.length - ending.length)
  return [
    ...ENDINGS.map((one) => path + one),
    ...(BECOMES[ending] ?? []).map((one) => stem + one),
    ...ENDINGS.map((one) => `${path}/index${one}`),
  ]
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

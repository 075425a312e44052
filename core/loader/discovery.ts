// Finds the plugins in the plugins folders: what is there, under which id, and with which entry.

import { readdirSync, statSync, type Dirent } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { PluginError } from './fault.ts'
import { readManifest, type Manifest } from './manifest.ts'

/** One place that holds a plugin: a folder, or a single file. */
export interface PluginPlace {
  /** Absolute path of the folder or file, as found: a symbolic link is not resolved. */
  readonly path: string
  /** The folder's or file's name. */
  readonly name: string
  readonly single: boolean
}

/** What was read of a place before anything is imported. */
export interface PluginSource {
  readonly id: string
  /** The folder that holds the code. */
  readonly dir: string
  readonly entry: string
  readonly manifest: Manifest | null
}

const ID = /^[a-z][a-z0-9-]{0,62}$/
const RESERVED: ReadonlySet<string> = new Set(['core', 'plugins', 'ui', 'docs', 'health', 'metrics'])

/** The places in one plugins folder; none where there is no such folder. */
export function findPlaces(folder: string): PluginPlace[] {
  let entries: Dirent[]
  try {
    entries = readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name)
    const place = placeOf(path, entry)
    return place === null ? [] : [place]
  })
}

function placeOf(path: string, entry: Dirent): PluginPlace | null {
  const { name } = entry
  if (name.startsWith('_') || name.startsWith('.') || name === 'node_modules') return null
  if (isFolder(path, entry))
    return isFile(join(path, 'index.ts')) || isFile(join(path, 'package.json'))
      ? { path, name, single: false }
      : null
  if (!name.endsWith('.ts') || /\.(test|spec|d)\.ts$/.test(name)) return null
  return isFile(path) ? { path, name: name.slice(0, -'.ts'.length), single: true } : null
}

/** @throws PluginError when the manifest is nonsense, the id is not allowed, or the entry is missing */
export function readPlace(place: PluginPlace): PluginSource {
  const dir = place.single ? dirname(place.path) : place.path
  const manifest = place.single ? null : readManifest(place.path)
  const id = manifest?.id ?? place.name
  if (!isPluginId(id)) {
    const file = manifest?.id === undefined ? place.path : manifest.file
    throw new PluginError(
      'invalid_id',
      `"${id}" cannot be a plugin's id: it must match ${ID.source}, and be none of ${[...RESERVED].join(' ')}.`,
      { file },
    )
  }
  const entry = place.single ? place.path : resolve(place.path, manifest?.entry ?? 'index.ts')
  if (!isFile(entry)) {
    throw new PluginError(
      'entry_missing',
      `${basename(entry)} is missing in ${dirname(entry)}: it is the plugin's entry.`,
      { file: entry },
    )
  }
  return { id, dir, entry, manifest }
}

export function isPluginId(id: string): boolean {
  return ID.test(id) && !RESERVED.has(id)
}

function isFolder(path: string, entry: Dirent): boolean {
  return (
    entry.isDirectory() ||
    (entry.isSymbolicLink() && (statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false))
  )
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}

// Finds the plugins in the plugins folders: what is there, under which id, and with which entry.

import { readdirSync, statSync, type Stats } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { PluginError, positionOfText } from '../fault.ts'
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
  /** A version from before, and not the files at its place. */
  readonly kept?: boolean
}

const ID = /^[a-z][a-z0-9-]{0,62}$/
const RESERVED: ReadonlySet<string> = new Set(['core', 'plugins', 'ui', 'docs', 'health', 'metrics'])

/** The places in one plugins folder; none where there is no such folder. */
export function findPlaces(folder: string): PluginPlace[] {
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
  return names
    .sort()
    .map((name) => placeOf(folder, name))
    .filter(isPlace)
}

function placeOf(folder: string, name: string): PluginPlace {
  const path = join(folder, name)
  return isFolder(path)
    ? { path, name, single: false }
    : { path, name: name.replace(/\.ts$/, ''), single: true }
}

/** Whether there is a plugin: a folder that has something to read, or a file. Its name must be none that is ignored. */
export function isPlace({ path, single }: PluginPlace): boolean {
  const name = basename(path)
  if (name.startsWith('_') || name.startsWith('.') || name === 'node_modules') return false
  if (single) return name.endsWith('.ts') && !/\.(test|spec|d)\.ts$/.test(name) && isFile(path)
  return isFile(join(path, 'index.ts')) || isFile(join(path, 'package.json'))
}

/** @throws PluginError when the manifest is nonsense, the id is not allowed, or the entry is missing */
export function readPlace(place: PluginPlace): PluginSource {
  const dir = place.single ? dirname(place.path) : place.path
  const manifest = place.single ? null : readManifest(place.path)
  const id = manifest?.id ?? place.name
  if (!isPluginId(id)) {
    throw new PluginError(
      'invalid_id',
      `"${id}" cannot be a plugin's id: it must match ${ID.source}, and be none of ${[...RESERVED].join(' ')}.`,
      manifest?.id === undefined ? { file: place.path } : positionOfText(manifest.file, '"id"'),
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

function isFolder(path: string): boolean {
  return statsOf(path)?.isDirectory() ?? false
}

function isFile(path: string): boolean {
  return statsOf(path)?.isFile() ?? false
}

/** Null for what is not there, and for what cannot be looked at (a link in a circle): one such entry is no plugin. */
function statsOf(path: string): Stats | null {
  try {
    return statSync(path)
  } catch {
    return null
  }
}

// Lays out the files of a kept version so that they can be imported while the disk holds others.

import { existsSync, lstatSync } from 'node:fs'
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readPlace, type PluginPlace, type PluginSource } from '../files/discovery.ts'
import { SourceReader, type Sources } from '../files/sources.ts'

/** What is looked for in every folder above a module: packages, and how it is to be read. */
const FROM_ABOVE = ['node_modules', 'package.json', 'tsconfig.json']

/**
 * Below the folder everything stands where it stands on the disk: the version's own files as they were, and what else
 * is beside them (pages, data, packages, neighbours) as links. So imports, packages and paths lead where they led.
 *
 * @param folder absolute, real, and empty
 * @param files contents by absolute path, as imports name them
 * @returns what the loader needs to import it
 * @throws what the file system says
 */
export async function layOut(
  folder: string,
  place: PluginPlace,
  files: ReadonlyMap<string, Buffer>,
): Promise<{ source: PluginSource; sources: Sources }> {
  // What came to the disk since may stand in the way: an import that found `word/index.ts` would find `word.ts` first.
  const inTheWay = new Set<string>()
  for (;;) {
    // Somewhere else each time: Bun remembers what it saw in a folder.
    const root = join(folder, String(inTheWay.size))
    await plant(root, place, files, inTheWay)
    const source = readPlace({ ...place, path: root + place.path })
    const sources = new SourceReader().read(source)
    const newcomers = [...sources.files].flatMap((path) => linkOf(path, root, files) ?? [])
    if (newcomers.length === 0) return { source: { ...source, kept: true }, sources }
    for (const path of newcomers) inTheWay.add(path)
    await rm(root, { recursive: true })
  }
}

async function plant(
  root: string,
  { single, path: start }: PluginPlace,
  files: ReadonlyMap<string, Buffer>,
  inTheWay: ReadonlySet<string>,
): Promise<void> {
  const dir = single ? dirname(start) : start
  const folders = new Set([dir, ...Array.from(files.keys(), dirname)].flatMap(upwards))
  const base = commonFolder([dirname(dir), ...Array.from(files.keys(), dirname)])
  for (const folder of folders) {
    await mkdir(root + folder, { recursive: true, mode: 0o700 })
    const beside = isWithin(folder, base) ? await namesIn(folder) : FROM_ABOVE
    for (const path of beside.map((name) => join(folder, name)))
      if (!folders.has(path) && !files.has(path) && !inTheWay.has(path) && existsSync(path))
        await symlink(path, root + path)
  }
  for (const [path, content] of files) await writeFile(root + path, content, { mode: 0o600 })
}

/** The path on the disk of the link that led to a file which is none of the version's; packages may be others by now. */
function linkOf(file: string, root: string, files: ReadonlyMap<string, Buffer>): string | undefined {
  if (!file.startsWith(`${root}/`) || file.includes('/node_modules/')) return undefined
  const path = file.slice(root.length)
  return files.has(path) ? undefined : upwards(path).findLast((part) => isLink(root + part))
}

/** A path and all the folders above it, nearest first. */
function upwards(path: string): string[] {
  const above = dirname(path)
  return above === path ? [path] : [path, ...upwards(above)]
}

function commonFolder(folders: readonly string[]): string {
  return upwards(folders[0]!).find((folder) => folders.every((other) => isWithin(other, folder)))!
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`)
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch {
    // The version may be older than its folder's end.
    return []
  }
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false
}

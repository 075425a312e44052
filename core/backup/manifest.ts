// What a backup says of itself: its last entry, against which all others are checked.

import * as v from 'valibot'

/** Of the archive. A reader refuses a higher one. */
export const FORMAT = 1
export const MANIFEST = 'manifest.json'
/** The key for secrets, sealed with a passphrase; only where the owner asked for it. */
export const SEALED_KEY = 'key.sealed'

const Entry = v.strictObject({
  bytes: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  /** Of a database. */
  schema: v.optional(v.strictObject({ applicationId: v.number(), userVersion: v.number() })),
})

const LeftOut = v.strictObject({ path: v.string(), reason: v.string() })

const Manifest = v.object({
  format: v.number(),
  /** Of the Home Console that made it. */
  version: v.string(),
  /** RFC 3339 in UTC. */
  madeAt: v.string(),
  files: v.record(v.string(), Entry),
  leftOut: v.array(LeftOut),
})

export type Manifest = v.InferOutput<typeof Manifest>
export type Entry = v.InferOutput<typeof Entry>
export type LeftOut = v.InferOutput<typeof LeftOut>

/** Why a file is no backup that this house can use: what is wrong with it, and what to do. Nothing was changed. */
export class BackupRefused extends Error {
  override readonly name = 'BackupRefused'
}

/** @throws BackupRefused */
export function parseManifest(text: string, ours: string): Manifest {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new BackupRefused('The manifest of the backup is no JSON: it is damaged, or no backup.')
  }
  const { success, output, issues } = v.safeParse(Manifest, json)
  if (!success) {
    throw new BackupRefused(
      `The manifest of the backup is none: ${v.getDotPath(issues[0]) ?? ''} ${issues[0].message}`,
    )
  }
  if (output.format > FORMAT || isNewer(output.version, ours)) {
    throw new BackupRefused(
      `The backup was made by Home Console ${output.version}, which is newer than this one (${ours}). Update this one first.`,
    )
  }
  return output
}

function isNewer(version: string, than: string): boolean {
  try {
    return Bun.semver.order(version, than) > 0
  } catch {
    throw new BackupRefused(`The backup says that it was made by version "${version}", which is none.`)
  }
}

/** What a backup may hold, and where: anything else is not ours, and may want to get out of its folder. */
const PLACES: readonly RegExp[] = [
  /^data\/core\.sqlite$/,
  /^data\/plugins\/[a-z][a-z0-9-]{0,62}\.sqlite$/,
  /^data\/(config|files|external)\/./,
  /^code\/\d\/./,
  /^key\.sealed$/,
  /^manifest\.json$/,
]

const CORE = 'data/core.sqlite'

/** @throws BackupRefused when an entry would lead out of its folder, or has no place in a backup */
export function assertPlace(name: string): void {
  const parts = name.split('/')
  const leadsOut = parts.some((part) => part === '' || part === '.' || part === '..')
  if (leadsOut || /[\0\\]/.test(name) || !PLACES.some((place) => place.test(name)))
    throw new BackupRefused(`The backup has an entry that has no place in one: ${JSON.stringify(name)}`)
}

/** @throws BackupRefused when what was read is not what the manifest says */
export function assertSame(manifest: Manifest, found: ReadonlyMap<string, Entry>): void {
  const { files } = manifest
  if (files[CORE] === undefined) throw new BackupRefused(`The backup has no ${CORE}.`)
  for (const name of new Set([...Object.keys(files), ...found.keys()])) {
    const [said, is] = [files[name], found.get(name)]
    if (said === undefined)
      throw new BackupRefused(`The backup holds ${name}, of which its manifest is silent.`)
    if (is === undefined) throw new BackupRefused(`The backup is not whole: ${name} is missing.`)
    if (said.bytes !== is.bytes || said.sha256 !== is.sha256)
      throw new BackupRefused(`The backup is damaged: ${name} is not what it was when the backup was made.`)
  }
}

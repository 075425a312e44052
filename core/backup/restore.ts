// Brings a backup back: checks all of it beside what the house has, and leaves the rest to the next start.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeWhole } from '../db/whole-file.ts'
import type { Helper } from './helper.ts'
import type { LaidOut } from './lay-out.ts'
import { BackupRefused, SEALED_KEY } from './manifest.ts'
import type { RestoreSwap } from './swap.ts'

export interface Restoring {
  readonly helper: Helper
  readonly swap: RestoreSwap
  /** Absolute: the backup. */
  readonly file: string
  /** What it is called. */
  readonly backup: string
  readonly dataDir: string
  /** Of this Home Console. */
  readonly version: string
  /** Only check it, and say what would change. */
  readonly dryRun: boolean
  /** Plugins that are active now: with the backup, none of them may fail. */
  readonly active: readonly string[]
  /** Gives the key for secrets out of what the backup has; null where it is not to be brought back. */
  readonly unsealKey: ((sealed: string) => Promise<Uint8Array>) | null
}

export interface Planned extends LaidOut {
  readonly id: string
  readonly backup: string
}

/** @throws BackupRefused, NoRoom, or what `unsealKey` throws; then nothing has changed */
export async function planRestore(restoring: Restoring): Promise<Planned> {
  const { helper, swap, file, backup, dataDir, version, dryRun, active, unsealKey } = restoring
  const into = swap.prepare()
  const id = crypto.randomUUID()
  try {
    const laidOut = await helper.run<LaidOut>({ do: 'lay out', with: { file, into, dataDir, version } })
    if (unsealKey !== null) {
      if (!laidOut.hasKey) throw new BackupRefused('The backup was made without the key for secrets.')
      const key = await unsealKey(await readFile(join(into, SEALED_KEY), 'utf8'))
      writeWhole(join(into, 'data/secret.key'), key)
    }
    if (!dryRun) swap.decide(id, backup, active)
    return { id, backup, ...laidOut }
  } finally {
    swap.discard()
  }
}

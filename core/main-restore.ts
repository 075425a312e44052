// `bun run restore FILE`: brings a backup back where no Core runs, on a new machine or when none starts.

import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { Helper } from './backup/helper.ts'
import { BackupRefused } from './backup/manifest.ts'
import { planRestore } from './backup/restore.ts'
import { NoRoom } from './backup/room.ts'
import { RestoreSwap } from './backup/swap.ts'
import { guardCommand } from './child-guard.ts'
import type { Config } from './config.ts'
import { takeDataFolder, type DataFolder } from './db/data-folder.ts'
import { StartRefusal } from './db/start-refusal.ts'
import { unsealWith, WrongPassphrase } from './secrets/passphrase.ts'
import manifest from '../package.json' with { type: 'json' }

const USAGE = 'bun run restore FILE [--dry-run] [--passphrase-file FILE]\n'

/** @returns an exit code */
export async function restoreHere(args: string[], { dataDir, pluginsDirs }: Config): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      restore: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
      'passphrase-file': { type: 'string' },
    },
  })
  const file = resolve(values.restore!)
  const dryRun = values['dry-run']
  const passphraseFile = values['passphrase-file']
  if (!existsSync(file)) {
    process.stderr.write(`There is no ${file}.\n${USAGE}`)
    return 2
  }
  let folder: DataFolder | undefined
  try {
    folder = takeDataFolder(dataDir)
    const { version, madeAt, files, changes } = await planRestore({
      helper: new Helper(guardCommand),
      swap: new RestoreSwap(dataDir, pluginsDirs),
      file,
      backup: basename(file),
      dataDir,
      version: manifest.version,
      dryRun,
      active: [],
      unsealKey:
        passphraseFile === undefined
          ? null
          : async (sealed) => {
              const [passphrase] = (await readFile(passphraseFile, 'utf8')).split(/\r?\n/)
              return unsealWith(passphrase!, sealed)
            },
    })
    for (const { path, change } of changes)
      process.stdout.write(`${change.padEnd(8)} ${JSON.stringify(path)}\n`)
    process.stdout.write(
      `${files} files, made at ${madeAt} by Home Console ${version}. ${dryRun ? 'Nothing was changed.' : 'The next start puts them in place.'}\n`,
    )
    return 0
  } catch (error) {
    const isSaidWell = [BackupRefused, NoRoom, WrongPassphrase, StartRefusal].some(
      (kind) => error instanceof kind,
    )
    process.stderr.write(`${isSaidWell ? (error as Error).message : Bun.inspect(error)}\n`)
    return 1
  } finally {
    folder?.release()
  }
}

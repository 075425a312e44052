// What a restore means for a start: it is decided on before anything is open, and stays when the plugins are up that were.

import type { Outcome, RestoreSwap } from './backup/swap.ts'
import { takeDataFolder } from './db/data-folder.ts'
import { messageOf } from './loader/fault.ts'
import type { PluginLoader } from './loader/plugin-loader.ts'
import type { Log } from './log/log.ts'

/**
 * What a backup put in place that cannot be opened is taken back at once.
 *
 * @throws StartRefusal
 */
export function openData(dir: string, restore: RestoreSwap, log: Log) {
  const folder = takeDataFolder(dir)
  tell(log, restore.settle())
  try {
    return { folder, ...folder.openDatabase() }
  } catch (error) {
    if (!restore.refuse(messageOf(error))) throw error
    return openData(dir, restore, log)
  }
}

/**
 * What served before and fails now would not have come back by itself.
 *
 * @returns whether the backup stays; where it does not, the next start takes it back
 */
export function passesTrial(restore: RestoreSwap, loader: PluginLoader, log: Log): boolean {
  const failed = restore.active.filter((id) => loader.find(id)?.state === 'failed')
  if (failed.length === 0) {
    tell(log, restore.prove())
    return true
  }
  const causes = failed.map(
    (id) => `${id} (${loader.view(id)?.error?.message ?? 'for no reason that is known'})`,
  )
  const reason = `With it, what was active before fails: ${causes.join(', ')}.`
  restore.refuse(reason)
  log.of(null).error(`The backup is taken back. ${reason}`)
  return false
}

function tell(log: Log, outcome: Outcome | null): void {
  if (outcome === null) return
  const { backup, reason } = outcome
  const own = log.of(null)
  if (outcome.outcome === 'restored') own.info(`The house is what it was in the backup ${backup}.`)
  else own.error(`The house is what it was before the backup ${backup} was brought back. ${reason}`)
}

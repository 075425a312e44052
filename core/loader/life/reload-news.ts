// Tells the log and the bus what became of an attempt to load, swap or unload a plugin.

import type { Reload } from '@home-console/sdk'
import type { Generation } from '../generation/generation.ts'
import type { Organs } from '../organs.ts'

/** @param before the generation that served when the attempt began */
export function announce(record: Reload, { log: house, bus }: Organs, before: Generation | null): void {
  const log = house.of(record.plugin)
  const { id: reload, generation, cause, error } = record
  const tell = (type: string) =>
    bus.emit({
      type,
      source: '/core',
      subject: record.plugin,
      data: { plugin: record.plugin, generation, reload: record },
    })

  switch (record.outcome) {
    case 'superseded':
      log.debug('A newer save overtook this version.', { reload })
      return
    case 'committed': {
      const { settle, import: importing, stage, commit } = record.phases
      const ms = Math.round((settle + importing + stage + commit) * 10) / 10
      const verb = record.restored !== null ? 'Went back' : before === null ? 'Loaded' : 'Swapped'
      log.info(`${verb} in ${ms} ms: generation ${generation}.`, { reload, cause: cause.kind })
      tell(before === null ? 'plugin.loaded' : 'plugin.reloaded')
      return
    }
    case 'unloaded':
      log.info(
        `Unloaded: generation ${generation}.${cause.kind === 'dependency' ? ' What it needs is gone: it comes back with that.' : ''}`,
        { reload, cause: cause.kind },
      )
      tell('plugin.unloaded')
      return
    default: {
      if ((error?.code === 'needs_not_met' || error?.code === 'config_missing') && before === null) {
        log.info(error.message, { reload, code: error.code })
        return
      }
      if (
        error?.code === 'config_invalid' &&
        cause.files.length === 0 &&
        cause.kind === 'config' &&
        before === null
      ) {
        // Somebody was told so; the plugin waits as before.
        log.info(error.message, { reload, code: error.code })
        return
      }
      const line = error?.line === undefined ? '' : `:${error.line}`
      const where = error?.file === undefined ? '' : ` at ${error.file}${line}`
      const kept =
        before === null || record.outcome === 'failed' ? '' : ` Generation ${before.number} goes on serving.`
      const frame = error?.frame === undefined ? '' : `\n${error.frame}`
      const why = String(error?.message).replace(/[^.!?]$/, '$&.')
      log.error(`Refused${where}: ${why}${kept}${frame}`, { reload, code: error?.code })
      tell(record.outcome === 'kept_old' ? 'plugin.kept_old' : 'plugin.failed')
    }
  }
}

/** Names what a generation left behind. */
export function announceLeaks(record: Reload, { log, bus }: Organs, { id, number }: Generation): void {
  const leaks = record.leaks.map(({ kind, label }) => `${kind} (${label})`).join(', ')
  log
    .of(id)
    .warn(`Generation ${number} left behind what had to be ended by force: ${leaks}.`, { reload: record.id })
  bus.emit({
    type: 'plugin.leaked',
    source: '/core',
    subject: id,
    data: { plugin: id, generation: number, reload: record },
  })
}

// What organs notice of the house, as the log and the bus tell of it: neither knows the organs, nor they one another.

import type { Events } from '@home-console/sdk'
import type { EventBus } from './bus/event-bus.ts'
import type { ServiceNews } from './external/external-service.ts'
import type { Log } from './log/log.ts'
import { whoIs, type Freed } from './vigil/pulse.ts'

export interface Told {
  readonly log: Log
  readonly bus: EventBus
}

/** The watcher has written its line; the ring and the bus hear of it when the loop is free again. */
export function tellOfBlock({ log, bus }: Told, { work, sure, ms }: Freed): void {
  const { plugin = null, kind = null, label = null } = work ?? {}
  log.of(plugin).warn(`The event loop was blocked for ${ms} ms and is free again: ${whoIs({ work, sure })}`)
  const data = { plugin, kind, label, sure, ms } satisfies Events['core.blocked']
  bus.emit({ type: 'core.blocked', source: '/core', data })
}

export function tellOfExternal({ log, bus }: Told, news: ServiceNews): void {
  const { name, adapter, state, error } = news
  const level = state === 'down' || state === 'given_up' || state === 'incompatible' ? 'warn' : 'info'
  log.of(adapter)[level](`"${name}" is ${state.replace('_', ' ')}${error === null ? '.' : `: ${error}`}`)
  const data = news satisfies Events['core.external']
  bus.emit({ type: 'core.external', source: '/core', subject: name, data })
}

// What the control plane works on, and who stands behind its routes.

import type { Backups } from '../backup/backups.ts'
import type { EventBus } from '../bus/event-bus.ts'
import type { HomeSettings } from '../db/home.ts'
import type { PluginDatabases } from '../db/plugin-databases.ts'
import { StorageTrouble } from '../db/storage-trouble.ts'
import type { ExternalServices } from '../external/external-services.ts'
import { coreProblem, isMistake } from '../http/answers/problems.ts'
import type { App } from '../http/app.ts'
import type { MountOwner } from '../http/request-info.ts'
import { messageOf } from '../loader/fault.ts'
import type { PluginUnit } from '../loader/life/plugin-unit.ts'
import type { PluginLoader } from '../loader/plugin-loader.ts'
import type { Log, OwnedLog } from '../log/log.ts'
import type { Proxy } from '../proxy/proxy.ts'
import type { ServiceRegistry } from '../services/service-registry.ts'
import { TOO_SLOW } from './event-stream.ts'

export interface CoreApi {
  readonly loader: PluginLoader
  readonly bus: EventBus
  readonly services: ServiceRegistry
  readonly external: ExternalServices
  readonly proxy: Proxy
  readonly log: Log
  readonly home: HomeSettings
  readonly databases: PluginDatabases
  /** Where plugins keep files: each in a folder of its id. */
  readonly filesDir: string
  readonly app: App
  readonly backups: Backups
  /** Stops the Core and starts it anew, when the answer is out. */
  readonly restart: (reason: string) => void
  readonly version: string
  /** Ms since the epoch. */
  readonly startedAt: number
  /** On the clock of `performance.now()`, which does not jump. */
  readonly startedMs: number
}

/** @throws Problem `no_such_plugin` */
export function unitOf(loader: PluginLoader, id: string): PluginUnit {
  const unit = loader.find(id)
  if (unit === undefined) throw coreProblem('no_such_plugin', `There is no plugin "${id}".`)
  return unit
}

/** The Core as the owner of its routes: no border to cross, nothing to drain. */
export function coreOwner(log: OwnedLog): MountOwner {
  return {
    plugin: null,
    log,
    enter: (run) => run(),
    ask(_waiter, run, onAnswer, onError) {
      try {
        const answer = run()
        return answer instanceof Promise ? answer.then(onAnswer, onError) : onAnswer(answer)
      } catch (error) {
        return onError(error)
      }
    },
    begin() {},
    end() {},
    open() {},
    closeStream() {},
    charge(error, where) {
      if (error === TOO_SLOW) log.info(`${where} was ended: ${messageOf(error)}`, { where })
      else if (error instanceof StorageTrouble)
        log.error(`${where} changed nothing: ${error.message}`, { where })
      else if (isMistake(error, null))
        log.error(`A mistake in ${where}: ${messageOf(error)}`, { where, error })
    },
  }
}

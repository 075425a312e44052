// What the loader gets from the rest of the Core, by argument.

import type { EventBus } from '../bus/event-bus.ts'
import type { Clock } from '../clock.ts'
import type { HomeSettings } from '../db/home.ts'
import type { Wishes } from '../db/wishes.ts'
import type { App } from '../http/app.ts'
import type { Log } from '../log/log.ts'
import type { ServiceRegistry } from '../services/service-registry.ts'

export interface Organs {
  readonly app: App
  readonly bus: EventBus
  readonly services: ServiceRegistry
  readonly log: Log
  readonly clock: Clock
  readonly home: HomeSettings
  readonly wishes: Wishes
  /** Below it each plugin has a folder of its own. */
  readonly filesDir: string
  /** Stands for the platform's `fetch` in plugins; for tests. */
  readonly fetch?: typeof fetch | undefined
}

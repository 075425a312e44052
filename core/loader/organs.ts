// What the loader gets from the rest of the Core, by argument.

import type { EventBus } from '../bus/event-bus.ts'
import type { Clock } from '../clock.ts'
import type { HomeSettings } from '../db/home.ts'
import type { PluginDatabases } from '../db/plugin-databases.ts'
import type { Wishes } from '../db/wishes.ts'
import type { ExternalServices } from '../external/external-services.ts'
import type { App } from '../http/app.ts'
import type { DocumentPart } from '../http/document/openapi.ts'
import type { Mount } from '../http/mount.ts'
import type { Log } from '../log/log.ts'
import type { Proxy } from '../proxy/proxy.ts'
import type { Keyring } from '../secrets/keyring.ts'
import type { ServiceRegistry } from '../services/service-registry.ts'
import type { Settings } from '../settings/settings.ts'
import type { Crashes } from '../vigil/crashes.ts'
import type { KeptRecord } from '../vigil/record.ts'
import type { VersionStore } from './versions/versions.ts'

export interface Organs {
  readonly app: App
  readonly bus: EventBus
  readonly services: ServiceRegistry
  readonly log: Log
  readonly clock: Clock
  readonly home: HomeSettings
  readonly wishes: Wishes
  /** Encrypts what must not be read off the disk. */
  readonly secrets: Keyring
  /** What plugins are set to. */
  readonly settings: Settings
  readonly databases: PluginDatabases
  readonly external: ExternalServices
  /** The part of the document of an adapter of this service, with what the service says of itself. */
  readonly describeExternal: (service: string, part: DocumentPart, id: string, mount: Mount) => DocumentPart
  readonly proxy: Proxy
  /** Who runs, for whoever asks when the loop is blocked or the process died. */
  readonly running: KeptRecord
  readonly crashes: Crashes
  readonly versions: VersionStore
  /** So many mistakes right after a swap are too many, unless the owner wishes otherwise for a plugin; 0 for never. */
  readonly rollbackAfter: number
  /** Below it each plugin has a folder of its own. */
  readonly filesDir: string
  /** Stand for the platform's in plugins, by name; for tests. */
  readonly globals?: Readonly<Record<string, unknown>> | undefined
}

// The catalogue of external services: finds their service.json files, follows them, and knows who stands for which.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Undo } from '@home-console/sdk'
import { ExternalService, type Claim, type ServiceNews } from './external-service.ts'
import { FolderWatch } from './folder-watch.ts'
import { ManifestRefused, parseServiceManifest, SERVICE_FILE, type ServiceManifest } from './manifest.ts'
import { readServiceFile } from './service-file.ts'
import { WayOpener, type WayOpenerOptions } from './ways/way-opener.ts'

export interface ExternalServicesOptions extends WayOpenerOptions {
  readonly tell: (news: ServiceNews) => void
}

export class ExternalServices {
  readonly #options: ExternalServicesOptions
  readonly #opener: WayOpener
  readonly #services = new Map<string, ExternalService>()
  /** Those whose service.json is there, and was good since it came. */
  readonly #good = new Set<string>()
  /** What each service.json was when it was read last, and why it was refused. */
  readonly #read = new Map<string, { text: string; refused: string | null }>()
  readonly #listeners = new Set<() => void>()
  #watch: FolderWatch | undefined

  constructor(options: ExternalServicesOptions) {
    this.#options = options
    this.#opener = new WayOpener(options)
  }

  /** Reads what is there, and follows it from now on. */
  start(): void {
    this.#opener.sweep()
    this.#scan()
    for (const name of Object.keys(this.#options.given)) {
      const why = this.whyNot(name)
      if (why !== null)
        this.#options.logOf(null).warn(`The environment speaks of the external service "${name}". ${why}`)
    }
    this.#watch = new FolderWatch({
      dir: this.#options.dir,
      file: SERVICE_FILE,
      onChange: () => this.#scan(),
    })
  }

  /** By name. One whose service.json went away is here as long as it runs. */
  get list(): ExternalService[] {
    return [...this.#services.values()]
      .filter((service) => this.#isHere(service))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  find(name: string): ExternalService | undefined {
    const service = this.#services.get(name)
    return service !== undefined && this.#isHere(service) ? service : undefined
  }

  #isHere({ name, adapter }: ExternalService): boolean {
    return this.#good.has(name) || adapter !== null
  }

  /** Names of those that an adapter may stand for: their service.json is there, and was good once. */
  get names(): string[] {
    return [...this.#good]
  }

  /** Those that there would be if their service.json had ever been good, and why it is not. */
  get refused(): { name: string; fault: string }[] {
    return [...this.#read]
      .flatMap(([name, { refused }]) =>
        refused === null || this.#good.has(name) ? [] : { name, fault: refused },
      )
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Whether the environment says where it is: then somebody else runs it. */
  isElsewhere(name: string): boolean {
    return this.#options.given[name]?.url !== undefined
  }

  /** Why there is no such service; null where there is one. */
  whyNot(name: string): string | null {
    if (this.#good.has(name)) return null
    const file = join(this.#options.dir, name, SERVICE_FILE)
    const refused = this.#read.get(name)?.refused
    return refused === undefined || refused === null
      ? `There is no ${file}.`
      : `${file} is refused: ${refused}`
  }

  /** A live adapter stands for it from now on. @throws Error where there is no such service */
  claim(name: string, claim: Claim): ExternalService {
    const service = this.#services.get(name)
    if (service === undefined) throw new Error(this.whyNot(name) ?? `There is no service "${name}".`)
    service.claim(claim)
    return service
  }

  /** Settles when nothing of it is left. */
  async release(name: string, plugin: string): Promise<void> {
    await this.#services.get(name)?.release(plugin)
  }

  /** The service that proves itself with this; null where it is nobody's. */
  whoProves(credential: string): ExternalService | null {
    return this.list.find((service) => service.proves(credential)) ?? null
  }

  /** Calls back when one came, went or describes itself in another way, until the undo is called. Must not throw. */
  listen(callback: () => void): Undo {
    this.#listeners.add(callback)
    return () => this.#listeners.delete(callback)
  }

  /** Ends all of them. Settles when nothing of them is left. */
  async stop(): Promise<void> {
    this.#watch?.close()
    await Promise.all([...this.#services.values()].map((service) => service.stop()))
  }

  // --- Files.

  #scan(): void {
    const before = new Set(this.#good)
    const found = namesIn(this.#options.dir).filter((name) => this.#look(name))
    for (const name of this.#read.keys()) if (!found.includes(name)) this.#vanished(name)
    if (before.symmetricDifference(this.#good).size > 0) this.#tell()
  }

  #tell(): void {
    for (const callback of this.#listeners) callback()
  }

  /** @returns whether it is there */
  #look(name: string): boolean {
    const text = readServiceFile(join(this.#options.dir, name, SERVICE_FILE))
    if (text === null) return false
    const known = this.#read.get(name)
    if (known?.text === text) return true
    let refused: string | null = null
    try {
      this.#take(name, parseServiceManifest(text, name))
      this.#good.add(name)
    } catch (error) {
      if (!(error instanceof ManifestRefused)) throw error
      refused = error.message
      this.#refuse(name, refused)
    }
    this.#read.set(name, { text, refused })
    return true
  }

  #take(name: string, manifest: ServiceManifest): void {
    const known = this.#services.get(name)
    if (known !== undefined) {
      known.fault = null
      known.takeManifest(manifest)
      return
    }
    const { logOf, tell } = this.#options
    const service = new ExternalService({ name, manifest, logOf, tell, open: this.#opener.open })
    service.listen((change) => {
      if (change === 'manifest') this.#tell()
    })
    this.#services.set(name, service)
  }

  #refuse(name: string, why: string): void {
    const known = this.#services.get(name)
    if (known !== undefined) known.fault = why
    else
      this.#options
        .logOf(null)
        .error(
          `The external service "${name}" is refused: ${join(this.#options.dir, name, SERVICE_FILE)}: ${why}`,
        )
  }

  #vanished(name: string): void {
    this.#good.delete(name)
    this.#read.delete(name)
  }
}

/** What is in it, but for what is hidden or begins with `_`. */
function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir).filter((name) => !/^[._]/.test(name))
  } catch {
    return []
  }
}

// The catalogue of external services: finds their service.json files, follows them, and knows who stands for which.

import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Mode, Undo } from '@home-console/sdk'
import type { OwnedLog } from '../log/log.ts'
import { ExternalService, type Claim, type ServiceNews } from './external-service.ts'
import type { EmbeddedOptions } from './embedded.ts'
import { FolderWatch } from './folder-watch.ts'
import { ManifestRefused, parseServiceManifest, type ServiceManifest } from './manifest.ts'
import type { Way, WayOptions } from './way.ts'

/** What the environment says of a service. */
export interface Given {
  readonly url?: string
  readonly credential?: string
}

export interface ExternalServicesOptions {
  /** Absolute. May not be there yet. */
  readonly dir: string
  /** Absolute: each service that the Core runs has a folder of its own below it. */
  readonly dataDir: string
  /** Absolute: where children are on record, so that none outlives the Core. */
  readonly childrenDir: string
  /** Where the Core is reached. */
  readonly homeUrl: () => string
  /** What children get of the Core's own environment. */
  readonly environment: Readonly<Record<string, string>>
  /** By name. */
  readonly given: Readonly<Record<string, Given>>
  readonly logOf: (plugin: string | null) => OwnedLog
  /** From now on this is shown nowhere. */
  readonly mask: (secret: string) => void
  readonly tell: (news: ServiceNews) => void
}

const FILE = 'service.json'

export class ExternalServices {
  readonly #options: ExternalServicesOptions
  readonly #services = new Map<string, ExternalService>()
  /** Those whose service.json is there, and was good since it came. */
  readonly #good = new Set<string>()
  /** What each service.json was when it was read last, and why it was refused. */
  readonly #read = new Map<string, { text: string; refused: string | null }>()
  readonly #credentials = new Map<string, string>()
  readonly #listeners = new Set<() => void>()
  #watch: FolderWatch | undefined
  #kept: Promise<Pick<EmbeddedOptions, 'orphans' | 'guard'>> | undefined

  constructor(options: ExternalServicesOptions) {
    this.#options = options
    for (const { credential } of Object.values(options.given))
      if (credential !== undefined) options.mask(credential)
  }

  /** Reads what is there, and follows it from now on. */
  start(): void {
    // Of children that an earlier Core left, be it that nobody wants them any more.
    if (existsSync(this.#options.childrenDir)) void this.#keeping()
    this.#scan()
    this.#watch = new FolderWatch({ dir: this.#options.dir, file: FILE, onChange: () => this.#scan() })
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

  /** Whether the environment says where it is: then somebody else runs it. */
  isElsewhere(name: string): boolean {
    return this.#options.given[name]?.url !== undefined
  }

  /** Why there is no such service; null where there is one. */
  whyNot(name: string): string | null {
    if (this.#good.has(name)) return null
    const file = join(this.#options.dir, name, FILE)
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
    let text: string
    try {
      text = readFileSync(join(this.#options.dir, name, FILE), 'utf8')
    } catch {
      return false
    }
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
    const open = (mode: Exclude<Mode, 'in_process'>, options: Omit<WayOptions, 'credential'>) =>
      this.#open(mode, options)
    const service = new ExternalService({ name, manifest, logOf, tell, open })
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
        .error(`The external service "${name}" is refused: ${join(this.#options.dir, name, FILE)}: ${why}`)
  }

  #vanished(name: string): void {
    this.#good.delete(name)
    this.#read.delete(name)
  }

  // --- Ways.

  async #open(mode: Exclude<Mode, 'in_process'>, options: Omit<WayOptions, 'credential'>): Promise<Way> {
    const { name, manifest } = options
    const given = this.#options.given[name]
    const variable = `EXTERNAL_${name.toUpperCase().replaceAll('-', '_')}`
    if (mode === 'embedded') return this.#openEmbedded(options)
    const url = given?.url ?? manifest.url
    if (url === undefined)
      throw new Error(`Nobody says where it is. Set ${variable}__URL, or "url" in its service.json.`)
    if (given?.credential === undefined)
      this.#options
        .logOf(null)
        .warn(`"${name}" cannot tell the Core from anybody else. Set ${variable}__CREDENTIAL here and there.`)
    const credential = given?.credential ?? this.#ownCredential(name)
    const { Microservice } = await import('./microservice.ts')
    return new Microservice({ ...options, url, credential })
  }

  async #openEmbedded(options: Omit<WayOptions, 'credential'>): Promise<Way> {
    const { name, manifest } = options
    const { dir, dataDir, homeUrl, environment } = this.#options
    const file = join(dir, name, FILE)
    if (manifest.start === undefined) throw new Error(`${file} does not say how to start it, in "start".`)
    const [{ Embedded }, keeping] = await Promise.all([import('./embedded.ts'), this.#keeping()])
    return new Embedded({
      ...options,
      ...keeping,
      credential: this.#ownCredential(name),
      dir: join(dir, name),
      dataDir: join(dataDir, name),
      homeUrl: homeUrl(),
      environment,
    })
  }

  /** What sees to it that no child outlives the Core, made when there is the first. */
  #keeping() {
    return (this.#kept ??= import('./orphans.ts').then(async ({ guardCommand, Orphans }) => {
      const orphans = new Orphans(this.#options.childrenDir)
      for (const pid of orphans.sweep())
        this.#options
          .logOf(null)
          .warn(`An earlier Core left a service running, as process ${pid}. It was ended.`)
      return { orphans, guard: await guardCommand() }
    }))
  }

  /** One for each service, for as long as the Core runs. */
  #ownCredential(name: string): string {
    let credential = this.#credentials.get(name)
    if (credential === undefined) {
      credential = randomBytes(32).toString('base64url')
      this.#credentials.set(name, credential)
      this.#options.mask(credential)
    }
    return credential
  }
}

/** Folders of the names that a service can have, with whatever is in them. */
function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir).filter((name) => /^[a-z][a-z0-9-]{0,62}$/.test(name))
  } catch {
    return []
  }
}

// Opens the ways in which external services run: knows where each of them is, and what proves it.

import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { OwnedLog } from '../../log/log.ts'
import { SERVICE_FILE } from '../manifest.ts'
import type { LaunchOptions } from './launch.ts'
import type { Way, WayMode, WayOptions } from './way.ts'

/** What the environment says of a service. */
export interface Given {
  readonly url?: string
  readonly credential?: string
}

export interface WayOpenerOptions {
  /** Absolute: each service has its folder below it. May not be there yet. */
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
}

export class WayOpener {
  readonly #options: WayOpenerOptions
  readonly #credentials = new Map<string, string>()
  #kept: Promise<Pick<LaunchOptions, 'orphans' | 'guard'>> | undefined

  constructor(options: WayOpenerOptions) {
    this.#options = options
    for (const { credential } of Object.values(options.given))
      if (credential !== undefined) options.mask(credential)
  }

  /** Ends the children that an earlier Core left, be it that nobody wants them any more. */
  sweep(): void {
    if (!existsSync(this.#options.childrenDir)) return
    this.#keeping().catch((error: Error) =>
      this.#options.logOf(null).error(`What an earlier Core left running is not ended: ${error.message}`),
    )
  }

  /** Brings up a service. @throws Error why it cannot run in this mode */
  readonly open = (mode: WayMode, options: WayOptions): Promise<Way> =>
    mode === 'embedded' ? this.#openEmbedded(options) : this.#openMicroservice(options)

  async #openMicroservice(options: WayOptions): Promise<Way> {
    const { name, manifest } = options
    const given = this.#options.given[name]
    const variable = `EXTERNAL_${name.toUpperCase().replaceAll('-', '_')}`
    const url = given?.url ?? manifest.url
    if (url === undefined)
      throw new Error(`Nobody says where it is. Set ${variable}__URL, or "url" in its ${SERVICE_FILE}.`)
    if (given?.credential === undefined)
      options
        .log()
        .warn(
          `"${name}" and the Core cannot prove themselves to each other: it may answer 401, and its events are not taken. Start the Core with ${variable}__CREDENTIAL, and the service with the same.`,
        )
    const credential = given?.credential ?? this.#ownCredential(name)
    const { Microservice } = await import('./microservice.ts')
    return new Microservice({ ...options, url, credential })
  }

  async #openEmbedded(options: WayOptions): Promise<Way> {
    const { name, manifest } = options
    const { dir, dataDir, homeUrl, environment } = this.#options
    const file = join(dir, name, SERVICE_FILE)
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
    this.#kept ??= this.#keep().catch((error: unknown) => {
      // The next that needs it tries again.
      this.#kept = undefined
      throw error
    })
    return this.#kept
  }

  async #keep() {
    const [{ guardCommand }, { Orphans }] = await Promise.all([
      import('../../child-guard.ts'),
      import('./orphans.ts'),
    ])
    const orphans = new Orphans(this.#options.childrenDir)
    for (const pid of orphans.sweep())
      this.#options
        .logOf(null)
        .warn(`An earlier Core left a service running, as process ${pid}. It was ended.`)
    return { orphans, guard: await guardCommand() }
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

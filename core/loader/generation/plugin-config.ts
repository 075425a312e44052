// The config of one version of a plugin: what its schema makes of what it was given.

import type { PluginDefinition, StandardSchemaV1 } from '@home-console/sdk'
import type { OwnedLog } from '../../log/log.ts'
import { jsonSchemaTranslator } from '../../sdk/json-schema.ts'
import { check, SettingsInvalid, type Fault } from '../../settings/check.ts'
import { BadDocument } from '../../settings/document.ts'
import { isPlain, isSame, pointerOf } from '../../settings/json.ts'
import type { Described, Given, PluginSettings, Stored } from '../../settings/plugin-settings.ts'
import { NO_SETTINGS, Shape, type Schema } from '../../settings/shape.ts'
import { messageOf, PluginError, positionOfText, type Position } from '../fault.ts'

/** What was given cannot be read, or does not fit. */
export class ConfigRefused extends PluginError {
  readonly faults: readonly Fault[]

  constructor(code: string, message: string, position: Position | undefined, faults: readonly Fault[] = []) {
    super(code, message, position)
    this.faults = faults
  }
}

/** The plugin does not want it. */
export class NotTaken extends PluginError {}

/** What a version would have if it were given something else. */
export interface Candidate {
  readonly given: Given
  /** Frozen. */
  readonly value: unknown
}

export interface PluginConfigOptions {
  readonly definition: PluginDefinition
  readonly settings: PluginSettings
  readonly entry: string
  readonly log: OwnedLog
  /** Calls into the plugin: a schema is its code. */
  readonly enter: <T>(run: () => T) => T
}

export interface ConfigReading {
  /** To be taken in place of what the file says. */
  readonly stored?: Stored | undefined
  /** The version is thrown away: what it says of its config counts for nothing, and no file is touched. */
  readonly isTrial?: boolean
}

const NOTHING: unknown = Object.freeze({})

export class PluginConfig {
  readonly described: Described
  readonly #options: PluginConfigOptions
  /** What leads to no setting, once it was told. */
  readonly #told = new Set<string>()
  #now: Candidate | undefined

  private constructor(options: PluginConfigOptions, described: Described) {
    this.#options = options
    this.described = described
  }

  /** @throws ConfigRefused; SettingsMissing; PluginError `config_undescribed`; what the schema throws */
  static async read(
    options: PluginConfigOptions,
    { stored, isTrial = false }: ConfigReading,
  ): Promise<PluginConfig> {
    const { settings, log } = options
    const config = new PluginConfig(options, await describe(options))
    let next = stored ?? readSettings(settings)
    if (!isTrial) {
      settings.described = config.described
      // Secrets that somebody wrote by hand are encrypted.
      if (stored === undefined) next = tidied(settings, next, config.described.shape, log)
    }
    config.#now = await config.with(next)
    config.#tellOfStrangers(config.#now.given)
    return config
  }

  /** As the schema gives it. */
  get value(): unknown {
    return this.#now!.value
  }

  get given(): Given {
    return this.#now!.given
  }

  /** @throws ConfigRefused, SettingsMissing; what the schema throws */
  async with(stored: Stored): Promise<Candidate> {
    const { definition, settings, enter } = this.#options
    const { shape } = this.described
    const given = settings.given(stored, shape)
    const { config: schema } = definition
    if (schema === undefined) return { given, value: NOTHING }
    try {
      const value = await check(given, { schema, shape, settings, enter })
      // Defaults too, and what the schema makes of a secret.
      settings.hide(value, shape)
      return { given, value }
    } catch (error) {
      if (!(error instanceof SettingsInvalid)) throw error
      const { message, faults, file, line } = error
      throw new ConfigRefused(
        'config_invalid',
        message,
        line === undefined ? undefined : { file, line, hidden: true },
        faults,
      )
    }
  }

  /** Whether the plugin would notice no difference. */
  isSame({ given, value }: Candidate): boolean {
    return isSame(given.values, this.given.values) || (isPlain(value) && isSame(value, this.value))
  }

  /** From now on this is in force. */
  adopt(candidate: Candidate): void {
    this.#now = candidate
    this.#options.settings.inForce = candidate.given.stored
    this.#tellOfStrangers(candidate.given)
  }

  /** A name that a version before knew is no reason to refuse the next one; one that is misspelt is told alike. */
  #tellOfStrangers({ strangers, unknown, stored }: Given): void {
    const { log, settings } = this.#options
    const tell = (what: string, message: string) => {
      if (!this.#told.has(what)) log.warn(message)
      this.#told.add(what)
    }
    for (const path of strangers) {
      const pointer = pointerOf(path)
      tell(
        pointer,
        `${settings.file}:${stored.lineOf(path)}: there is no setting ${pointer}; it is passed over.`,
      )
    }
    for (const variable of unknown) tell(variable, `${variable} leads to no setting; it is passed over.`)
  }
}

/** What the next version is to be given. @throws ConfigRefused */
function readSettings(settings: PluginSettings): Stored {
  try {
    return settings.next()
  } catch (error) {
    throw unreadable(settings, error)
  }
}

export function unreadable({ file }: PluginSettings, error: unknown): unknown {
  if (!(error instanceof BadDocument)) return error
  const { message, line } = error
  return new ConfigRefused('config_unreadable', `${file}:${line}: ${message}`, { file, line, hidden: true })
}

/** The same with every secret encrypted, on the disk too. What cannot be encrypted is told, and stays as it is. */
export function tidied(settings: PluginSettings, stored: Stored, shape: Shape, log: OwnedLog): Stored {
  if (stored.text === null) return stored
  try {
    const draft = settings.draft(stored, settings.opened(stored), shape)
    return draft.commit() ? draft.stored : stored
  } catch (error) {
    log.error(`The secrets in ${settings.file} are not encrypted: ${messageOf(error)}`)
    return stored
  }
}

async function describe({ definition, enter, entry }: PluginConfigOptions): Promise<Described> {
  const { config } = definition
  const schema = config === undefined ? NO_SETTINGS : await translated(config, enter, entry)
  const shape = Shape.of(schema)
  if (shape.types.size > 0 && !shape.types.has('object'))
    throw undescribed('A config is an object: its values have names.', entry)
  return { schema, shape }
}

async function translated(
  schema: StandardSchemaV1,
  enter: PluginConfigOptions['enter'],
  entry: string,
): Promise<Schema> {
  const translate = await jsonSchemaTranslator()
  try {
    return enter(() => translate(schema))
  } catch (error) {
    throw undescribed(`Its config cannot be described as JSON Schema: ${messageOf(error)}`, entry)
  }
}

function undescribed(message: string, entry: string): PluginError {
  return new PluginError('config_undescribed', message, positionOfText(entry, 'config'))
}

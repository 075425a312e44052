// Changes of plugins' configs, over HTTP and by hand: checked, handed to the plugin, and kept only if it takes them.

import type { PluginFault, Reload } from '@home-console/sdk'
import { coreProblem } from '../http/answers/problems.ts'
import { NoKey } from '../secrets/keyring.ts'
import { SettingsMissing } from '../settings/check.ts'
import type { Fixed } from '../settings/environment.ts'
import { withValueAt, type JsonObject } from '../settings/json.ts'
import type { Described, Draft, PluginSettings, Stored } from '../settings/plugin-settings.ts'
import { shown, type Shape } from '../settings/shape.ts'
import { viewOf, type SettingsView } from '../settings/view.ts'
import { faultOf, messageOf } from './fault.ts'
import { ConfigRefused, NotTaken, tidied, unreadable } from './generation/plugin-config.ts'
import type { Cause } from './life/lifecycle.ts'
import type { PluginUnit } from './life/plugin-unit.ts'
import type { Organs } from './organs.ts'

export interface ConfigView extends SettingsView {
  /** JSON Schema, draft 7. */
  schema: Record<string, unknown>
}

export interface Shown {
  readonly view: ConfigView
  /** Another one for each state of the file and of what is shown of it. */
  readonly etag: string
}

/** Makes the next values of the file from those that stand in it. @throws Problem */
export type ConfigEdit = (now: JsonObject, shape: Shape, fixed: readonly Fixed[]) => JsonObject

export interface ConfigChangesOptions {
  readonly organs: Organs
  readonly find: (id: string) => PluginUnit | undefined
  /**
   * Loads it again.
   *
   * @param config in place of what its file says
   * @returns the record once it is decided; null when the owner disabled it
   */
  readonly reload: (unit: PluginUnit, cause: Cause, config?: Stored) => Promise<Reload | null>
}

/** A version may be overtaken by a save while a change is tried with it. */
const TRIES = 5

export class ConfigChanges {
  readonly #options: ConfigChangesOptions
  /** By plugin: one change after the other. */
  readonly #turns = new Map<string, Promise<unknown>>()

  constructor(options: ConfigChangesOptions) {
    this.#options = options
  }

  /** @throws Problem `config_unknown`, `config_unreadable` */
  show(unit: PluginUnit): Shown {
    const settings = this.#settingsOf(unit)
    return this.#show(unit, settings, this.#stored(unit, settings))
  }

  /**
   * Answers when the plugin has taken it, and the file has it; what is refused changes nothing.
   *
   * @param isExpected whether the state with this ETag is the one that the change was made for
   * @throws Problem
   */
  change(unit: PluginUnit, edit: ConfigEdit, isExpected: (etag: string) => boolean): Promise<Shown> {
    return this.#inTurn(unit.id, async () => {
      const settings = this.#settingsOf(unit)
      const { shape } = this.#describedOf(unit)
      const before = this.#read(settings)
      if (!isExpected(this.show(unit).etag)) throw coreProblem('precondition_failed')
      const { fixed } = settings.given(before, shape)
      const values = edit(settings.opened(before), shape, fixed)
      const stored = await this.#write(unit, settings, before, values, shape).catch((error: unknown) => {
        throw this.#problemOf(error)
      })
      settings.refused = undefined
      unit.configFault = null
      // What was begun before was given what stood in the file before.
      if (unit.isTrying) void this.#options.reload(unit, CONFIG)
      return this.#show(unit, settings, stored)
    })
  }

  /** Files changed: those that the Core did not write itself are taken over, or their fault is told. */
  async noticed(files: readonly string[]): Promise<void> {
    const { settings } = this.#options.organs
    await Promise.all(
      files.map((file) => {
        const id = settings.idOf(file)
        return id === null ? undefined : this.#inTurn(id, () => this.#takeOver(id, file))
      }),
    )
  }

  async #takeOver(id: string, file: string): Promise<void> {
    const { organs, find } = this.#options
    const unit = find(id)
    if (unit === undefined) return
    const settings = organs.settings.of(unit.id)
    const log = organs.log.of(id)
    let text: string | null = null
    try {
      if (!settings.wasEdited()) return
      const { described } = this.#descriptionOf(unit)
      let stored = this.#readByHand(settings)
      if (described !== null) stored = tidied(settings, stored, described.shape, log)
      text = stored.text
      settings.refused = undefined
      await this.#apply(unit, stored, { kind: 'config', files: [file] })
      unit.configFault = null
      log.info(`${file} was edited, and is in force.`)
    } catch (error) {
      // What serves has what it had, and its next version gets that too.
      settings.refused = text ?? settings.textNow()
      unit.configFault = this.#faultOf(error)
      const kept = unit.serving === null ? '' : ' The config before stays in force.'
      log.error(`${file} was edited, and is refused: ${unit.configFault.message}${kept}`)
    }
  }

  /** Puts other values into the file once the plugin has taken them. @throws why not; then neither has them */
  async #write(
    unit: PluginUnit,
    settings: PluginSettings,
    before: Stored,
    values: JsonObject,
    shape: Shape,
  ): Promise<Stored> {
    const draft = settings.draft(before, values, shape)
    try {
      await this.#apply(unit, draft.stored)
      await this.#commit(unit, before, draft)
      return draft.stored
    } finally {
      draft.discard()
    }
  }

  /** What does not get into the file after all is not to stay in force. @throws why it does not */
  async #commit(unit: PluginUnit, before: Stored, draft: Draft): Promise<void> {
    try {
      if (!draft.commit()) throw coreProblem('config_edited_meanwhile')
    } catch (error) {
      await this.#apply(unit, before)
      throw error
    }
  }

  /** Hands it to what serves, or loads the plugin again with it. @throws why it is refused */
  async #apply(unit: PluginUnit, stored: Stored, byHand?: Cause): Promise<void> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const generation = unit.offer === null ? null : unit.serving
      if (generation !== null && unit.lacking === null) {
        const next = await generation.config.with(stored)
        if (generation.config.isSame(next)) generation.config.adopt(next)
        else if (generation.takesConfig) await generation.changeConfig(next)
        else {
          if (await this.#reload(unit, stored, byHand)) return
          continue
        }
        if (unit.serving === generation) return
      } else if (await this.#reload(unit, stored, byHand)) return
    }
    throw coreProblem('config_refused', 'The plugin was loaded again and again meanwhile. Try once more.')
  }

  /** @returns whether it was decided with these values. @throws Problem `config_refused` */
  async #reload(unit: PluginUnit, stored: Stored, byHand?: Cause): Promise<boolean> {
    const config = byHand === undefined ? stored : undefined
    const record = await this.#options.reload(unit, byHand ?? CONFIG, config)
    if (record === null) return true
    if (unit.offer !== null && unit.serving?.config.given.stored.text === stored.text) return true
    // A save came between, and was decided in its place.
    if (unit.triedConfig !== config) return false
    const waits = record.error?.code === 'config_missing' || record.error?.code === 'needs_not_met'
    if (waits && (unit.state === 'waiting' || unit.lacking !== null)) return true
    if (record.outcome === 'superseded' || record.outcome === 'committed') return false
    throw unit.misfit ?? coreProblem('config_refused', record.error?.message, { reload: record })
  }

  // --- What is shown.

  #show(unit: PluginUnit, settings: PluginSettings, stored: Stored): Shown {
    const { schema, shape } = this.#describedOf(unit)
    const { fixed } = settings.given(stored, shape)
    const env = fixed.reduce((values, { path, value }) => withValueAt(values, path, value) as JsonObject, {})
    const view = {
      ...viewOf(shape, settings.opened(stored), env),
      schema: shown(schema) as ConfigView['schema'],
    }
    const state = `${JSON.stringify(view)}\n${stored.text}`
    return {
      view,
      etag: `"${new Bun.CryptoHasher('sha256').update(state).digest('base64url').slice(0, 22)}"`,
    }
  }

  /** What is in force, where the file was edited so that it cannot be. */
  #stored(unit: PluginUnit, settings: PluginSettings): Stored {
    if (unit.configFault !== null && settings.inForce !== null) return settings.inForce
    return this.#read(settings)
  }

  #read(settings: PluginSettings): Stored {
    try {
      return settings.peek()
    } catch (error) {
      throw coreProblem('config_unreadable', messageOf(unreadable(settings, error)))
    }
  }

  #readByHand(settings: PluginSettings): Stored {
    try {
      return settings.read()
    } catch (error) {
      throw unreadable(settings, error)
    }
  }

  #settingsOf(unit: PluginUnit): PluginSettings {
    return this.#options.organs.settings.of(unit.id)
  }

  #describedOf(unit: PluginUnit): Described {
    const { described } = this.#descriptionOf(unit)
    if (described === null)
      throw coreProblem(
        'config_unknown',
        `"${unit.id}" is ${unit.state}, and was not imported since the start.`,
      )
    return described
  }

  /** Of what serves; else of the version that was imported last. */
  #descriptionOf(unit: PluginUnit): { described: Described | null } {
    if (unit.serving !== null && unit.lacking === null) return unit.serving.config
    return this.#settingsOf(unit)
  }

  // --- What went wrong.

  #problemOf(error: unknown): unknown {
    const { log } = this.#options.organs
    if (error instanceof ConfigRefused) {
      const errors = error.faults.map(({ pointer, detail }) => ({ pointer, detail: log.masked(detail) }))
      return coreProblem('invalid_request', undefined, { errors })
    }
    if (error instanceof SettingsMissing) {
      const errors = error.lacks.map(({ name, message }) => ({ pointer: name, detail: message }))
      return coreProblem('invalid_request', undefined, { errors })
    }
    if (error instanceof NoKey) return coreProblem('storage_failed', error.message)
    if (error instanceof NotTaken) return coreProblem('config_refused', log.masked(error.message))
    return error
  }

  #faultOf(error: unknown): PluginFault {
    const { log } = this.#options.organs
    const code = error instanceof SettingsMissing ? 'config_missing' : 'config_refused'
    const fault = faultOf(error, new Set(), code)
    return { ...fault, message: log.masked(fault.message) }
  }

  async #inTurn<T>(id: string, run: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(id)
    const turn = (async () => {
      await before?.catch(() => {})
      return run()
    })()
    this.#turns.set(id, turn)
    try {
      return await turn
    } finally {
      if (this.#turns.get(id) === turn) this.#turns.delete(id)
    }
  }
}

const CONFIG: Cause = { kind: 'config', files: [] }

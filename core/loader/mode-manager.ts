// The ModeManager: which modes a plugin can choose from, and the way from one to another, on which no request is lost.

import type { Mode, Reload } from '@home-console/sdk'
import type { ExternalService } from '../external/external-service.ts'
import { coreProblem } from '../http/answers/problems.ts'
import { messageOf } from './fault.ts'
import { modeOf, modesOf } from './generation/mode.ts'
import type { PluginUnit } from './life/plugin-unit.ts'
import type { Organs } from './organs.ts'

export interface ModeManagerOptions {
  readonly organs: Organs
  /** Loads a plugin again, which then asks for its mode. */
  readonly reload: (unit: PluginUnit) => Promise<Reload | null>
}

export class ModeManager {
  readonly #options: ModeManagerOptions
  /** One change of a plugin's mode after the other. */
  readonly #turns = new WeakMap<PluginUnit, Promise<void>>()

  constructor(options: ModeManagerOptions) {
    this.#options = options
  }

  modesOf({ role }: PluginUnit): readonly Mode[] {
    return modesOf(role, this.#options.organs)
  }

  /** Where its work runs now, or would if it ran. */
  modeOf(unit: PluginUnit): Mode {
    const service = this.serviceOf(unit)
    return service?.mode ?? modeOf(unit.id, unit.role, this.#options.organs)
  }

  /** The external service that it stands for now. */
  serviceOf({ id, role }: PluginUnit): ExternalService | null {
    const named = role.external === undefined ? undefined : this.#options.organs.external.find(role.external)
    return named?.adapter === id ? named : null
  }

  /**
   * What takes over is up before what ran goes. The wish is kept when it does, and only then.
   *
   * @throws Problem `mode_not_supported` (409), `mode_refused` (422) with the reason: then all is as it was; StorageTrouble
   */
  change(unit: PluginUnit, mode: Mode): Promise<void> {
    const before = this.#turns.get(unit) ?? Promise.resolve()
    const turn = before.then(() => this.#change(unit, mode))
    this.#turns.set(
      unit,
      turn.catch(() => {}),
    )
    return turn
  }

  async #change(unit: PluginUnit, mode: Mode): Promise<void> {
    const modes = this.modesOf(unit)
    if (!modes.includes(mode))
      throw coreProblem('mode_not_supported', `"${unit.id}" can run ${modes.join(' or ')}, and not ${mode}.`)
    const service = this.serviceOf(unit)
    const before = this.modeOf(unit)
    if (unit.serving === null || before === mode) {
      this.#wish(unit, mode)
      // One that waits may not have to any more.
      if (unit.serving === null) await this.#options.reload(unit)
    } else if (mode === 'in_process') await this.#comeHome(unit)
    else await this.#goOut(unit, service, before, mode)
  }

  /** The service takes over; where the plugin did the work itself, another version of it follows. */
  async #goOut(unit: PluginUnit, service: ExternalService | null, before: Mode, mode: Mode): Promise<void> {
    if (service === null) {
      const { external } = this.#options.organs
      throw coreProblem('mode_refused', external.whyNot(unit.role.external!) ?? undefined)
    }
    try {
      await service.changeMode(mode)
    } catch (error) {
      throw coreProblem('mode_refused', `"${service.name}" goes on as ${before}. ${messageOf(error)}`)
    }
    try {
      if (before === 'in_process') await this.#reloadAs(unit, mode)
      else this.#wish(unit, mode)
    } catch (error) {
      await service.changeMode(before)
      throw error
    }
  }

  /** Another version takes over and does the work itself; the service stops when the one before is gone. */
  async #comeHome(unit: PluginUnit): Promise<void> {
    await this.#reloadAs(unit, 'in_process')
    await Promise.all(unit.departures.values())
  }

  /** @throws Problem `mode_refused` when the plugin does not load so; then the wish is what it was */
  async #reloadAs(unit: PluginUnit, mode: Mode): Promise<void> {
    const before = this.#options.organs.wishes.of(unit.id).mode
    this.#wish(unit, mode)
    const reload = await this.#options.reload(unit)
    if (reload?.outcome === 'committed') return
    this.#wish(unit, before)
    throw coreProblem('mode_refused', reload?.error?.message, reload === null ? {} : { reload })
  }

  /** @throws StorageTrouble */
  #wish(unit: PluginUnit, mode: Mode | null): void {
    this.#options.organs.wishes.change(unit.id, { mode })
  }
}

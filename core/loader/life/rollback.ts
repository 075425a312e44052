// Goes back to an earlier version of a plugin: by the owner's word, by itself, and at a start with one that is pinned.

import type { Reload } from '@home-console/sdk'
import { messageOf } from '../fault.ts'
import type { Organs } from '../organs.ts'
import type { RestoredVersion } from '../versions/versions.ts'
import { WATCHED_MS } from './burst.ts'
import type { Cause } from './lifecycle.ts'
import type { PluginUnit } from './plugin-unit.ts'

const BY_ITSELF: Cause = { kind: 'mistakes', files: [] }

export interface RollbackOptions {
  readonly organs: Organs
  /** Loads a plugin again; settles when it is decided. */
  readonly load: (unit: PluginUnit, cause: Cause) => Promise<void>
  /** Settles when nothing is under way with a plugin. */
  readonly decided: (unit: PluginUnit) => Promise<void>
}

export class Rollback {
  readonly #options: RollbackOptions

  constructor(options: RollbackOptions) {
    this.#options = options
  }

  /**
   * Goes back to the last version that served before this one, or before nothing did, and pins the plugin to it.
   *
   * @returns the record once it is decided; null where there is nothing to go back to
   */
  async run(unit: PluginUnit, cause: Cause): Promise<Reload | null> {
    const { organs, load, decided } = this.#options
    await decided(unit)
    const { serving } = unit
    if (unit.state === 'disabled' || unit.isGoing) return null
    // The files were refused: what serves is the last good version already, unless it is itself what goes wrong.
    if (cause !== BY_ITSELF && serving !== null && unit.error !== null) return null
    const kept = await organs.versions.list(unit.id)
    const now = unit.digest
    const older = kept.slice(kept.findIndex(({ digest }) => digest === now) + 1)
    const restored = await this.#restoreFirst(
      unit.id,
      older.map(({ digest }) => digest),
    )
    if (restored === null) return null
    // A version that came meanwhile, or is on its way, is another one to go back from.
    if (unit.isTrying || unit.serving !== serving || unit.isGoing) {
      await restored.remove()
      return cause === BY_ITSELF ? null : this.run(unit, cause)
    }
    unit.pin(restored)
    await load(unit, cause)
    await decided(unit)
    const record = unit.reloads.last
    if (record?.outcome === 'committed' && record.restored === restored.digest) {
      const newer = kept.slice(
        0,
        kept.findIndex(({ digest }) => digest === restored.digest),
      )
      await organs.versions.forget(
        unit.id,
        newer.map(({ digest }) => digest),
      )
    }
    return record
  }

  /** A version made so many mistakes right after it took over. */
  async onBurst(unit: PluginUnit, count: number): Promise<void> {
    const { serving, id } = unit
    const log = this.#options.organs.log.of(id)
    const what = `${count} mistakes within ${WATCHED_MS / 1_000} s of the swap to generation ${serving?.number}`
    log.warn(`${what}: going back to the version before.`)
    // What is on its way may be the cure.
    await this.#options.decided(unit)
    if (unit.serving !== serving) return
    const record = await this.run(unit, BY_ITSELF)
    if (record === null && unit.serving === serving)
      log.warn(`${what}, and no version before it to go back to.`)
  }

  /** A pin outlives the process. */
  async pinAgain(unit: PluginUnit, id: string): Promise<void> {
    const { wishes } = this.#options.organs
    const { pinned } = wishes.of(id)
    if (pinned === null) return
    const restored = await this.#restoreFirst(id, [pinned.digest])
    if (restored === null) wishes.tryChange(id, { pinned: null })
    else unit.pin(restored, pinned.over)
  }

  async #restoreFirst(id: string, digests: readonly string[]): Promise<RestoredVersion | null> {
    const { versions, log } = this.#options.organs
    for (const digest of digests) {
      try {
        return await versions.restore(id, digest)
      } catch (error) {
        log.of(id).error(`A kept version cannot be brought back: ${messageOf(error)}`, { error })
      }
    }
    return null
  }
}

// An adapter's post at its external service: taken when a version of it goes live, left when none serves any more.

import type { Mode } from '@home-console/sdk'
import { messageOf } from '../fault.ts'
import type { Generation } from '../generation/generation.ts'
import type { Organs } from '../organs.ts'

interface Taken {
  readonly service: string
  readonly plugin: string
  readonly mode: Mode
  readonly uses: readonly string[]
}

export class Post {
  readonly #organs: Organs
  #taken: Taken | null = null
  /** A version that does the work here has taken over: what ran goes on until the version before is gone. */
  #comesHome = false

  constructor(organs: Organs) {
    this.#organs = organs
  }

  /** The next version of the same adapter changes nothing for the service, unless it runs elsewhere. */
  take({ id: plugin, role, mode, uses }: Generation): void {
    const before = this.#taken
    const service = role.external
    if (before !== null && (before.service !== service || before.plugin !== plugin)) this.leave()
    if (service === undefined) return
    this.#taken = { service, plugin, mode, uses }
    this.#comesHome = mode === 'in_process' && before !== null && before.mode !== mode
    if (!this.#comesHome) this.#claim(this.#taken)
  }

  /** No version before the one that serves is left. */
  alone(): void {
    if (this.#comesHome && this.#taken !== null) this.#claim(this.#taken)
    this.#comesHome = false
  }

  /** The service stops. */
  leave(): void {
    const before = this.#taken
    this.#taken = null
    if (before !== null) void this.#organs.external.release(before.service, before.plugin)
  }

  #claim({ service, ...claim }: Taken): void {
    const { external, log } = this.#organs
    // Whoever does the work here does not miss it.
    if (claim.mode === 'in_process' && !external.names.includes(service)) return
    try {
      external.claim(service, claim)
    } catch (error) {
      log.of(claim.plugin).error(messageOf(error))
    }
  }
}

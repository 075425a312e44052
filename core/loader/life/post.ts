// An adapter's post at its external service: taken when a version of it goes live, left when none serves any more.

import type { Generation } from '../generation/generation.ts'
import { messageOf } from '../fault.ts'
import type { Organs } from '../organs.ts'

export class Post {
  readonly #organs: Organs
  /** Where a version stands now, and under which id. */
  #taken: { readonly service: string; readonly plugin: string } | null = null

  constructor(organs: Organs) {
    this.#organs = organs
  }

  /** The next version of the same adapter changes nothing for the service. */
  take({ id, role, mode, uses, log }: Generation): void {
    const before = this.#taken
    const service = role.external ?? null
    this.#taken = service === null ? null : { service, plugin: id }
    if (before !== null && (before.service !== service || before.plugin !== id)) this.#leave(before)
    if (service === null || (mode === 'in_process' && this.#organs.external.find(service) === undefined))
      return
    try {
      this.#organs.external.claim(service, { plugin: id, mode, uses })
    } catch (error) {
      log.error(messageOf(error))
    }
  }

  /** The service stops, if nobody else wants it. */
  leave(): void {
    const before = this.#taken
    this.#taken = null
    if (before !== null) this.#leave(before)
  }

  #leave({ service, plugin }: { service: string; plugin: string }): void {
    void this.#organs.external.release(service, plugin)
  }
}

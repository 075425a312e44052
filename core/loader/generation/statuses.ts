// What one generation says of how it is: a state under each label, and since when it is so.

import type { Health } from '@home-console/sdk'
import type { Clock } from '../../clock.ts'
import { PluginError } from '../fault.ts'

const HEALTH: readonly Health[] = ['ok', 'degraded', 'down']

export interface Status {
  label: string
  state: Health
  message: string | null
  /** RFC 3339 in UTC. */
  since: string
}

export class Statuses {
  readonly #clock: Clock
  readonly #statuses = new Map<string, Status>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** All are whatever a plugin gave. @throws PluginError `invalid_argument` */
  set(label: string, state: Health, message: string | undefined): void {
    if (!HEALTH.includes(state)) {
      throw new PluginError(
        'invalid_argument',
        `ctx.status takes ${HEALTH.join(', ')}, not ${String(state)}.`,
      )
    }
    const before = this.#statuses.get(label)
    const since = before?.state === state ? before.since : new Date(this.#clock.now()).toISOString()
    this.#statuses.set(label, {
      label: String(label),
      state,
      message: message === undefined ? null : String(message),
      since,
    })
  }

  list(): Status[] {
    return [...this.#statuses.values()]
  }
}

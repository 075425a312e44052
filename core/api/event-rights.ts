// What of the events a caller may hear, and for whom it may speak: for an external service, its service.json says so.

import type { Caller, Undo } from '@home-console/sdk'
import { covers, isReserved, matches } from '../bus/pattern.ts'
import type { ExternalService } from '../external/external-service.ts'
import type { ExternalServices } from '../external/external-services.ts'
import { coreProblem } from '../http/answers/problems.ts'

const EVERYTHING = ['**']

/** Each may hold back a megabyte. */
const MAX_STREAMS = 16
/** Open ones, of each service. */
const streams = new WeakMap<ExternalService, number>()

export class EventRights {
  readonly #caller: Caller
  /** Undefined for all callers that are none, and for one that went away meanwhile. */
  readonly #service: ExternalService | undefined

  constructor(caller: Caller, external: ExternalServices) {
    this.#caller = caller
    this.#service = caller.kind === 'service' ? external.find(caller.name) : undefined
  }

  /**
   * The patterns that it hears by: those that it asks for; unless it does, all that it may.
   *
   * @throws Problem `event_not_wanted`; `too_many_streams` where it hears by so many already
   */
  patterns(asked: readonly string[] | undefined): readonly string[] {
    const patterns = asked ?? this.#wants
    const beyond = patterns.find((pattern) => !covers(this.#wants, pattern))
    if (beyond === undefined && patterns.length > 0) {
      if (this.#streams < MAX_STREAMS) return patterns
      throw coreProblem(
        'too_many_streams',
        `"${this.#caller.name}" has ${MAX_STREAMS} event streams open. Close one.`,
      )
    }
    throw coreProblem(
      'event_not_wanted',
      `"${this.#caller.name}" wants no events of "${beyond ?? '**'}": add the pattern to events.wants in its service.json.`,
    )
  }

  /** It hears by these patterns from now on, until the undo is called. Calls back once it may no longer. */
  hear(patterns: readonly string[], revoked: () => void): Undo {
    const service = this.#service
    if (service === undefined) return () => {}
    streams.set(service, this.#streams + 1)
    const unlisten = service.listen(() => {
      if (service.adapter === null || !patterns.every((pattern) => covers(this.#wants, pattern))) revoked()
    })
    return () => {
      unlisten()
      streams.set(service, this.#streams - 1)
    }
  }

  get #streams(): number {
    return (this.#service && streams.get(this.#service)) ?? 0
  }

  get #wants(): readonly string[] {
    return this.#caller.kind === 'service' ? (this.#service?.manifest.events.wants ?? []) : EVERYTHING
  }

  /**
   * The source of what it publishes: its own, unless it has all rights and speaks for another from outside the Core.
   *
   * @throws Problem `reserved_event_source`
   */
  source(given: string): string {
    const { kind, name, scopes } = this.#caller
    const own = kind === 'service' ? `/external/${name}` : `/clients/${name}`
    const mayBeAnother = scopes.includes('*') ? /^\/(clients|external)\/[^/]+$/ : null
    if (given === own || mayBeAnother?.test(given)) return given
    const isAnothers = mayBeAnother === null ? SOMEBODY.test(given) : /^\/(core|plugins)(\/|$)/.test(given)
    if (!isAnothers) return own
    throw coreProblem(
      'reserved_event_source',
      `"${given}" is not the sender's to speak for. ${mayBeAnother === null ? `It is "${own}".` : 'Use /clients/<name> or /external/<name>.'}`,
    )
  }

  /** @throws Problem `reserved_event_type`, `event_not_sent` */
  assertMaySend(type: string): void {
    if (isReserved(type)) throw coreProblem('reserved_event_type', `"${type}" is the Core's own to say.`)
    const sends = this.#service?.manifest.events.sends
    if (this.#caller.kind !== 'service' || sends?.some((pattern) => matches(pattern, type))) return
    throw coreProblem(
      'event_not_sent',
      `"${this.#caller.name}" sends no "${type}": add the type to events.sends in its service.json.`,
    )
  }
}

/** A source that says who of the house speaks. */
const SOMEBODY = /^\/(core|plugins|external|clients)(\/|$)/

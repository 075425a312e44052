// The ServiceRegistry: knows which plugin provides what and who uses it, and brings the two together.

import type { Provider, Surroundings, User } from './parties.ts'
import { methodsOf, Provision } from './provision.ts'
import { isServiceName } from './service-name.ts'
import { Service } from './service.ts'
import { Use } from './use.ts'

/** What a service is to the owner of the house. */
export interface ServiceView {
  name: string
  provider: { plugin: string; generation: number } | null
  /** That the provider offers. */
  methods: string[]
  users: ServiceUser[]
  /** Since the start. */
  calls: number
  failed: number
}

export interface Offer {
  readonly name: string
  readonly methods: readonly string[]
}

export interface ServiceUser {
  plugin: string
  generation: number
  /** Whether it declared the service. */
  required: boolean
  /** That it took from its handle since it was loaded. */
  methods: string[]
}

export class ServiceRegistry {
  readonly #surroundings: Surroundings
  readonly #services = new Map<string, Service>()

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings
  }

  /**
   * What a plugin's generation provides, for its scope to own: it serves from the commit on. Until it falls silent, or is
   * released, no other plugin can provide the name.
   *
   * @throws Problem `service_taken`, `invalid_argument`
   */
  provision(name: string, implementation: object, provider: Provider): Provision {
    const { problem } = this.#surroundings
    const service = this.#serviceOf(name)
    const holder = service.claims
      .values()
      .find((claim) => claim.provider.id !== provider.id && !provider.mayGo.has(claim.provider.id))
    if (holder !== undefined)
      throw problem('service_taken', `"${name}" is provided by the plugin "${holder.provider.id}" already.`)
    if (typeof implementation !== 'object' || implementation === null)
      throw problem(
        'invalid_argument',
        `The service "${name}" must be an object with methods, not ${implementation === null ? 'null' : `a ${typeof implementation}`}.`,
      )
    const methods = provider.enter(() => methodsOf(implementation))
    if (methods.length === 0) throw problem('invalid_argument', `The service "${name}" has no methods.`)
    return new Provision(service, implementation, methods, provider)
  }

  /**
   * Whoever would go on providing something that a staged generation provides, when both go live in one tick.
   *
   * @param leaving ids of the plugins that go away in that tick
   * @param swapping ids of those of which a new version goes live in it
   */
  rivalOf(
    provider: Provider,
    leaving: ReadonlySet<string>,
    swapping: ReadonlySet<string>,
  ): { service: string; plugin: string } | null {
    for (const { label } of this.providedBy(provider)) {
      const { claims, provision } = this.#services.get(label)!
      const holder = provision?.provider.id
      for (const claim of claims) {
        const { id } = claim.provider
        if (id === provider.id || leaving.has(id)) continue
        // Whoever provides it now keeps it; of two newcomers, the first by name.
        const isRival =
          claim === provision
            ? !swapping.has(id)
            : swapping.has(id) && holder !== provider.id && (holder === id || id < provider.id)
        if (isRival) return { service: label, plugin: id }
      }
    }
    return null
  }

  /**
   * A generation's use of a service, with the handle, for its scope to own.
   *
   * @throws Problem `invalid_argument`
   */
  use(name: string, user: User): Use {
    return new Use(this.#serviceOf(name), user)
  }

  /** The generations that serve now and declared the service or have a handle on it. */
  usesOf(name: string): Use[] {
    return [...(this.#services.get(name)?.uses ?? [])]
  }

  /** Which services one generation offers, with their methods. */
  offeredBy(provider: Provider): Offer[] {
    return this.providedBy(provider).map(({ label, methods }) => ({ name: label, methods }))
  }

  /** What one generation provides, or will when it is live. */
  providedBy(provider: Provider): Provision[] {
    return this.#services
      .values()
      .flatMap(({ claims }) => claims)
      .filter((claim) => claim.provider === provider)
      .toArray()
  }

  /**
   * From now on calls of these services wait, so many at most; the rest are refused. Gives what lets them go on, to
   * whoever provides the service then.
   */
  hold(names: Iterable<string>): () => void {
    const releases = Array.from(names, (name) => this.#serviceOf(name).hold())
    return () => {
      for (const release of releases) release()
    }
  }

  /** Every service that was provided or used since the start, by name. */
  list(): ServiceView[] {
    return Array.from(this.#services.values(), viewOf).sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** The name is whatever a plugin gave. */
  #serviceOf(name: unknown): Service {
    const known = this.#services.get(name as string)
    if (known !== undefined) return known
    if (!isServiceName(name))
      throw this.#surroundings.problem(
        'invalid_argument',
        `${typeof name === 'string' ? `"${name}"` : `A ${typeof name}`} is no service's name: dot-separated words of [a-z0-9_-].`,
      )
    const service = new Service(name, this.#surroundings)
    this.#services.set(name, service)
    return service
  }
}

function viewOf({ name, provision, uses, calls, failed }: Service): ServiceView {
  return {
    name,
    provider: provision && { plugin: provision.provider.id, generation: provision.provider.number },
    methods: provision?.methods ?? [],
    users: Array.from(uses, ({ user, required, methods }) => ({
      plugin: user.id,
      generation: user.number,
      required,
      methods,
    })),
    calls,
    failed,
  }
}

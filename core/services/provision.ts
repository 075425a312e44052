// What one generation provides under one name: live between its commit and the next, called in the provider's context.

import { chargeTo } from './blame.ts'
import { Iteration } from './iteration.ts'
import type { Provider, User, Work } from './parties.ts'
import { never, type Service } from './service.ts'

/** Owned by the scope of its generation. */
export class Provision {
  readonly kind = 'service'
  readonly label: string
  readonly provider: Provider
  readonly #service: Service
  readonly #implementation: Readonly<Record<string, unknown>>
  /** What a call of each method is called in lists. */
  readonly #labels: ReadonlyMap<string, string>

  constructor(service: Service, implementation: object, methods: readonly string[], provider: Provider) {
    this.label = service.name
    this.provider = provider
    this.#service = service
    this.#implementation = implementation as Readonly<Record<string, unknown>>
    this.#labels = new Map(methods.map((method) => [method, `${service.name}.${method}`]))
    service.claims.add(this)
  }

  get methods(): string[] {
    return [...this.#labels.keys()]
  }

  goLive(): void {
    this.#service.provision = this
  }

  fallSilent(): void {
    this.#service.claims.delete(this)
    if (this.#service.provision === this) this.#service.provision = null
  }

  release(): void {
    this.fallSilent()
  }

  /** Never throws. What it calls may go on after a swap: the drain waits for it. */
  call(user: User, method: string, args: readonly unknown[]): Promise<unknown> {
    const label = this.#labels.get(method)
    const service = this.#service
    const { provider } = this
    if (label === undefined)
      return service.fail(
        service.surroundings.problem(
          'service_method_missing',
          `"${service.name}" of the plugin "${provider.id}" has no method "${method}"; it has ${this.methods.join(', ')}.`,
        ),
      )
    if (!areData(args))
      return service.fail(
        service.surroundings.problem(
          'invalid_argument',
          `"${label}" was given a function or a symbol: services take plain data.`,
        ),
      )
    const work: Work = { kind: 'service call', label, abandon: undefined }
    let over = false
    const end = () => {
      over = true
      provider.end(work)
    }
    const fail = (error: unknown): Promise<never> => {
      end()
      chargeTo(provider, error, label)
      return user.ended ? never() : service.fail(error)
    }
    const answered = provider.ask<unknown>(
      work,
      () => atOnce((this.#implementation[method] as Method)(...args)),
      (answer) => {
        if (!isAsyncIterable(answer)) {
          end()
          return user.ended ? never() : answer
        }
        try {
          const iteration = new Iteration(label, answer, provider, user, service.surroundings)
          end()
          return iteration
        } catch (error) {
          return fail(error)
        }
      },
      fail,
    )
    // Only what takes time is work that a drain has to wait for.
    if (!over) provider.begin(work)
    return answered instanceof Promise ? answered : Promise.resolve(answered)
  }
}

type Method = (...args: readonly unknown[]) => unknown

/** Most answers are there at once, promised or not: nobody has to wait for those. */
function atOnce(answer: unknown): unknown {
  return answer instanceof Promise && Bun.peek.status(answer) === 'fulfilled' ? Bun.peek(answer) : answer
}

/** The names under which an object, or the class that it is of, has functions. Must run as whoever made the object. */
export function methodsOf(implementation: object): string[] {
  const names = new Set<string>()
  for (
    let level: object | null = implementation;
    level !== null && (level === implementation || Object.getPrototypeOf(level) !== null);
    level = Object.getPrototypeOf(level) as object | null
  ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(level)))
      if (typeof value === 'function' && name !== 'constructor') names.add(name)
  }
  return [...names]
}

function areData(args: readonly unknown[]): boolean {
  for (const argument of args)
    if (typeof argument === 'function' || typeof argument === 'symbol') return false
  return true
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function'
  )
}

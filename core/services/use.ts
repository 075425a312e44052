// One generation's use of one service: the handle that it calls, and which methods it took from it.

import { callersPromise } from './callers-promise.ts'
import type { User } from './parties.ts'
import type { Service } from './service.ts'

/** Names that the language asks of any object by itself: a handle is no promise, and looks like nothing else. */
const OF_THE_LANGUAGE: ReadonlySet<PropertyKey> = new Set([
  'then',
  'toJSON',
  ...Object.getOwnPropertyNames(Object.prototype),
])

type Call = (...args: unknown[]) => Promise<unknown>

/** Owned by the scope of its generation. */
export class Use {
  readonly kind = 'service use'
  readonly label: string
  readonly user: User
  /** The same for as long as the generation lives. */
  readonly handle: unknown
  readonly #service: Service
  readonly #calls = new Map<string, Call>()

  constructor(service: Service, user: User) {
    this.label = service.name
    this.user = user
    this.#service = service
    this.handle = new Proxy(Object.freeze(Object.create(null) as Record<string, Call>), {
      get: (_target, name) => (typeof name === 'string' ? this.#callOf(name) : undefined),
    })
  }

  get required(): boolean {
    return this.user.requires.includes(this.label)
  }

  get methods(): string[] {
    return [...this.#calls.keys()]
  }

  goLive(): void {
    this.#service.uses.add(this)
  }

  fallSilent(): void {
    this.#service.uses.delete(this)
  }

  #callOf(method: string): Call | undefined {
    const known = this.#calls.get(method)
    if (known !== undefined || OF_THE_LANGUAGE.has(method)) return known
    const service = this.#service
    const { user } = this
    const { leave } = service.surroundings
    const call: Call = (...args) => iterable(callersPromise(leave(() => service.call(user, method, args))))
    this.#calls.set(method, call)
    return call
  }
}

/** So that `for await` takes the promise of an iterable as well as the iterable. */
function iterable(promise: Promise<unknown>): Promise<unknown> {
  ;(promise as { [Symbol.asyncIterator]?: typeof iterateAnswer })[Symbol.asyncIterator] = iterateAnswer
  return promise
}

async function* iterateAnswer(this: Promise<AsyncIterable<unknown>>): AsyncGenerator {
  yield* await this
}

// A router that is asked twice for each request, by the guard and then by Hono, and looks once.

import type { Result, Router } from 'hono/router'
import { RegExpRouter } from 'hono/router/reg-exp-router'
import { SmartRouter } from 'hono/router/smart-router'
import { TrieRouter } from 'hono/router/trie-router'

export class MatchOnceRouter<T> implements Router<T> {
  readonly name = 'MatchOnceRouter'
  readonly #router = new SmartRouter<T>({ routers: [new RegExpRouter(), new TrieRouter()] })
  #method = ''
  #path = ''
  #result: Result<T> | undefined

  add(method: string, path: string, handler: T): void {
    this.#router.add(method, path, handler)
  }

  match(method: string, path: string): Result<T> {
    if (this.#result === undefined || method !== this.#method || path !== this.#path) {
      this.#result = this.#router.match(method, path)
      this.#method = method
      this.#path = path
    }
    return this.#result
  }
}

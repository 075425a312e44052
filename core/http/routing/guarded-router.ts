// The router of a mount: knows of each route, from when it was added, who may call it and whether it passes requests on.

import type { Handler, RouterRoute } from 'hono/types'
import { both, type Access } from '../door/access.ts'
import { MatchOnceRouter } from './match-once-router.ts'
import { accessOfHandler, proxiedByHandler } from './plugin-router.ts'
import { passOnBy, type PassOn, type ProxiedPath, type ProxiedRoute } from './proxied.ts'

type Entry = [handler: Handler, route: RouterRoute]

export class GuardedRouter extends MatchOnceRouter<Entry> {
  readonly #access = new Map<RouterRoute, Access>()

  override add(method: string, path: string, entry: Entry): void {
    this.#access.set(entry[1], accessOfHandler(entry[0]))
    super.add(method, path, entry)
  }

  /** Who may call: the first match decides, as it is the first to run. Null where there is none. */
  accessAt(method: string, path: string): Access | null {
    const first = this.match(method, path)[0][0]
    return first === undefined ? null : this.#access.get(first[0][1])!
  }

  /** The routes that pass requests on to an external service. */
  get proxied(): ProxiedRoute[] {
    const found = new Map<string, ProxiedRoute>()
    for (const route of this.#access.keys()) {
      const told = proxiedByHandler(route.handler)
      if (told !== undefined) found.set(JSON.stringify([route.path, told]), { ...told, route: route.path })
    }
    return [...found.values()]
  }

  /** The same for the one that a request would come to; who may call it decides. */
  proxiedAt(method: string, path: string): { route: ProxiedRoute; access: Access } | undefined {
    const route = this.match(method, path)[0][0]?.[0][1]
    const told = route && proxiedByHandler(route.handler)
    return told && { route: { ...told, route: route.path }, access: this.#access.get(route)! }
  }

  /** What a route passes its requests on to. */
  passedOn(method: string, path: string): ProxiedPath | undefined {
    const route = this.#access.keys().find((route) => route.method === method && route.path === path)
    return route && proxiedByHandler(route.handler)
  }

  /** What stands for the handlers of a request, where the first of them only passes it on. */
  straightAt(method: string, path: string): { passOn: PassOn; route: string } | undefined {
    const first = this.match(method, path)[0][0]
    const passOn = first && passOnBy(first[0][0])
    return passOn && { passOn, route: first[0][1].path }
  }

  /** Whether one of those that run passes the request on, and so takes a body of any size: it keeps none of it. */
  takesAnyBody(method: string, path: string): boolean {
    return this.match(method, path)[0].some(([[handler]]) => proxiedByHandler(handler) !== undefined)
  }

  /** What it takes to get to a route, past all that runs before it where the path of a request is this sample. */
  accessTo(method: string, path: string, sample: string): Access | undefined {
    const isAsked = (route: RouterRoute) => route.method === method && route.path === path
    let access: Access | undefined
    for (const [[, route]] of this.match(method, sample)[0]) {
      const own = this.#access.get(route)!
      access = access === undefined ? own : both(access, own)
      if (isAsked(route)) return access
    }
    // Its parameters take no such sample: then its own word is all that is known.
    return this.#access.entries().find(([route]) => isAsked(route))?.[1]
  }
}

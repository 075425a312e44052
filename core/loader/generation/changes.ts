// What a new version of a plugin changes for others: the difference between two faces.

import type { Changes } from '@home-console/sdk'

/** What others see of one version. */
export interface Face {
  readonly routes: readonly { readonly method: string; readonly path: string }[]
  /** Types of the events that it declares. */
  readonly events: readonly string[]
  readonly services: readonly { readonly name: string; readonly methods: readonly string[] }[]
  readonly scopes: readonly string[]
}

export const NO_FACE: Face = { routes: [], events: [], services: [], scopes: [] }

export function changesBetween(before: Face, after: Face): Changes {
  return {
    routes: difference(before.routes, after.routes, ({ method, path }) => `${method} ${path}`),
    events: difference(before.events, after.events, String),
    services: {
      added: offeredBeyond(before.services, after.services),
      removed: offeredBeyond(after.services, before.services),
    },
    scopes: difference(before.scopes, after.scopes, String),
  }
}

function difference<T>(before: readonly T[], after: readonly T[], keyOf: (one: T) => string) {
  return { added: beyond(before, after, keyOf), removed: beyond(after, before, keyOf) }
}

/** Those of the second that the first has not. */
function beyond<T>(first: readonly T[], second: readonly T[], keyOf: (one: T) => string): T[] {
  const known = new Set(first.map(keyOf))
  return second.filter((one) => !known.has(keyOf(one)))
}

/** Of each service the methods that only the second offers; a service that the first has not at all, whatever it offers. */
function offeredBeyond(first: Face['services'], second: Face['services']) {
  return second.flatMap(({ name, methods }) => {
    const known = first.find((service) => service.name === name)
    const more = beyond(known?.methods ?? [], methods, String)
    return known === undefined || more.length > 0 ? [{ name, methods: more }] : []
  })
}

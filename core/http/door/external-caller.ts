// An external service as a caller: it proves itself with its own credential, and has the rights to events and no others.

import type { Caller } from '@home-console/sdk'

/** What it takes to hear events, and to publish them. Which ones, a service's service.json says. */
export const READ_EVENTS = 'core.events.read'
export const WRITE_EVENTS = 'core.events.write'

const SCHEME = /^bearer /i

/** What an `Authorization` header gives as proof; null where it is of another kind. */
export function bearerOf(authorization: string): string | null {
  return SCHEME.test(authorization) ? authorization.slice('Bearer '.length).trim() : null
}

/** The service that proves itself; null where it is nobody. */
export function externalCaller(
  authorization: string,
  whoProves: (credential: string) => { readonly name: string } | null,
): Caller | null {
  const credential = bearerOf(authorization)
  const service = credential === null ? null : whoProves(credential)
  if (service === null) return null
  return Object.freeze({
    kind: 'service',
    name: service.name,
    scopes: Object.freeze([READ_EVENTS, WRITE_EVENTS]),
  })
}

// Who may call: a route's declaration in OpenAPI's words, and the one place where it is enforced.

import type { Caller, Problem, Security } from '@home-console/sdk'
import { coreProblem } from '../answers/problems.ts'

/** A security requirement, worked out once when the route is registered. */
export interface Access {
  readonly open: boolean
  /** Each is one way in: all of its scopes are needed. Empty: an owner, or a token with all rights. */
  readonly anyOf: readonly (readonly string[])[]
}

export const OWNER_ONLY: Access = { open: false, anyOf: [] }

/**
 * What a declaration asks for. Unless there is one, an owner.
 *
 * @throws Error when it names a scheme other than `bearer`, or asks for no scope
 */
export function accessOf(security: Security | undefined): Access {
  if (security === undefined) return OWNER_ONLY
  const ways = security.map((requirement) => {
    const schemes = Object.keys(requirement)
    const unknown = schemes.find((scheme) => scheme !== 'bearer')
    if (unknown !== undefined) {
      throw new Error(
        `security names the scheme "${unknown}"; only "bearer" is known, with the scopes that are asked for`,
      )
    }
    return requirement['bearer'] ?? null
  })
  // An empty list, or an empty requirement in it, makes the route open (OpenAPI 3.1, "Security Requirement Object").
  if (ways.length === 0 || ways.includes(null)) return { open: true, anyOf: [] }
  const scoped = ways.filter((scopes): scopes is readonly string[] => scopes !== null)
  // `bearer: []` asks for a token and names no right: deny by default makes that the owner's.
  return { open: false, anyOf: scoped.some((scopes) => scopes.length === 0) ? [] : scoped }
}

/** The same, as the document says it. */
export function securityOf(access: Access): Security {
  if (access.open) return []
  return access.anyOf.length === 0
    ? [{ bearer: [] }]
    : access.anyOf.map((scopes) => ({ bearer: [...scopes] }))
}

/** What it takes to get past two that run one after the other. */
export function both(first: Access, second: Access): Access {
  if (first.open) return second
  if (second.open) return first
  const anyOf = first.anyOf.flatMap((some) => second.anyOf.map((more) => [...new Set([...some, ...more])]))
  return { open: false, anyOf }
}

export const ANONYMOUS: Caller = Object.freeze({ kind: 'anonymous', name: 'anonymous', scopes: [] })

/** @returns why the caller may not, or null */
export function refusal(access: Access, caller: Caller): Problem | null {
  if (access.open) return null
  if (caller.kind === 'anonymous') return coreProblem('unauthorized')
  if (caller.scopes.includes('*')) return null
  if (access.anyOf.some((scopes) => scopes.every((scope) => caller.scopes.includes(scope)))) return null
  const asked = access.anyOf.map((scopes) => scopes.join(' and ')).join(', or ')
  return coreProblem(
    'forbidden',
    asked === '' ? 'This route needs an owner.' : `This route asks for ${asked}.`,
  )
}

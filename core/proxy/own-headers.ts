// What the Core itself says in the head of a request that it passes on: who it is, who calls, from where and by which name.

import type { Caller } from '@home-console/sdk'
import type { Line } from './line.ts'

export type OwnHeaders = Readonly<Record<string, string>>

/** Bears the caller's token. */
export const CALLER = 'X-Home-Console-Caller'

/** What is known of how a request came. */
export interface Origins {
  /** Where a request came from; null where nobody knows. */
  readonly addressOf: (request: Request) => string | null
  /** `http` or `https`, as its client sees it. */
  readonly schemeOf: (request: Request) => string
}

/**
 * Made at once, but for a caller who was not here for a while.
 *
 * @param prefix under which the client knows the service
 */
export function ownHeaders(
  { id, caller, request }: { readonly id: string; readonly caller: Caller; readonly request: Request },
  { authorization, host, tokens }: Line,
  prefix: string,
  { addressOf, schemeOf }: Origins,
): OwnHeaders | Promise<OwnHeaders> {
  const own: Record<string, string> = {
    Authorization: authorization,
    'X-Request-Id': id,
    'X-Forwarded-Host': request.headers.get('Host') ?? '',
    'X-Forwarded-Proto': schemeOf(request),
    'X-Forwarded-Prefix': prefix,
  }
  const address = addressOf(request)
  if (address !== null) own['X-Forwarded-For'] = address
  if (host !== undefined) own['Host'] = host
  const token = tokens.of(caller)
  if (typeof token !== 'string') return token.then((made) => Object.assign(own, { [CALLER]: made }))
  own[CALLER] = token
  return own
}

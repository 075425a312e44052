// Calls a service for the Core's own ends: how it is, what it says of itself, what happened.

import type { Place } from './reach.ts'

/**
 * Goes to the pinned address, whatever the name means by now. Redirects are not followed, and nothing is unpacked: a
 * megabyte may hide a gigabyte.
 *
 * @throws what `fetch` throws
 */
export function call(place: Place, path: string, init: BunFetchRequestInit = {}): Promise<Response> {
  const { origin, address, credential } = place
  const url = new URL(origin + path)
  const { host, hostname } = url
  if (address !== null) url.hostname = address.includes(':') ? `[${address}]` : address
  const headers = new Headers(init.headers)
  headers.set('Host', host)
  headers.set('Authorization', `Bearer ${credential}`)
  return fetch(url, {
    ...init,
    headers,
    redirect: 'manual',
    decompress: false,
    // What the environment says of proxies is not about services of this house.
    proxy: false,
    ...(address !== null && url.protocol === 'https:' && { tls: { serverName: hostname } }),
  })
}

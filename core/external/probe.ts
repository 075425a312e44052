// Asks a service whether it is well.

import type { Place } from './reach.ts'

/**
 * Goes to the pinned address, whatever the name means by now. Redirects are not followed.
 *
 * @returns null when it answers 2xx; else why it is not well
 */
export async function probe(place: Place, path: string, timeoutMs: number): Promise<string | null> {
  const { origin, address, credential } = place
  const url = new URL(origin + path)
  const { host, hostname } = url
  if (address !== null) url.hostname = address.includes(':') ? `[${address}]` : address
  try {
    const response = await fetch(url, {
      headers: { Host: host, Authorization: `Bearer ${credential}` },
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
      keepalive: false,
      ...(address !== null && url.protocol === 'https:' && { tls: { serverName: hostname } }),
    })
    await response.body?.cancel()
    return response.ok ? null : `${path} answers ${response.status}.`
  } catch (error) {
    if (error instanceof DOMException && error.name === 'TimeoutError')
      return `${path} does not answer within ${timeoutMs} ms.`
    return `${path} cannot be reached: ${error instanceof Error ? error.message : String(error)}`
  }
}

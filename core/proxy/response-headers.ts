// What of a service's headers a client may see: nothing that speaks of the connection behind the Core, or for the whole
// of the Core's origin, of which the service is only a part.

import { dropNamed } from './request-headers.ts'
import type { Header } from './wire/header-line.ts'

const DROPPED = new Set([
  // Of the connection (RFC 9110, section 7.6.1).
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  // A cookie would be the whole origin's: it could take the place of the owner's session, and never comes back here.
  'set-cookie',
  'set-cookie2',
  // Of the whole origin: where else it answers, what a browser shall forget of it, who else may read it, how it logs in,
  // whom it tells of its failures.
  'alt-svc',
  'clear-site-data',
  'strict-transport-security',
  'service-worker-allowed',
  'www-authenticate',
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'accept-ch',
  'nel',
  'report-to',
  'set-login',
  'use-as-dictionary',
  // To a web server in front of the house: what it shall send instead, of its own files or from elsewhere.
  'x-accel-redirect',
  'x-lighttpd-send-file',
  'x-reproxy-url',
  'x-sendfile',
  'x-home-console-caller',
  // The Core's own stands in its place.
  'x-request-id',
])

/** What of them goes on. */
export function cleanResponseHeaders(headers: readonly Header[]): Header[] {
  let named: Set<string> | undefined
  const drop = (name: string) => (named ??= new Set()).add(name)
  const kept = headers.filter(([name, value]) => {
    if (!DROPPED.has(name)) return true
    if (name === 'connection') dropNamed(value, drop)
    // A body in chunks has no length beside them (RFC 9112, section 6.3).
    if (name === 'transfer-encoding') drop('content-length')
    return false
  })
  return named === undefined ? kept : kept.filter(([name]) => !named!.has(name))
}

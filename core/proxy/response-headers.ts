// What of a service's headers a client may see: nothing that speaks of the connection behind the Core, or for the whole
// of the Core's origin, of which the service is only a part.

import { dropNamed } from './request-headers.ts'

const DROPPED = [
  // Of the connection (RFC 9110, section 7.6.1).
  'Connection',
  'Keep-Alive',
  'Proxy-Connection',
  'Proxy-Authenticate',
  'TE',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
  // A cookie would be the whole origin's: it could take the place of the owner's session, and never comes back here.
  'Set-Cookie',
  'Set-Cookie2',
  // Of the whole origin: where else it answers, what a browser shall forget of it, who else may read it, how it logs in.
  'Alt-Svc',
  'Clear-Site-Data',
  'Strict-Transport-Security',
  'Service-Worker-Allowed',
  'WWW-Authenticate',
  'Access-Control-Allow-Origin',
  'Access-Control-Allow-Credentials',
  'X-Home-Console-Caller',
] as const

export function cleanResponseHeaders(headers: Headers): void {
  const connection = headers.get('Connection')
  if (connection !== null) dropNamed(connection, (name) => headers.delete(name))
  // A body in chunks has no length beside them (RFC 9112, section 6.3).
  if (headers.has('Transfer-Encoding')) headers.delete('Content-Length')
  for (const name of DROPPED) headers.delete(name)
}

/** Of all names and values together. */
export function sizeOf(headers: Headers): number {
  let bytes = 0
  for (const [name, value] of headers) bytes += name.length + value.length
  return bytes
}

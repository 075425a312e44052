// What of a client's headers a service may see: nothing that proves who the client is to the Core, and nothing that only
// the Core may say.

import type { OwnHeaders } from './own-headers.ts'

/** They speak of one connection (RFC 9110, section 7.6.1), of the Core's own affairs, or are written anew. */
const DROPPED = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'proxy-authenticate',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'host',
  'expect',
  'authorization',
  'cookie',
  'forwarded',
  'via',
  'x-forwarded',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'x-request-id',
  'x-original-url',
  'x-rewrite-url',
  // The guard let in a request with another method.
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
])

/** Kept off by how they begin: whatever they say, they say it in the Core's name. */
const RESERVED = /^(?:x-forwarded-|x-home-console-|sec-websocket-|(?:x-)?remote-|x-webauth-|x-auth-request-)/

/**
 * @param own what the Core says in their place
 * @param hasBody whether a body follows: a length without one would let the service take the next request for it
 */
export function requestHeaders(from: Headers, hasBody: boolean, own: OwnHeaders): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of from) {
    // An underscore is a dash to many a service, and so another spelling of a name that is kept off.
    if (DROPPED.has(name) || RESERVED.test(name) || name.includes('_')) continue
    headers[name] = value
  }
  const connection = from.get('Connection')
  if (connection !== null) dropNamed(connection, (name) => delete headers[name])
  if (!hasBody || from.has('Transfer-Encoding')) delete headers['content-length']
  return Object.assign(headers, own)
}

/** Lets go of the headers that `Connection` names. */
export function dropNamed(connection: string, drop: (name: string) => void): void {
  for (const name of connection.split(',')) {
    const named = name.trim().toLowerCase()
    // Whoever names these has their loss in mind, and not the connection.
    if (named !== '' && named !== 'content-length' && named !== 'content-type') drop(named)
  }
}

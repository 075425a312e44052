// What of a client's headers a service may see: nothing that proves who the client is to the Core, and nothing that only
// the Core may say.

import type { Header } from './wire/header-line.ts'

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

/** Which of the names that were seen go on: there are few, and they come again and again. */
const goesOn = new Map<string, boolean>()
const MOST_NAMES = 1_000
/** What is longer is nobody's, and would be kept for good. */
const MOST_NAME_LENGTH = 64

/** @param hasBody whether a body follows: a length without one would let the service take the next request for it */
export function requestHeaders(from: Headers, hasBody: boolean): Header[] {
  const headers: Header[] = []
  from.forEach((value, name) => {
    if (goesOn.get(name) ?? judge(name)) headers.push([name, value])
  })
  const dropped = new Set<string>()
  if (!hasBody || from.has('Transfer-Encoding')) dropped.add('content-length')
  const connection = from.get('Connection')
  if (connection !== null) dropNamed(connection, (name) => dropped.add(name))
  return headers.filter(([name]) => !dropped.has(name))
}

function judge(name: string): boolean {
  // An underscore is a dash to many a service, and so another spelling of a name that is kept off.
  const goes = !DROPPED.has(name) && !RESERVED.test(name) && !name.includes('_')
  if (goesOn.size < MOST_NAMES && name.length <= MOST_NAME_LENGTH) goesOn.set(name, goes)
  return goes
}

/** Lets go of the headers that `Connection` names. */
export function dropNamed(connection: string, drop: (name: string) => void): void {
  for (const name of connection.split(',')) {
    const named = name.trim().toLowerCase()
    // Whoever names these has their loss in mind, and not the connection.
    if (named !== '' && named !== 'content-length' && named !== 'content-type') drop(named)
  }
}

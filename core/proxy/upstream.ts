// Opens a WebSocket to a service, in the place of a client.

export interface Upstream {
  readonly url: string
  readonly headers: Record<string, string>
  /** What the client offered. */
  readonly protocols: string[]
  readonly tls: { readonly serverName: string } | undefined
  readonly signal: AbortSignal
}

/** RFC 9110, section 5.6.2. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/

/** The service answered, and not with a WebSocket. */
export class UpgradeRefused extends Error {
  override readonly name = 'UpgradeRefused'

  constructor(status: string) {
    super(`it answered ${status}`)
  }
}

/** @throws UpgradeRefused; Error with the reason when the service does not open it */
export function openUpstream({ url, headers, protocols, tls, signal }: Upstream): Promise<WebSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>()
  const socket = new WebSocket(url, {
    headers,
    perMessageDeflate: false,
    protocols,
    ...(tls !== undefined && { tls }),
  })
  socket.binaryType = 'arraybuffer'
  // Nothing of what the service says at once may be lost before the client is there.
  socket.addEventListener('open', () => {
    socket.pause()
    resolve(socket)
  })
  socket.addEventListener('error', (event) => {
    const { message } = event as unknown as { message?: string }
    const status = /Expected 101 status code: (\d+)/.exec(message ?? '')?.[1]
    reject(status === undefined ? new Error('the connection failed') : new UpgradeRefused(status))
  })
  socket.addEventListener('close', () => reject(new Error('the connection was closed')))
  signal.addEventListener('abort', () => socket.terminate())
  return promise
}

/** The subprotocols that a client offers; null where that is no list of them (RFC 6455, section 4.1). */
export function protocolsIn(offered: string | null): string[] | null {
  if (offered === null) return []
  const protocols = offered.split(',').map((name) => name.trim())
  const isList = protocols.every((name) => TOKEN.test(name)) && new Set(protocols).size === protocols.length
  return isList ? protocols : null
}

// The one server: listens, hands every request to the app, and stops in order.

import type { Server } from 'bun'
import { problemResponse, coreProblem } from './answers/problems.ts'
import type { App } from './app.ts'
import type { SocketData } from './sockets/socket-data.ts'
import { websocketHandler } from './sockets/sockets.ts'

/**
 * How many seconds a connection may be silent. Bun also counts while a handler works, so this is how long one may take
 * until its first byte; it is the most that Bun takes.
 */
const IDLE_SECONDS = 255
/** How long clients on kept connections are told to leave before the port closes. */
const LEAVING_MS = 150
/** How long they then wait for their answers: who waits inside does not stand at the port when it closes, and is not reset. */
const HOLDING_MS = 30

export interface RunningServer {
  readonly url: URL
  readonly port: number
  /** Where a request came from. */
  addressOf(request: Request): string | null
  /**
   * Tells clients to leave, closes the port, lets what is under way finish for so many ms, and then cuts what is left.
   *
   * @param closed called once nobody new comes in: until then, those who answer must go on answering
   */
  stop(graceMs: number, closed?: () => Promise<void>): Promise<void>
}

/**
 * Every request is answered within `IDLE_SECONDS`, or its connection ends.
 *
 * @throws Error with what to do when the port is taken or the address is not this machine's
 */
export function listen(
  app: App,
  options: { host: string; port: number; onError: (error: unknown) => void },
): RunningServer {
  let server: Server<SocketData>
  try {
    server = Bun.serve<SocketData>({
      hostname: options.host,
      port: options.port,
      // Bun's own error page shows messages, secrets included.
      development: false,
      idleTimeout: IDLE_SECONDS,
      // A route says how much it takes, and what is not read waits at its sender: see request-body.ts.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      fetch: app.fetch,
      websocket: websocketHandler,
      error: (error) => {
        options.onError(error)
        return problemResponse(coreProblem('internal_error'), { requestId: '-' })
      },
    })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(
      `Cannot listen on ${options.host}:${options.port}: ${reason} Set HOST and PORT to an address that is free.`,
      { cause: error },
    )
  }
  return {
    url: server.url,
    port: server.port!,
    addressOf: (request) => server.requestIP(request)?.address ?? null,
    async stop(graceMs, closed) {
      app.beginLeaving()
      await Bun.sleep(LEAVING_MS)
      const release = app.holdAnswers()
      await Bun.sleep(HOLDING_MS)
      const stopped = server.stop(false)
      release()
      const deadline = performance.now() + graceMs
      await closed?.()
      while (server.pendingRequests > 0 && performance.now() < deadline) await Bun.sleep(10)
      // A graceful stop waits for ever on an open stream: what is left is cut.
      await server.stop(true)
      await stopped
    },
  }
}

// The service as a whole: its organs made once, its port, and the agents' WebSocket beside the app.

import { makeApp } from './app.ts'
import { Callers } from './caller.ts'
import { Clients } from './clients.ts'
import { Codes } from './codes.ts'
import { CommandLog } from './command-log.ts'
import { Commands } from './commands.ts'
import { openDatabase } from './database.ts'
import type { Environment } from './environment.ts'
import { LONGEST_FRAME } from './frames.ts'
import { Herald } from './herald.ts'
import { Link, type Patience } from './link.ts'
import { Links } from './links.ts'
import { PolicyKeeper } from './policy.ts'
import { Problem, problemResponse } from './problem.ts'
import manifest from './service.json' with { type: 'json' }

/** RFC 6455's "Service Restart": agents come back. */
const SERVICE_RESTART = 1012
/** More than an agent's longest pause between two tries. */
const AWAY_MS = 60_000
const LAST_ANSWERS_MS = 500
/** Three heartbeats of an agent. */
const PATIENCE: Patience = { introductionMs: 10_000, silenceMs: 45_000 }
const MOST_BACKLOG = 4 * 1024 * 1024

export interface RunningService {
  readonly url: URL
  stop(): Promise<void>
}

/** @throws Error when the port is taken, or the database cannot be used */
export function startService(
  environment: Environment,
  log: (message: string) => void,
  patience: Patience = PATIENCE,
): RunningService {
  const { host, port, dataDir, credential, coreUrl } = environment
  const { name, version } = manifest
  const db = openDatabase(dataDir)
  const herald = new Herald({ coreUrl, credential, source: `/external/${name}`, log })
  const clients = new Clients(db)
  const links = new Links(clients, herald)
  const codes = new Codes(db)
  const commandLog = new CommandLog(db)
  const wayTo = (client: string) => links.wayTo(client)
  const commands = new Commands({ log: commandLog, herald, wayTo, awayMs: AWAY_MS })
  links.awaitReturn(AWAY_MS)
  const callers = new Callers(credential, name)
  const policy = new PolicyKeeper(db)
  const app = makeApp({ version, clients, codes, commandLog, commands, links, policy, log }, callers)
  const linkOptions = { clients, codes, commands, links, server: { name, version }, log, patience }

  const server = Bun.serve<Link>({
    hostname: host,
    port,
    development: false,
    // A command may say nothing for as long as it runs.
    idleTimeout: 0,
    async fetch(request, server) {
      if (new URL(request.url).pathname !== '/ws') return app.fetch(request)
      const { headers } = request
      if (headers.has('Origin'))
        return problemResponse(new Problem(403, 'cross_origin', 'This is for agents, and not for pages.'))
      // Only the Core is believed where an agent calls from.
      const forwarded = callers.isCore(headers)
        ? headers.get('X-Forwarded-For')?.split(',')[0]?.trim()
        : undefined
      const ip = forwarded ?? server.requestIP(request)?.address ?? null
      if (server.upgrade(request, { data: new Link(ip, linkOptions) })) return
      return problemResponse(new Problem(400, 'invalid_request', 'This is a WebSocket, for agents.'))
    },
    websocket: {
      open: (socket) => socket.data.opened(socket),
      message: (socket, message) => socket.data.received(message),
      close: (socket, code, reason) => socket.data.closed(reason || `the connection was lost (${code})`),
      maxPayloadLength: LONGEST_FRAME,
      backpressureLimit: MOST_BACKLOG,
      closeOnBackpressureLimit: true,
      // Heartbeats have their own deadline.
      idleTimeout: 120,
    },
  })

  return {
    url: server.url,
    async stop() {
      commands.stop()
      herald.stop()
      links.closeAll(SERVICE_RESTART, 'The client manager stops; come back.')
      // What is asked just now is answered still; who waits for the end of a command, or reads along, is not waited for.
      await Promise.race([server.stop(), Bun.sleep(LAST_ANSWERS_MS)])
      await server.stop(true)
      db.close()
    },
  }
}

// What the routes work with, and the router on which they stand.

import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Clients } from './clients.ts'
import type { Codes } from './codes.ts'
import type { CommandLog } from './command-log.ts'
import type { Commands } from './commands.ts'
import type { Links } from './links.ts'
import type { PolicyKeeper } from './policy.ts'

/** All that the routes work with. */
export interface Service {
  readonly version: string
  readonly clients: Clients
  readonly codes: Codes
  readonly commandLog: CommandLog
  readonly commands: Commands
  readonly links: Links
  readonly policy: PolicyKeeper
  readonly log: (message: string) => void
}

/** A request, when the Core is known to have sent it: `caller` is on whose behalf. */
export type Env = { Variables: { caller: string } }
export type Router = OpenAPIHono<Env>

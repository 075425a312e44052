// One way in which a service runs, from its start to its stop: as a child process, or elsewhere. A change of the mode, or
// of service.json, brings up another one beside it.

import type { Mode } from '@home-console/sdk'
import type { OwnedLog } from '../../log/log.ts'
import type { ServiceManifest } from '../manifest.ts'
import type { LiveReach } from '../reach.ts'

/** The modes in which a service runs at all. */
export type WayMode = Exclude<Mode, 'in_process'>

export type WayState = 'starting' | 'up' | 'down' | 'given_up'

export interface Way {
  readonly mode: WayMode
  readonly state: WayState
  /** Null while there is nowhere to call. */
  readonly reach: LiveReach | null
  /** Proves that it is the service who calls. */
  readonly credential: string
  /** Why it is not up. */
  readonly error: string | null
  readonly pid: number | null
  /** How often it was started again after it died. */
  readonly restarts: number
  /** Settles when it answers for the first time; rejects with the reason when it does not, and goes on trying. */
  readonly cameUp: Promise<void>
  /** Lets what is under way finish, and ends it. Settles when nothing of it is left. */
  stop(): Promise<void>
}

export interface WayOptions {
  readonly name: string
  readonly manifest: ServiceManifest
  /** Of its adapter. */
  readonly log: () => OwnedLog
  /** Its state, its reach or its error is another one. */
  readonly onChange: () => void
}

/** How long calls under way may take when another way took over, in ms. */
export const DRAIN_MS = 10_000

/** Why a way that was stopped never came up. */
export const STOPPED = 'It was stopped before it answered.'

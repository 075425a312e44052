// A request that is to be passed on.

import type { Caller } from '@home-console/sdk'
import type { Carry } from './exchange.ts'

/** As the door let it in. */
export interface Asked {
  readonly id: string
  readonly method: string
  /** For people. */
  readonly label: string
  readonly caller: Caller
  /** As it came. */
  readonly request: Request
  /** Set where the answer streams: reads its body. */
  carry: Carry | undefined
}

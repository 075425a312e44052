// Looks from inside the Core at what is left of the other plugin's generations. It is never swapped itself.

import { definePlugin } from '@home-console/sdk'
import { heapStats } from 'bun:jsc'

/** What the holder's generations leave in the process to be found by: it keeps none of them alive. */
export type GenerationsOfBench = typeof globalThis & { generationsOfBench?: WeakRef<object>[] }

export interface Findings {
  /** How many of the holder's contexts and ballasts have not been collected. */
  readonly alive: number
  /** Timers in the heap. */
  readonly timers: number
  /** Listeners on the process. */
  readonly listeners: number
}

const shared = globalThis as GenerationsOfBench
/** The process itself, and not the view of it that a plugin gets under its name. */
const core = globalThis.process

export default definePlugin({
  onLoad(ctx) {
    const router = ctx.router()
    router.get('/findings', (c) => {
      Bun.gc(true)
      const findings: Findings = {
        alive: (shared.generationsOfBench ?? []).filter((generation) => generation.deref() !== undefined)
          .length,
        timers: heapStats().objectTypeCounts['Timeout'] ?? 0,
        listeners: core.eventNames().reduce((sum, name) => sum + core.listenerCount(name), 0),
      }
      return c.json(findings)
    })
    return router
  },
})

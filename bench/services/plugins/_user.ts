// Calls a provider 200 times a second, and counts what must not be: calls that fail, and answers by code that was old.

import { definePlugin } from '@home-console/sdk'

const PER_SECOND = 200

export interface Counts {
  answered: number
  /** Begun before a commit and answered after it. */
  acrossSwaps: number
  /** Begun after a commit and answered by the version before it. */
  stale: number
  failures: string[]
}

export default definePlugin({
  requires: ['version'],
  onLoad(ctx) {
    const provider = ctx.services.use('version')
    const counts: Counts = { answered: 0, acrossSwaps: 0, stale: 0, failures: [] }
    let served = 0
    ctx.events.on('bench.served', ({ data }) => void (served = data as number))

    const call = async (number: number) => {
      const before = served
      try {
        const version: number = await (number % 2 === 0 ? provider.now() : provider.soon())
        counts.answered++
        if (version < before) counts.stale++
        if (before !== served) counts.acrossSwaps++
      } catch (error) {
        counts.failures.push(String(error))
      }
    }
    ctx.task('calls', async (signal) => {
      // Where nobody provides it yet, the task begins again.
      await provider.now()
      const started = performance.now()
      for (let number = 0; !signal.aborted; number++) {
        const due = started + (number * 1_000) / PER_SECOND
        if (due > performance.now()) await Bun.sleep(due - performance.now())
        void call(number)
      }
    })

    const router = ctx.router()
    router.get('/counts', (c) => c.json(counts))
    return router
  },
})

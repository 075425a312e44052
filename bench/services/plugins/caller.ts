// Calls the function directly and through a handle, in rounds that take turns, and says how long a call took.

import { definePlugin } from '@home-console/sdk'
import { add } from './_add.ts'

/** A round is shorter than the time that the system gives a process at once, so that most are not interrupted. */
const ROUNDS = 400
const CALLS = 2_000

type Add = (one: number, other: number) => Promise<number>

/** Ns a call. */
async function round(call: () => Add): Promise<number> {
  const started = Bun.nanoseconds()
  let sum = 0
  for (let index = 0; index < CALLS; index++) sum += await call()(index, 1)
  const took = Bun.nanoseconds() - started
  if (sum !== (CALLS * (CALLS + 1)) / 2) throw new Error(`The sum of a round is ${sum}.`)
  return took / CALLS
}

export default definePlugin({
  requires: ['adder'],
  onLoad(ctx) {
    const adder = ctx.services.use('adder')
    const router = ctx.router()
    router.get('/calls', async (c) => {
      const direct: number[] = []
      const service: number[] = []
      for (let index = 0; index < ROUNDS; index++) {
        direct.push(await round(() => add))
        service.push(await round(() => adder.add as Add))
      }
      return c.json({ direct, service })
    })
    return router
  },
})

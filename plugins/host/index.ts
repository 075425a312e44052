// How the machine is doing that Home Console runs on: a sample every five seconds, and the last hour of them.

import { definePlugin } from '@home-console/sdk'
import { events } from './contract.ts'
import { History } from './history.ts'
import { addRoutes } from './routes.ts'
import { Camera, type Snapshot, summarize } from './snapshot.ts'

const INTERVAL_MS = 5_000
const HISTORY_MS = 3_600_000

export default definePlugin({
  version: '1.0.0',
  name: 'Host',
  description:
    'Processor, memory, disks, network and temperatures of the machine, and what the Core takes of it',
  scopes: { 'host.read': 'See how the machine is doing' },
  events,

  onLoad(ctx) {
    const camera = new Camera()
    const history = new History(HISTORY_MS / INTERVAL_MS)

    const observe = async () => {
      const snapshot = await camera.take()
      const sample = summarize(snapshot)
      history.push(sample)
      ctx.events.emit('host.sample', sample)
      const faults = snapshot.missing.map(({ part, reason }) => `${part}: ${reason}`)
      if (faults.length === 0) ctx.status('sensors', 'ok')
      else ctx.status('sensors', 'degraded', faults.join('; '))
      return snapshot
    }

    // Who asks early waits for the first snapshot; later nobody waits for one that is still being taken.
    let latest: Promise<Snapshot> | undefined
    const latestOrFirst = () => (latest ??= observe())

    ctx.after(0, latestOrFirst)
    ctx.every(INTERVAL_MS, async () => {
      latest = Promise.resolve(await observe())
    })

    const router = ctx.router()
    addRoutes(router, latestOrFirst, history)
    return router
  },
})

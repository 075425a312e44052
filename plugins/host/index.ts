// How the machine is doing that Home Console runs on: a sample every five seconds, and what became of them in ten years.

import { definePlugin, type PluginContext } from '@home-console/sdk'
import { Archive } from './archive.ts'
import { events } from './contract.ts'
import { addHistoryRoute } from './history-route.ts'
import { History } from './history.ts'
import { Recorder } from './recorder.ts'
import { addRoutes } from './routes.ts'
import { Camera, type Snapshot, summarize } from './snapshot.ts'
import * as schema from './tables.ts'

const INTERVAL_MS = 5_000
const HISTORY_MS = 3_600_000
/** By then a version that was swapped out has gone. */
const SWAPPED_MS = 30_000

let recorder: Recorder | undefined

export default definePlugin({
  version: '1.1.0',
  name: 'Host',
  description:
    'Processor, memory, disks, network and temperatures of the machine, and what the Core takes of it',
  scopes: { 'host.read': 'See how the machine is doing' },
  events,
  // The last minutes may be lost in a power cut: that is what it takes to write so little.
  db: { schema, durability: 'normal' },

  onLoad(ctx) {
    const camera = new Camera()
    const history = new History(HISTORY_MS / INTERVAL_MS)
    const recording = (recorder = new Recorder(new Archive(ctx.db)))

    const recall = () => history.recall(recording.written(Date.now() - HISTORY_MS, Date.now() + 1))
    recall()
    // What the version before measured until the commit, it wrote on its way out.
    ctx.after(SWAPPED_MS, recall)

    const observe = async () => {
      const snapshot = await camera.take()
      const sample = summarize(snapshot)
      history.push(sample)
      recording.push(sample)
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
    // By the clock, so that what is written at once is one minute and not parts of two.
    ctx.every('* * * * *', () => writeDown(ctx))

    const router = ctx.router()
    addRoutes(router, latestOrFirst, history)
    addHistoryRoute(router, recording)
    return router
  },

  // The next version finds it in the tables. What is measured from here to the commit is written by `onUnload`.
  handover: (ctx) => writeDown(ctx),
  onUnload: (ctx) => writeDown(ctx),
})

/** A full disk is no reason to stop measuring, nor to refuse the next version: it is tried again the next minute. */
function writeDown(ctx: Pick<PluginContext, 'status'>): void {
  try {
    recorder?.flush()
    ctx.status('memory', 'ok')
  } catch (error) {
    ctx.status('memory', 'degraded', `Samples cannot be written down: ${(error as Error).message}`)
  }
}

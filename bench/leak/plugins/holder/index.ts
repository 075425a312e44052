// Holds one of everything that a plugin can hold, and tells the probe which of its generations are alive.

import { createRoute, definePlugin, z, type PluginContext, type PluginRouter } from '@home-console/sdk'
import type { GenerationsOfBench } from '../probe/index.ts'
import { version } from './version.ts'

const shared = globalThis as GenerationsOfBench

/** What a version keeps for itself, in bytes: if it stays, it is seen in the memory. */
const ballast = new Uint8Array(100_000).fill(1)

const Sensor = z.object({ id: z.string(), name: z.string().min(1).max(60) }).openapi('Sensor')
const Reading = z.object({ sensor: Sensor, value: z.number(), at: z.iso.datetime() }).openapi('Reading')
const Page = z.object({ readings: z.array(Reading), next: z.string().nullable() }).openapi('Page')
const NewReading = z.object({ value: z.number().min(-100).max(100) }).openapi('NewReading')

export default definePlugin({
  events: { 'holder.spoke': z.object({ version: z.number() }) },

  onLoad(ctx) {
    ;(shared.generationsOfBench ??= []).push(new WeakRef(ctx), new WeakRef(ballast))
    const router = ctx.router({ security: [] })
    documentedRoutes(router)
    router.get('/version', (c) => c.text(String(version)))
    router.ws('/socket', {
      open: (socket) => void socket.send(`${version} ${ballast.length}`),
      message: (socket, message) => void socket.send(message as string),
    })
    timersAndListeners(ctx)
    return router
  },
})

function documentedRoutes(router: PluginRouter): void {
  const now = () => ({
    sensor: { id: 'one', name: `Sensor ${ballast.length}` },
    value: version,
    at: new Date().toISOString(),
  })
  router.openapi(
    createRoute({
      method: 'get',
      path: '/readings',
      request: { query: z.object({ limit: z.coerce.number().int().max(100).default(10) }) },
      responses: { 200: { description: 'Readings', content: { 'application/json': { schema: Page } } } },
    }),
    (c) => c.json({ readings: [now()], next: null }, 200),
  )
  router.openapi(
    createRoute({
      method: 'post',
      path: '/sensors/{id}/readings',
      request: {
        params: z.object({ id: z.string() }),
        body: { required: true, content: { 'application/json': { schema: NewReading } } },
      },
      responses: { 201: { description: 'Reading', content: { 'application/json': { schema: Reading } } } },
    }),
    (c) => c.json(now(), 201),
  )
}

function timersAndListeners(ctx: PluginContext<any>): void {
  ctx.every(1_000, () => ballast.length)
  ctx.every('0 * * * *', () => ballast.length)
  ctx.after(60_000, () => ballast.length)
  ctx.events.on('holder.*', () => void ballast.length)
  ctx.events.on('plugin.**', () => void ballast.length)
  ctx.task('wait', async (signal) => {
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
  })
  ctx.status('holder', 'ok', `${ballast.length} bytes`)
  const interval = setInterval(() => ballast.length, 1_000)
  ctx.defer(() => clearInterval(interval))
  const onWarning = () => ballast.length
  process.on('warning', onWarning)
  ctx.defer(() => process.off('warning', onWarning))
  ctx.events.emit('holder.spoke', { version })
}

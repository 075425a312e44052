// What can be asked over HTTP.

import { type PluginRouter, createRoute, problem, problems, z } from '@home-console/sdk'
import { Sample } from './contract.ts'
import { Disk } from './disks.ts'
import type { History } from './history.ts'
import { Interface } from './network.ts'
import { Snapshot } from './snapshot.ts'
import { System, readSystem } from './system.ts'

const security = [{ bearer: ['host.read'] }]

const answer = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  description,
  content: { 'application/json': { schema } },
})

const getNow = createRoute({
  method: 'get',
  path: '/now',
  operationId: 'getNow',
  summary: 'Everything that is known of the machine now',
  description: 'As of the latest sample, which is at most five seconds old.',
  security,
  responses: { 200: answer(Snapshot, 'The latest snapshot') },
})

const listSamples = createRoute({
  method: 'get',
  path: '/samples',
  operationId: 'listSamples',
  summary: 'The last hour in a few numbers',
  description:
    'One sample every five seconds, oldest first. When there are more than `limit`, evenly spaced ones are given, the newest among them.',
  security,
  request: {
    query: z.object({
      since: z.iso
        .datetime({ offset: true })
        .optional()
        .describe('Only those taken after this moment')
        .openapi({ example: '2026-01-31T18:00:00Z' }),
      limit: z.coerce.number().int().min(1).max(720).default(120).describe('How many at most'),
    }),
  },
  responses: {
    200: answer(z.object({ samples: z.array(Sample) }), 'The samples'),
    ...problems({ 400: '`since` is no moment, or `limit` is not within 1 to 720' }),
  },
})

const listDisks = createRoute({
  method: 'get',
  path: '/disks',
  operationId: 'listDisks',
  summary: 'The disks, how full they are and how busy',
  description: 'Every real file system that is mounted, once, as of the latest sample.',
  security,
  responses: {
    200: answer(z.object({ time: z.iso.datetime(), disks: z.array(Disk) }), 'The disks'),
    ...problems({ 503: 'They could not be read' }),
  },
})

const listInterfaces = createRoute({
  method: 'get',
  path: '/network',
  operationId: 'listInterfaces',
  summary: 'The network interfaces and their traffic',
  description: 'As of the latest sample.',
  security,
  responses: {
    200: answer(z.object({ time: z.iso.datetime(), interfaces: z.array(Interface) }), 'The interfaces'),
    ...problems({ 503: 'They could not be read' }),
  },
})

const getSystem = createRoute({
  method: 'get',
  path: '/system',
  operationId: 'getSystem',
  summary: 'Which machine this is, and what runs on it',
  security,
  responses: { 200: answer(System, 'The system') },
})

/** @param latest the latest snapshot, or the first as soon as it is taken */
export function addRoutes(router: PluginRouter, latest: () => Promise<Snapshot>, history: History): void {
  router.openapi(getNow, async (c) => c.json(await latest(), 200))

  router.openapi(listSamples, (c) => {
    const { since, limit } = c.req.valid('query')
    return c.json({ samples: history.list(limit, since === undefined ? undefined : Date.parse(since)) }, 200)
  })

  router.openapi(listDisks, async (c) => {
    const { time, disks, missing } = await latest()
    if (disks === null) throw notKnown('disks', missing)
    return c.json({ time, disks }, 200)
  })

  router.openapi(listInterfaces, async (c) => {
    const { time, network, missing } = await latest()
    if (network === null) throw notKnown('network', missing)
    return c.json({ time, interfaces: network }, 200)
  })

  router.openapi(getSystem, async (c) => c.json(await readSystem(), 200))
}

function notKnown(part: string, missing: Snapshot['missing']) {
  const reason = missing.find((one) => one.part === part)?.reason
  return problem(503, 'not_known', `The part "${part}" could not be read: ${reason}.`)
}

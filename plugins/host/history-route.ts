// What became of one metric over time: how it can be asked for.

import { type PluginRouter, createRoute, problem, problems, z } from '@home-console/sdk'
import { type Resolution, resolutions } from './archive.ts'
import { Metric } from './metrics.ts'
import type { Recorder } from './recorder.ts'

/** So many seconds, minutes or hours may be asked for at once: a chart has fewer pixels. */
const MOST_POINTS = 5_000

const moment = z.iso.datetime({ offset: true })

const HistoryPoint = z
  .object({
    time: z.iso.datetime().describe('Where the second, minute or hour begins'),
    min: z.number(),
    avg: z.number(),
    max: z.number(),
    samples: z.number().int().min(1).describe('How many it is made of'),
  })
  .openapi('HistoryPoint')

const listHistory = createRoute({
  method: 'get',
  path: '/history',
  operationId: 'listHistory',
  summary: 'One number over time, with its peaks',
  description:
    'The last hour is kept by the second, the last week by the minute, the last ten years by the hour. Oldest first; there is no point where nothing was measured. What was written since the last minute may be lost in a power cut.',
  security: [{ bearer: ['host.read'] }],
  request: {
    query: z.object({
      metric: Metric.describe('One of the numbers of a sample'),
      resolution: z.enum(['second', 'minute', 'hour']).default('minute'),
      from: moment
        .describe('From the second, minute or hour that this moment belongs to')
        .openapi({ example: '2026-01-31T18:00:00Z' }),
      to: moment.optional().describe('Until this moment; up to now unless given'),
    }),
  },
  responses: {
    200: {
      description: 'The points',
      content: {
        'application/json': {
          schema: z.object({ metric: Metric, resolution: z.string(), points: z.array(HistoryPoint) }),
        },
      },
    },
    ...problems({
      400: `\`to\` is before \`from\`, or there may be more than ${MOST_POINTS} points between`,
    }),
  },
})

export function addHistoryRoute(router: PluginRouter, recorder: Recorder): void {
  router.openapi(listHistory, (c) => {
    const { metric, resolution, ...range } = c.req.valid('query')
    const from = Date.parse(range.from)
    const until = range.to === undefined ? Date.now() + 1 : Date.parse(range.to)
    assertAnswerable(from, until, resolution)
    const points = recorder
      .read({ metric, resolution, from, until })
      .map(({ start, stat: [min, max, sum, samples] }) => ({
        time: new Date(start).toISOString(),
        min,
        avg: sum / samples,
        max,
        samples,
      }))
    return c.json({ metric, resolution, points }, 200)
  })
}

function assertAnswerable(from: number, until: number, resolution: Resolution): void {
  if (until < from) throw problem(400, 'no_range', '"to" is before "from". Exchange them.')
  const count = Math.ceil((until - from) / resolutions[resolution])
  if (count <= MOST_POINTS) return
  const coarser = (['minute', 'hour'] as const).find(
    (one) => (until - from) / resolutions[one] <= MOST_POINTS,
  )
  throw problem(
    400,
    'too_many_points',
    `There may be ${count} points in it, and at most ${MOST_POINTS} are given at once. Ask for ${coarser === undefined ? '' : `resolution=${coarser}, or for `}a shorter time.`,
  )
}

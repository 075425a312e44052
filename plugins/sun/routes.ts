// What can be asked over HTTP.

import { type PluginRouter, createRoute, problems, z } from '@home-console/sdk'
import { Day, Position, type SunService } from './contract.ts'

const security = [{ bearer: ['sun.read'] }]
const PLACE_UNKNOWN = 'Nobody has said yet where the home is'

const answers = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  200: { description, content: { 'application/json': { schema } } },
  ...problems({ 409: PLACE_UNKNOWN }),
})

const getToday = createRoute({
  method: 'get',
  path: '/today',
  operationId: 'getToday',
  summary: 'The turns of the sun today',
  security,
  responses: answers(Day, 'Today, by the clock of the home'),
})

const getTimes = createRoute({
  method: 'get',
  path: '/times',
  operationId: 'getTimes',
  summary: 'The turns of the sun on any day',
  security,
  request: { query: z.object({ date: z.iso.date().openapi({ example: '2026-06-21' }) }) },
  responses: answers(Day, 'That day'),
})

const Now = Position.extend({
  isUp: z.boolean(),
  nextRise: z.iso.datetime().nullable().describe('Null where there is none within a year'),
  nextSet: z.iso.datetime().nullable(),
}).openapi('Now')

const getNow = createRoute({
  method: 'get',
  path: '/now',
  operationId: 'getNow',
  summary: 'Where the sun stands',
  security,
  responses: answers(Now, 'Now'),
})

/** The routes ask what other plugins ask: there is one answer to a question. */
export function addRoutes(router: PluginRouter, sun: SunService): void {
  router.openapi(getToday, (c) => c.json(sun.times(), 200))
  router.openapi(getTimes, (c) => c.json(sun.times(c.req.valid('query').date), 200))
  router.openapi(getNow, (c) => {
    const next = { nextRise: sun.next('rise'), nextSet: sun.next('set') }
    return c.json({ ...sun.position(), isUp: sun.isUp(), ...next }, 200)
  })
}

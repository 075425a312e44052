// Events over HTTP: a stream that resumes, the last ones, and a way to publish.

import { createRoute, type StandardIssue, z } from '@home-console/sdk'
import { bodyLimit } from 'hono/body-limit'
import { MAX_EVENT_DATA } from '../bus/event-bus.ts'
import type { LoggedEvent } from '../bus/event-log.ts'
import { assertPattern, isEventType, matches } from '../bus/pattern.ts'
import { coreProblem, pointerTo } from '../http/answers/problems.ts'
import { READ_EVENTS, WRITE_EVENTS } from '../http/door/external-caller.ts'
import type { DeclaringRouter } from '../http/routing/plugin-router.ts'
import { answers, problems } from './answers.ts'
import type { CoreApi } from './core-api.ts'
import { EventRights } from './event-rights.ts'
import { eventStream } from './event-stream.ts'
import { CloudEventBody, Page } from './schemas.ts'

const Patterns = z
  .union([z.string(), z.array(z.string())])
  .optional()
  .openapi({
    type: 'array',
    items: { type: 'string' },
    description: '`*` is one word, a closing `**` any number. May repeat.',
  })

const streamEvents = createRoute({
  method: 'get',
  path: '/api/core/events',
  operationId: 'streamEvents',
  summary: 'Events as they happen',
  description:
    'Resumes after `Last-Event-ID`; says `core.gap` first when something between is no longer known. An external service hears what its service.json wants, and asks for no more.',
  security: [{ bearer: [READ_EVENTS] }],
  request: { query: z.object({ pattern: Patterns }) },
  responses: {
    200: { description: 'One CloudEvent each.', content: { 'text/event-stream': { schema: z.string() } } },
    ...problems(400, 401, 403, 429),
  },
})

const listEvents = createRoute({
  method: 'get',
  path: '/api/core/events/log',
  operationId: 'listEvents',
  summary: 'The last events',
  request: {
    query: z.object({
      ...Page(1_000, 100),
      pattern: Patterns,
      before: z.string().optional().openapi({ description: 'The id of an event: those before it.' }),
    }),
  },
  responses: answers(
    'Newest first.',
    z.object({ events: z.array(CloudEventBody), next: z.string().nullable() }),
    400,
    401,
  ),
})

const NewEvent = z
  .object({
    specversion: z.literal('1.0'),
    id: z.string().min(1).max(256),
    source: z.string().min(1).max(256),
    type: z.string().refine(isEventType, 'Dot-separated words of [a-z0-9_-], 256 characters at most.'),
    time: z.iso.datetime({ offset: true }).optional(),
    subject: z.string().max(256).optional(),
    datacontenttype: z.literal('application/json').optional(),
    data: z.unknown().optional(),
  })
  .openapi('NewEvent')

/** Of one event that just may be published, however it is escaped: a hundred that may not must not fill the memory. */
const MAX_BODY_BYTES = 8 * MAX_EVENT_DATA

const publishEvent = createRoute({
  method: 'post',
  path: '/api/core/events',
  operationId: 'publishEvent',
  summary: 'Publish an event',
  description:
    "The same `source` and `id` twice counts once. `core.**` and `plugin.**` are the Core's own. Data of a type that a plugin declares must fit what it says of it at `/asyncapi.json`. Whoever has not all rights speaks for itself; an external service sends what its service.json names.",
  security: [{ bearer: [WRITE_EVENTS] }],
  middleware: bodyLimit({
    maxSize: MAX_BODY_BYTES,
    onError: () => {
      throw coreProblem('payload_too_large', `An event of more than ${MAX_BODY_BYTES} bytes is not taken.`)
    },
  }),
  request: {
    body: {
      required: true,
      content: {
        'application/cloudevents+json': { schema: NewEvent },
        'application/json': { schema: NewEvent },
      },
    },
  },
  responses: {
    202: {
      description: 'Published.',
      content: { 'application/json': { schema: z.object({ id: z.string() }) } },
    },
    ...problems(400, 401, 403, 413, 415),
  },
})

/** How many published ids are remembered, so that a retry is not a second event. */
const REMEMBERED = 10_000

export function eventRoutes(router: DeclaringRouter, { app, bus, external }: CoreApi): void {
  const { epoch } = bus.log
  const published = new Set<string>()

  router.openapi(streamEvents, (c) => {
    const rights = new EventRights(c.var.caller, external)
    const patterns = rights.patterns(patternsOf(c.req.queries('pattern')))
    const wanted = ({ type }: LoggedEvent) => patterns.some((pattern) => matches(pattern, type))
    const lastEventId = c.req.header('Last-Event-ID')
    return eventStream(app, (client) => {
      const send = (logged: LoggedEvent) => client.send(logged.text, `${epoch}-${logged.position}`)
      const missed = lastEventId === undefined ? [] : eventsSince(lastEventId)
      if (missed === null) client.send(gap(lastEventId!), `${epoch}-${bus.log.next - 1}`)
      else for (const logged of missed) if (wanted(logged)) send(logged)
      const unfollow = bus.follow((logged) => {
        if (wanted(logged)) send(logged)
      })
      const forget = rights.hear(patterns, () => client.end())
      return () => {
        unfollow()
        forget()
      }
    })
  })

  const eventsSince = (lastEventId: string): LoggedEvent[] | null => {
    const [known, position] = lastEventId.split('-')
    return known === epoch && /^\d+$/.test(position ?? '') ? bus.log.since(Number(position)) : null
  }

  const gap = (lastEventId: string) =>
    JSON.stringify({
      specversion: '1.0',
      id: `gap-${bus.log.next}`,
      source: '/core',
      type: 'core.gap',
      time: new Date().toISOString(),
      data: {
        lastEventId,
        message: 'Events after this one are no longer known. Read the present state anew.',
      },
    })

  router.openapi(listEvents, (c) => {
    const { limit, before } = c.req.valid('query')
    const patterns = patternsOf(c.req.queries('pattern')) ?? []
    const events = bus.log.latest(patterns, limit + 1, before)
    const more = events.length > limit
    if (more) events.pop()
    return c.json({ events, next: more ? events.at(-1)!.id : null }, 200)
  })

  router.openapi(publishEvent, (c) => {
    const event = c.req.valid('json')
    const rights = new EventRights(c.var.caller, external)
    rights.assertMaySend(event.type)
    const source = rights.source(event.source)
    const key = `${source}\n${event.id}`
    if (published.has(key)) return c.json({ id: event.id }, 202)
    const misfits = bus.declared.misfits(event.type, event.data)
    if (misfits.length > 0) throw misfitting(misfits)
    const id = bus.emit({
      ...event,
      source,
      time: event.time === undefined ? undefined : new Date(event.time).toISOString(),
    })
    if (id === null) throw coreProblem('payload_too_large', 'The event was dropped: its data is too large.')
    published.add(key)
    if (published.size > REMEMBERED) published.delete(published.values().next().value!)
    return c.json({ id }, 202)
  })
}

function misfitting(issues: readonly StandardIssue[]) {
  return coreProblem('invalid_request', undefined, {
    errors: issues.map(({ path = [], message }) => ({
      pointer: pointerTo(['data', ...path]),
      detail: message,
    })),
  })
}

function patternsOf(given: readonly string[] | undefined): readonly string[] | undefined {
  for (const pattern of given ?? []) assertPattern(pattern)
  return given
}

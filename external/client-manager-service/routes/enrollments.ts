// How computers get in: the owner approves those that came by themselves, or makes a code for one that is to come.

import { createRoute, z } from '@hono/zod-openapi'
import { Problem, problems } from '../problem.ts'
import type { Router, Service } from '../service.ts'
import { Client, ClientId, clientShape, json, Pending, pendingShape, time } from './shapes.ts'

const params = z.object({ client: ClientId })
const unknown = problems({ 404: 'None of this id waits' })
const moment = z.iso.datetime()

const listPending = createRoute({
  method: 'get',
  path: '/api/enrollments/pending',
  operationId: 'listPending',
  summary: 'The computers that wait to be approved',
  description:
    'What they say of themselves is theirs to say. Compare the id with the one that the agent shows on its computer.',
  responses: {
    200: { description: 'The oldest first', content: json(z.object({ pending: z.array(Pending) })) },
  },
})

const approve = createRoute({
  method: 'post',
  path: '/api/enrollments/{client}/approve',
  operationId: 'approve',
  summary: 'Let a computer in',
  request: { params },
  responses: { 200: { description: 'It is in', content: json(Client) }, ...unknown },
})

const reject = createRoute({
  method: 'post',
  path: '/api/enrollments/{client}/reject',
  operationId: 'reject',
  summary: 'Send a computer away, for a day',
  request: { params },
  responses: { 204: { description: 'It is sent away' }, ...unknown },
})

const Code = z
  .object({
    id: z.uuid(),
    created_at: moment,
    created_by: z.string(),
    expires_at: moment,
  })
  .openapi('EnrollmentCode')

const CodeRequest = z.object({
  valid_s: z.number().int().min(10).max(604_800).default(3_600).describe('For so long, in s'),
})

const createCode = createRoute({
  method: 'post',
  path: '/api/enrollments/codes',
  operationId: 'createCode',
  summary: 'Make a code that lets one computer in, once',
  request: {
    body: {
      required: false,
      content: json(CodeRequest),
    },
  },
  responses: {
    201: {
      description: 'The code. It is not kept as it is, and cannot be shown again',
      content: json(Code.extend({ code: z.string() })),
    },
  },
})

const listCodes = createRoute({
  method: 'get',
  path: '/api/enrollments/codes',
  operationId: 'listCodes',
  summary: 'The codes that may still be used',
  responses: { 200: { description: 'Newest first', content: json(z.object({ codes: z.array(Code) })) } },
})

const deleteCode = createRoute({
  method: 'delete',
  path: '/api/enrollments/codes/{id}',
  operationId: 'deleteCode',
  summary: 'Take a code back',
  request: { params: z.object({ id: z.uuid() }) },
  responses: { 204: { description: 'It is good for nothing now' }, ...problems({ 404: 'No such code' }) },
})

export function enrollmentRoutes(router: Router, { clients, codes, links }: Service): void {
  const waiting = (id: string) => {
    if (clients.get(id)?.standing !== 'pending')
      throw new Problem(404, 'not_pending', `No client "${id}" waits to be approved.`)
    return id
  }

  router.openapi(listPending, (c) => c.json({ pending: clients.list('pending').map(pendingShape) }, 200))

  router.openapi(approve, (c) => {
    const id = waiting(c.req.valid('param').client)
    clients.approve(id, c.var.caller)
    links.get(id)?.trust()
    return c.json(clientShape(clients.get(id)!, links.get(id)), 200)
  })

  router.openapi(reject, (c) => {
    const id = waiting(c.req.valid('param').client)
    clients.reject(id, c.var.caller)
    links.get(id)?.turnAway('The owner does not want this computer here.')
    return c.body(null, 204)
  })

  router.openapi(createCode, (c) => {
    // Without a body, nothing was looked at.
    const { valid_s } = CodeRequest.parse(c.req.valid('json'))
    const { code, ...made } = codes.create(c.var.caller, valid_s * 1_000)
    return c.json({ ...codeShape(made), code }, 201)
  })

  router.openapi(listCodes, (c) => c.json({ codes: codes.list().map(codeShape) }, 200))

  router.openapi(deleteCode, (c) => {
    if (!codes.delete(c.req.valid('param').id))
      throw new Problem(404, 'no_such_code', 'There is no such code.')
    return c.body(null, 204)
  })
}

function codeShape(code: { id: string; created_at: number; created_by: string; expires_at: number }) {
  const { id, created_at, created_by, expires_at } = code
  return { id, created_at: time(created_at), created_by, expires_at: time(expires_at) }
}

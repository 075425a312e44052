// The computers that the owner has let in: which there are, how they are, and away with one.

import { createRoute, z } from '@hono/zod-openapi'
import { Problem, problems } from '../problem.ts'
import type { Router, Service } from '../service.ts'
import { Client, ClientId, clientShape, json } from './shapes.ts'

const params = z.object({ client: ClientId })
const unknown = problems({ 404: 'No such client' })

const listClients = createRoute({
  method: 'get',
  path: '/api/clients',
  operationId: 'listClients',
  summary: 'The computers of the household',
  responses: {
    200: { description: 'All that are approved', content: json(z.object({ clients: z.array(Client) })) },
  },
})

const getClient = createRoute({
  method: 'get',
  path: '/api/clients/{client}',
  operationId: 'getClient',
  summary: 'One of them',
  request: { params },
  responses: { 200: { description: 'The client', content: json(Client) }, ...unknown },
})

const deleteClient = createRoute({
  method: 'delete',
  path: '/api/clients/{client}',
  operationId: 'deleteClient',
  summary: 'Have no more to do with one',
  description:
    'What runs there is called off. When its agent comes again, it is a stranger, and held until it is approved.',
  request: { params },
  responses: { 204: { description: 'It is forgotten' }, ...unknown },
})

export function clientRoutes(router: Router, { clients, commands, links }: Service): void {
  const approved = (id: string) => {
    const client = clients.get(id)
    if (client?.standing !== 'approved')
      throw new Problem(404, 'no_such_client', `There is no client "${id}".`)
    return client
  }

  router.openapi(listClients, (c) => {
    const known = clients.list('approved').map((client) => clientShape(client, links.get(client.id)))
    return c.json({ clients: known }, 200)
  })

  router.openapi(getClient, (c) => {
    const client = approved(c.req.valid('param').client)
    return c.json(clientShape(client, links.get(client.id)), 200)
  })

  router.openapi(deleteClient, (c) => {
    const { id } = approved(c.req.valid('param').client)
    commands.abandon(id, c.var.caller)
    clients.delete(id)
    links.get(id)?.turnAway('The owner removed this computer.')
    return c.body(null, 204)
  })
}

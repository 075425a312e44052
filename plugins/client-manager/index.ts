// The computers of the household, for the rest of the house: stands for the external service that their agents connect to.

import { definePlugin } from '@home-console/sdk'
import { type ClientsService, events } from './contract.ts'
import { Follower } from './follower.ts'
import { Manager } from './manager.ts'
import { Memory } from './memory.ts'
import { makeRoutes } from './routes.ts'
import * as schema from './tables.ts'

const SERVICE = 'client-manager-service'

export default definePlugin({
  version: '1.0.0',
  name: 'Client manager',
  description: 'The computers of the household: which there are, and commands that they run',
  external: SERVICE,
  modes: ['embedded', 'microservice'],
  scopes: {
    'clients.read': 'See the computers of the household',
    'clients.run': 'Run what the policy lets on the computers of the household',
  },
  // The service itself says them to the house; nothing here says them again.
  events,
  provides: ['clients'],
  db: { schema },

  onLoad(ctx) {
    const memory = new Memory(ctx.db)
    const manager = new Manager(ctx.external)
    const follower = new Follower(ctx, manager, memory)

    const clients: ClientsService = {
      list: () => memory.clients(),
      get: (id) => memory.client(id),
      execute: (client, request, options) => manager.execute(client, request, options),
    }
    ctx.services.provide('clients', clients)

    ctx.events.on('client.*', () => follower.look())
    ctx.events.on('command.finished', ({ data }) => follower.ended(data.command))
    ctx.events.on('core.external', ({ data }) => {
      if (data.name !== SERVICE) return
      if (data.state === 'up') return follower.look()
      follower.lost()
    })
    ctx.after(0, () => (ctx.external.state === 'up' ? follower.look() : follower.lost()))

    return makeRoutes(ctx, memory)
  },
})

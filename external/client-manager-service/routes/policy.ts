// What may be run, as the owner reads and sets it.

import { createRoute } from '@hono/zod-openapi'
import { Policy } from '../policy.ts'
import type { Router, Service } from '../service.ts'
import { json } from './shapes.ts'

const content = json(Policy)
const responses = { 200: { description: 'What may be run', content } }

const getPolicy = createRoute({
  method: 'get',
  path: '/api/policy',
  operationId: 'getPolicy',
  summary: 'What may be run',
  responses,
})

const setPolicy = createRoute({
  method: 'put',
  path: '/api/policy',
  operationId: 'setPolicy',
  summary: 'Say what may be run',
  description: 'It takes the place of the one before, whole.',
  request: { body: { required: true, content } },
  responses,
})

export function policyRoutes(router: Router, { policy, log }: Service): void {
  router.openapi(getPolicy, (c) => c.json(policy.current, 200))

  router.openapi(setPolicy, (c) => {
    policy.replace(c.req.valid('json'))
    const { free, commands } = policy.current
    log(
      `${c.var.caller} set the policy: ${Object.keys(commands).length} commands, ${free ? 'and anything else' : 'and no others'}.`,
    )
    return c.json(policy.current, 200)
  })
}

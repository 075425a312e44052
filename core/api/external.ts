// External services, for the owner to look at and to start again.

import { createRoute, z } from '@home-console/sdk'
import type { ExternalService } from '../external/external-service.ts'
import { coreProblem } from '../http/answers/problems.ts'
import type { DeclaringRouter } from '../http/routing/plugin-router.ts'
import { messageOf } from '../loader/fault.ts'
import { answers } from './answers.ts'
import type { CoreApi } from './core-api.ts'
import { External } from './schemas.ts'

const listExternal = createRoute({
  method: 'get',
  path: '/api/core/external',
  operationId: 'listExternal',
  summary: 'The external services: where each runs, and how it is',
  responses: answers(
    'The external services, by name.',
    z.object({
      external: z.array(External),
      refused: z
        .array(z.object({ name: z.string(), fault: z.string() }))
        .openapi({ description: 'Folders whose service.json was never good, and why.' }),
    }),
    401,
  ),
})

const restartExternal = createRoute({
  method: 'post',
  path: '/api/core/external/{name}/restart',
  operationId: 'restartExternal',
  summary: 'Start it again',
  description:
    'What is new is up before what ran goes. Where it does not come up, what ran goes on: 422. One that was given up gets another chance.',
  request: { params: z.object({ name: z.string().openapi({ param: { name: 'name', in: 'path' } }) }) },
  responses: answers('It is up.', External, 401, 404, 409, 422),
})

export function externalRoutes(router: DeclaringRouter, { external, proxy }: CoreApi): void {
  const viewOf = (service: ExternalService) => ({ ...service.view(), ...proxy.stateOf(service) })

  router.openapi(listExternal, (c) =>
    c.json({ external: external.list.map(viewOf), refused: external.refused }, 200),
  )

  router.openapi(restartExternal, async (c) => {
    const { name } = c.req.valid('param')
    const service = external.find(name)
    if (service === undefined)
      throw coreProblem(
        'no_such_external',
        `There is no external service "${name}". ${external.whyNot(name) ?? ''}`.trimEnd(),
      )
    if (service.mode === 'in_process') throw coreProblem('external_stopped', service.trouble ?? undefined)
    try {
      await service.restart()
    } catch (error) {
      throw coreProblem('external_refused', `"${name}" does not come up. ${messageOf(error)}`)
    }
    return c.json(viewOf(service), 200)
  })
}

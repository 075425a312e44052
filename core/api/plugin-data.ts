// What a plugin keeps outlives it: here the owner has it thrown away.

import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createRoute } from '@home-console/sdk'
import { coreProblem } from '../http/answers/problems.ts'
import type { DeclaringRouter } from '../http/routing/plugin-router.ts'
import { isPluginId } from '../loader/files/discovery.ts'
import { problems } from './answers.ts'
import type { CoreApi } from './core-api.ts'
import { PluginId } from './schemas.ts'

const deletePluginData = createRoute({
  method: 'delete',
  path: '/api/core/plugins/{id}/data',
  operationId: 'deletePluginData',
  summary: 'Throw away what a plugin keeps',
  description:
    'Its database, its files and its earlier versions, for good. They outlive the plugin until then; it must be disabled, or gone. A pin ends.',
  request: { params: PluginId },
  responses: { 204: { description: 'There is nothing of it any more.' }, ...problems(401, 404, 409) },
})

export function pluginDataRoutes(router: DeclaringRouter, { loader, databases, filesDir }: CoreApi): void {
  router.openapi(deletePluginData, async (c) => {
    const { id } = c.req.valid('param')
    const unit = loader.find(id)
    // An id that is none may be a path.
    const folder = isPluginId(id) ? join(filesDir, id) : null
    if (folder === null || (unit === undefined && !databases.has(id) && !existsSync(folder)))
      throw coreProblem('no_such_plugin', `There is no plugin "${id}", and no data of one.`)
    if (unit?.serving || databases.isOpen(id))
      throw coreProblem('data_in_use', `"${id}" is using its data; disable it first.`)
    databases.remove(id)
    rmSync(folder, { recursive: true, force: true })
    await loader.forgetVersions(id)
    return c.body(null, 204)
  })
}

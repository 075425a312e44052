// The owner's word on plugins: list, look, enable, disable, reload.

import { createRoute, z } from '@home-console/sdk'
import type { DeclaringRouter } from '../http/plugin-router.ts'
import { coreProblem } from '../http/problems.ts'
import type { PluginUnit } from '../loader/plugin-unit.ts'
import type { CoreApi } from './core-api.ts'
import { answers, jsonBody, Page, Plugin, PluginId, Reload } from './schemas.ts'

const listPlugins = createRoute({
  method: 'get',
  path: '/api/core/plugins',
  operationId: 'listPlugins',
  summary: 'Every plugin that the house knows',
  responses: answers('The plugins, by id.', z.object({ plugins: z.array(Plugin) }), 401),
})

const getPlugin = createRoute({
  method: 'get',
  path: '/api/core/plugins/{id}',
  operationId: 'getPlugin',
  summary: 'One plugin',
  request: { params: PluginId },
  responses: answers('The plugin.', Plugin, 401, 404),
})

const PluginChange = z
  .strictObject({
    enabled: z.boolean().optional(),
    mode: z.enum(['in_process', 'embedded', 'microservice']).optional(),
    logLevel: z
      .enum(['debug', 'info', 'warn', 'error'])
      .nullable()
      .optional()
      .openapi({ description: 'The least level that its lines must have; null follows the Core.' }),
  })
  .openapi('PluginChange')

const changePlugin = createRoute({
  method: 'patch',
  path: '/api/core/plugins/{id}',
  operationId: 'changePlugin',
  summary: 'Enable, disable, or choose a log level',
  description: 'Answers when it is carried out. The wish survives a restart.',
  request: { params: PluginId, body: jsonBody(PluginChange) },
  responses: answers('The plugin as it is now.', Plugin, 400, 401, 404, 409, 415),
})

const reloadPlugin = createRoute({
  method: 'post',
  path: '/api/core/plugins/{id}/reload',
  operationId: 'reloadPlugin',
  summary: 'Load its files anew, changed or not',
  description: 'Answers when it is decided. Where the new version was refused, the old one goes on serving.',
  request: { params: PluginId },
  responses: answers('The new version serves.', Reload, 401, 404, 409, 422),
})

const listReloads = createRoute({
  method: 'get',
  path: '/api/core/plugins/{id}/reloads',
  operationId: 'listReloads',
  summary: 'What became of each attempt to load it',
  request: { params: PluginId, query: z.object({ ...Page(100, 20), before: z.string().optional() }) },
  responses: answers(
    'Newest first.',
    z.object({
      reloads: z.array(Reload),
      next: z
        .string()
        .nullable()
        .openapi({ description: 'Ask for the rest with `before=` this; null at the end.' }),
    }),
    400,
    401,
    404,
  ),
})

export function pluginRoutes(router: DeclaringRouter, { loader }: CoreApi): void {
  const unitOf = (id: string): PluginUnit => {
    const unit = loader.find(id)
    if (unit === undefined) throw coreProblem('no_such_plugin', `There is no plugin "${id}".`)
    return unit
  }
  const viewOf = (unit: PluginUnit) => loader.view(unit.id)!

  router.openapi(listPlugins, (c) => c.json({ plugins: loader.list() }, 200))

  router.openapi(getPlugin, (c) => c.json(viewOf(unitOf(c.req.valid('param').id)), 200))

  router.openapi(changePlugin, async (c) => {
    const unit = unitOf(c.req.valid('param').id)
    const { enabled, mode, logLevel } = c.req.valid('json')
    if (mode !== undefined && mode !== 'in_process') {
      throw coreProblem('mode_not_supported', `"${unit.id}" runs in_process and in no other mode.`)
    }
    if (logLevel !== undefined) loader.setLogLevel(unit, logLevel)
    if (enabled !== undefined) await loader.setEnabled(unit, enabled)
    return c.json(viewOf(unit), 200)
  })

  router.openapi(reloadPlugin, async (c) => {
    const unit = unitOf(c.req.valid('param').id)
    const reload = await loader.reload(unit)
    if (reload === null) throw coreProblem('plugin_disabled', `"${unit.id}" is disabled; enable it first.`)
    if (reload.outcome !== 'committed') throw coreProblem('reload_refused', reload.error?.message, { reload })
    return c.json(reload, 200)
  })

  router.openapi(listReloads, (c) => {
    const { limit, before } = c.req.valid('query')
    const reloads = unitOf(c.req.valid('param').id).reloads.list(limit + 1, before)
    const more = reloads.length > limit
    if (more) reloads.pop()
    return c.json({ reloads, next: more ? reloads.at(-1)!.id : null }, 200)
  })
}

// The owner's word on plugins: list, look, enable, disable, reload, go back.

import { createRoute, z, type Reload as Loaded } from '@home-console/sdk'
import { coreProblem } from '../http/answers/problems.ts'
import type { DeclaringRouter } from '../http/routing/plugin-router.ts'
import { WATCHED_MS } from '../loader/life/burst.ts'
import type { PluginUnit } from '../loader/life/plugin-unit.ts'
import { answers, jsonBody } from './answers.ts'
import { unitOf, type CoreApi } from './core-api.ts'
import { MODES, Page, Plugin, PluginId, Reload } from './schemas.ts'

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
    mode: z.enum(MODES).optional(),
    logLevel: z
      .enum(['debug', 'info', 'warn', 'error'])
      .nullable()
      .optional()
      .openapi({ description: 'The least level that its lines must have; null follows the Core.' }),
    rollbackAfter: z
      .number()
      .int()
      .min(0)
      .max(1_000_000)
      .nullable()
      .optional()
      .openapi({
        description: `Go back by itself after so many mistakes within ${WATCHED_MS / 1_000} s of a swap; 0 for never, null as ROLLBACK_AFTER says.`,
      }),
  })
  .openapi('PluginChange')

const changePlugin = createRoute({
  method: 'patch',
  path: '/api/core/plugins/{id}',
  operationId: 'changePlugin',
  summary: 'Enable, disable, choose a mode, a log level, or when to go back by itself',
  description:
    'Answers when it is carried out. Another mode is up before the one before goes; where it does not come up, all is as it was: 422. The wish survives a restart.',
  request: { params: PluginId, body: jsonBody(PluginChange) },
  responses: answers('The plugin as it is now.', Plugin, 400, 401, 404, 409, 415, 422, 503, 507),
})

const reloadPlugin = createRoute({
  method: 'post',
  path: '/api/core/plugins/{id}/reload',
  operationId: 'reloadPlugin',
  summary: 'Load its files anew, changed or not',
  description:
    'Answers when it is decided. Where the new version was refused, the old one goes on serving. Ends the pin of a rollback.',
  request: {
    params: PluginId,
    query: z.object({
      dryRun: z.enum(['true', 'false']).optional().openapi({
        description: 'Only load and check it beside what serves, and say what would change.',
      }),
      force: z.enum(['true', 'false']).optional().openapi({
        description: 'Even where it no longer offers what a loaded plugin uses.',
      }),
    }),
  },
  responses: answers('The new version serves, or would.', Reload, 400, 401, 404, 409, 422),
})

const rollbackPlugin = createRoute({
  method: 'post',
  path: '/api/core/plugins/{id}/rollback',
  operationId: 'rollbackPlugin',
  summary: 'Go back to the version that served before',
  description:
    'It stays until a version of saved files takes over, or a reload, and over a restart. Where the files were refused, the last good version serves already: 409.',
  request: { params: PluginId },
  responses: answers('The version before serves.', Reload, 401, 404, 409, 422),
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

function unlessRefused(reload: Loaded): Loaded {
  const isGood = reload.outcome === 'committed' || (reload.dryRun === true && reload.error === null)
  if (isGood) return reload
  throw coreProblem('reload_refused', reload.error?.message, { reload })
}

export function pluginRoutes(router: DeclaringRouter, { loader }: CoreApi): void {
  const viewOf = (unit: PluginUnit) => loader.view(unit.id)!

  router.openapi(listPlugins, (c) => c.json({ plugins: loader.list() }, 200))

  router.openapi(getPlugin, (c) => c.json(viewOf(unitOf(loader, c.req.valid('param').id)), 200))

  router.openapi(changePlugin, async (c) => {
    const unit = unitOf(loader, c.req.valid('param').id)
    const { mode, ...wish } = c.req.valid('json')
    if (mode !== undefined) await loader.modes.change(unit, mode)
    await loader.wish(
      unit,
      Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== undefined)),
    )
    return c.json(viewOf(unit), 200)
  })

  router.openapi(reloadPlugin, async (c) => {
    const unit = unitOf(loader, c.req.valid('param').id)
    const { dryRun, force } = c.req.valid('query')
    const reload = await (dryRun === 'true'
      ? loader.tryOnly(unit)
      : loader.reload(unit, { regardless: force === 'true' }))
    if (reload === null) throw coreProblem('plugin_disabled', `"${unit.id}" is disabled; enable it first.`)
    return c.json(unlessRefused(reload), 200)
  })

  router.openapi(rollbackPlugin, async (c) => {
    const unit = unitOf(loader, c.req.valid('param').id)
    const reload = await loader.rollback(unit)
    if (reload !== null) return c.json(unlessRefused(reload), 200)
    if (unit.state === 'disabled')
      throw coreProblem('plugin_disabled', `"${unit.id}" is disabled; enable it first.`)
    throw coreProblem(
      'nothing_to_roll_back',
      unit.error === null
        ? `No version of "${unit.id}" is kept from before the one that serves.`
        : unit.serving === null
          ? `The files of "${unit.id}" were refused, and no good version is kept.`
          : `The files of "${unit.id}" were refused, and the last good version serves already. Mend the files before you go back further.`,
    )
  })

  router.openapi(listReloads, (c) => {
    const { limit, before } = c.req.valid('query')
    const reloads = unitOf(loader, c.req.valid('param').id).reloads.list(limit + 1, before)
    const more = reloads.length > limit
    if (more) reloads.pop()
    return c.json({ reloads, next: more ? reloads.at(-1)!.id : null }, 200)
  })
}

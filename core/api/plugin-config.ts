// What plugins are set to, for those who show it and those who set it.

import { createRoute, z } from '@home-console/sdk'
import { bodyLimit } from 'hono/body-limit'
import { coreProblem } from '../http/answers/problems.ts'
import type { DeclaringRouter } from '../http/routing/plugin-router.ts'
import type { ConfigEdit, Shown } from '../loader/config-changes.ts'
import { FixedByEnvironment, NoSuchSetting, patched, replaced } from '../settings/edits.ts'
import { harmIn, isObject, pointerOf, type JsonObject } from '../settings/json.ts'
import { saysSealed } from '../settings/secrets.ts'
import { answers } from './answers.ts'
import { unitOf, type CoreApi } from './core-api.ts'
import { PluginConfig, PluginId } from './schemas.ts'

const MAX_BODY_BYTES = 64 * 1024

const ETag = {
  ETag: { description: 'Of this state; see `If-Match`.', schema: { type: 'string' } },
} as const

/** Its values are checked by the plugin's own schema. */
const Values = z.unknown().openapi('PluginConfigValues', { type: 'object', additionalProperties: true })

const IfMatch = z.object({
  'if-match': z.string().optional().openapi({
    description: 'The ETag that the change was made for; with another one now, the answer is 412.',
  }),
})

function showing(description: string, ...statuses: number[]) {
  const { 200: shown, ...rest } = answers(description, PluginConfig, 401, 404, ...statuses)
  return { 200: { ...shown, headers: ETag }, ...rest }
}

const json = { 'application/json': { schema: Values } } as const
const mergePatch = { 'application/merge-patch+json': { schema: Values } } as const

const middleware = bodyLimit({
  maxSize: MAX_BODY_BYTES,
  onError: () => {
    throw coreProblem('payload_too_large', `A config of more than ${MAX_BODY_BYTES} bytes is not taken.`)
  },
})

const getConfig = createRoute({
  method: 'get',
  path: '/api/core/plugins/{id}/config',
  operationId: 'getPluginConfig',
  summary: 'What a plugin is set to, and what it can be set to',
  request: { params: PluginId },
  responses: showing('Everything but the secrets.', 409),
})

const patchConfig = createRoute({
  method: 'patch',
  path: '/api/core/plugins/{id}/config',
  operationId: 'changePluginConfig',
  summary: 'Set some of it',
  middleware,
  description:
    'A JSON Merge Patch (RFC 7396): null takes a value away, and the default holds again. Answers when the plugin has taken it; what it refuses changes nothing.',
  request: {
    params: PluginId,
    headers: IfMatch,
    body: { required: true, content: { ...json, ...mergePatch } },
  },
  responses: showing('What it is set to now.', 400, 409, 412, 413, 415, 422),
})

const putConfig = createRoute({
  method: 'put',
  path: '/api/core/plugins/{id}/config',
  operationId: 'replacePluginConfig',
  summary: 'Set all of it',
  middleware,
  description:
    'What is left out has its default again, but for secrets, which are kept. Answers when the plugin has taken it; what it refuses changes nothing.',
  request: { params: PluginId, headers: IfMatch, body: { required: true, content: json } },
  responses: showing('What it is set to now.', 400, 409, 412, 413, 415, 422),
})

export function pluginConfigRoutes(router: DeclaringRouter, { loader }: CoreApi): void {
  const change = (id: string, ifMatch: string | undefined, edit: ConfigEdit): Promise<Shown> =>
    loader.configs.change(
      unitOf(loader, id),
      explained(edit),
      (etag) => ifMatch === undefined || matches(ifMatch, etag),
    )

  router.openapi(getConfig, (c) => {
    const { view, etag } = loader.configs.show(unitOf(loader, c.req.valid('param').id))
    return c.json(view, 200, { ETag: etag })
  })

  router.openapi(patchConfig, async (c) => {
    const patch = harmless(c.req.valid('json'))
    const { view, etag } = await change(
      c.req.valid('param').id,
      c.req.header('If-Match'),
      (now, shape, fixed) => patched(now, patch, shape, fixed),
    )
    return c.json(view, 200, { ETag: etag })
  })

  router.openapi(putConfig, async (c) => {
    const values = harmless(c.req.valid('json'))
    const { view, etag } = await change(
      c.req.valid('param').id,
      c.req.header('If-Match'),
      (now, shape, fixed) => replaced(now, values, shape, fixed),
    )
    return c.json(view, 200, { ETag: etag })
  })
}

/** https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1; a weak one never matches. */
function matches(ifMatch: string, etag: string): boolean {
  const listed = ifMatch.split(',').map((one) => one.trim())
  return listed.includes('*') || listed.includes(etag)
}

/** @throws Problem `invalid_request` */
function harmless(values: unknown): JsonObject {
  if (!isObject(values)) throw invalid('', 'It must be an object.')
  const harm = harmIn(values)
  if (harm !== null) throw invalid(pointerOf(harm.path), harm.message)
  if (saysSealed(values)) throw invalid('', 'Only the Core says what is encrypted: send the secret itself.')
  return values
}

function explained(edit: ConfigEdit): ConfigEdit {
  return (now, shape, fixed) => {
    try {
      return edit(now, shape, fixed)
    } catch (error) {
      if (error instanceof NoSuchSetting) {
        const errors = error.paths.map((path) => ({ pointer: pointerOf(path), detail: error.message }))
        throw coreProblem('invalid_request', undefined, { errors })
      }
      if (error instanceof FixedByEnvironment) {
        const errors = error.fixed.map(({ path, variable }) => ({
          pointer: pointerOf(path),
          detail: `${variable} sets it.`,
        }))
        throw coreProblem('config_fixed_by_environment', error.message, { errors })
      }
      throw error
    }
  }
}

function invalid(pointer: string, detail: string) {
  return coreProblem('invalid_request', undefined, { errors: [{ pointer, detail }] })
}

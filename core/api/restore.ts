// The owner's word on bringing a backup back, and what became of it.

import { createRoute, z } from '@home-console/sdk'
import { Busy } from '../backup/backups.ts'
import { BackupRefused } from '../backup/manifest.ts'
import { NoRoom } from '../backup/room.ts'
import { coreProblem } from '../http/answers/problems.ts'
import type { DeclaringRouter } from '../http/routing/plugin-router.ts'
import { WrongPassphrase } from '../secrets/passphrase.ts'
import { answers } from './answers.ts'
import type { CoreApi } from './core-api.ts'
import { RestoreOutcome, RestorePlan } from './schemas.ts'

const restoreBackup = createRoute({
  method: 'post',
  path: '/api/core/restore',
  operationId: 'restoreBackup',
  summary: 'Bring a backup back',
  description:
    'Checks all of it first. Then the Core starts anew with it, and goes back to what it had by itself when it does not come up, or when a plugin that is active now fails. The token stays; code of plugins is only added where there is none of the name.',
  request: {
    query: z.object({
      backup: z.string().optional().openapi({ description: 'One of the list; else the body is the file.' }),
      dryRun: z
        .enum(['true', 'false'])
        .optional()
        .openapi({ description: 'Only check it, and say what would change.' }),
    }),
    headers: z.object({
      'backup-passphrase': z
        .string()
        .optional()
        .openapi({ description: 'Brings back the key for secrets, too. Percent-encoded.' }),
    }),
    body: { content: { 'application/zstd': { schema: z.string().openapi({ format: 'binary' }) } } },
  },
  responses: answers('It is good, and what it changes.', RestorePlan, 400, 401, 404, 409, 415, 422, 507),
})

const getRestore = createRoute({
  method: 'get',
  path: '/api/core/restore',
  operationId: 'getRestore',
  summary: 'What became of the last backup that was brought back',
  responses: answers('The outcome.', RestoreOutcome, 401),
})

/** What a backup is sent as. */
const TYPES: ReadonlySet<string> = new Set(['application/zstd', 'application/octet-stream'])

export function restoreRoutes(router: DeclaringRouter, { backups, restart }: CoreApi): void {
  router.openapi(getRestore, (c) => c.json(backups.restored, 200))

  router.openapi(restoreBackup, async (c) => {
    const { backup: name, dryRun } = c.req.valid('query')
    if (name !== undefined && (await backups.find(name)) === null)
      throw coreProblem('no_such_backup', `There is no backup "${name}".`)
    const body = c.req.raw.body
    if (name === undefined && body === null)
      throw coreProblem('backup_refused', 'There is neither a name nor a file.')
    if (name === undefined && !TYPES.has(c.req.header('Content-Type') ?? ''))
      throw coreProblem('unsupported_media_type', `A backup is ${[...TYPES].join(' or ')}.`)
    const wish = {
      dryRun: dryRun === 'true',
      passphrase: decoded(c.req.valid('header')['backup-passphrase']),
    }
    const plan = await backups.restore(name === undefined ? { body: body! } : { name }, wish).catch(inWords)
    // The stop waits for the answer to be out.
    if (!wish.dryRun) setTimeout(restart, 0, 'a backup is brought back')
    return c.json(plan, 200)
  })
}

function decoded(text: string | undefined): string | null {
  try {
    return text === undefined ? null : decodeURIComponent(text)
  } catch {
    throw coreProblem('backup_refused', 'The passphrase is not percent-encoded.')
  }
}

function inWords(error: unknown): never {
  if (error instanceof Busy) throw coreProblem('backup_busy', error.message)
  if (error instanceof NoRoom) throw coreProblem('disk_full', error.message)
  if (error instanceof BackupRefused || error instanceof WrongPassphrase)
    throw coreProblem('backup_refused', error.message)
  throw error
}

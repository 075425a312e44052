// The owner's word on backups: list, make, fetch, and when the house makes them by itself.

import { createRoute, z } from '@home-console/sdk'
import { Busy } from '../backup/backups.ts'
import { NoRoom } from '../backup/room.ts'
import { coreProblem } from '../http/answers/problems.ts'
import type { DeclaringRouter } from '../http/routing/plugin-router.ts'
import { answers, jsonBody, problems } from './answers.ts'
import type { CoreApi } from './core-api.ts'
import { Backup, BackupSettings, NewBackup } from './schemas.ts'

const listBackups = createRoute({
  method: 'get',
  path: '/api/core/backups',
  operationId: 'listBackups',
  summary: 'The backups that the house keeps',
  responses: answers('Newest first.', z.object({ backups: z.array(Backup) }), 401),
})

const makeBackup = createRoute({
  method: 'post',
  path: '/api/core/backups',
  operationId: 'makeBackup',
  summary: 'Make a backup now',
  description:
    'Answers when it is on the disk and was read again. Old ones go as the settings say. In it: the databases, the config and the files of plugins. Never in it: the admin token, and the key without which nobody reads the secrets.',
  request: {
    body: jsonBody(
      z
        .strictObject({
          code: z.boolean().default(false).openapi({ description: 'The code of the plugins, too.' }),
          passphrase: z.string().min(12).max(1_024).nullable().default(null).openapi({
            description: 'Put the key for secrets into it, under this. Who loses it loses the secrets.',
          }),
        })
        .openapi('BackupWish'),
    ),
  },
  responses: answers('It is made.', NewBackup, 400, 401, 409, 415, 500, 507),
})

const getSettings = createRoute({
  method: 'get',
  path: '/api/core/backups/settings',
  operationId: 'getBackupSettings',
  summary: 'When the house makes backups by itself, and which it keeps',
  responses: answers('The settings.', BackupSettings, 401),
})

const changeSettings = createRoute({
  method: 'patch',
  path: '/api/core/backups/settings',
  operationId: 'changeBackupSettings',
  summary: 'Change some of it',
  request: {
    body: jsonBody(
      BackupSettings.extend({ keep: BackupSettings.shape.keep.partial() })
        .partial()
        .strict()
        .openapi('BackupSettingsChange'),
    ),
  },
  responses: answers('What they are now.', BackupSettings, 400, 401, 415),
})

const getBackup = createRoute({
  method: 'get',
  path: '/api/core/backups/{name}',
  operationId: 'getBackup',
  summary: 'Fetch one',
  request: { params: z.object({ name: z.string().openapi({ param: { name: 'name', in: 'path' } }) }) },
  responses: {
    200: {
      description: 'The file: a tar, compressed by zstd.',
      content: { 'application/zstd': { schema: z.string().openapi({ format: 'binary' }) } },
    },
    ...problems(401, 404),
  },
})

export function backupRoutes(router: DeclaringRouter, { backups, log }: CoreApi): void {
  router.openapi(listBackups, async (c) => c.json({ backups: await backups.list() }, 200))

  router.openapi(makeBackup, async (c) => {
    const { code, passphrase } = c.req.valid('json')
    try {
      return c.json(await backups.make({ code, passphrase }), 200)
    } catch (error) {
      if (error instanceof Busy) throw coreProblem('backup_busy', error.message)
      if (error instanceof NoRoom) throw coreProblem('disk_full', error.message)
      log.of(null).error(`No backup was made: ${(error as Error).message}`, { error })
      throw coreProblem('backup_failed', (error as Error).message)
    }
  })

  router.openapi(getSettings, (c) => c.json(backups.settings, 200))

  router.openapi(changeSettings, (c) => c.json(backups.change(c.req.valid('json')), 200))

  router.openapi(getBackup, async (c) => {
    const { name } = c.req.valid('param')
    const file = await backups.find(name)
    if (file === null) throw coreProblem('no_such_backup', `There is no backup "${name}".`)
    return new Response(Bun.file(file), {
      headers: {
        'Content-Type': 'application/zstd',
        'Content-Disposition': `attachment; filename="${name}"`,
      },
    })
  })
}

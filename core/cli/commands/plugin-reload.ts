// hc plugin reload, hc plugin rollback: load a plugin again, or the version before, and say what came of it.

import { defineCommand } from 'citty'
import { ask } from '../client.ts'
import { answer } from '../output.ts'
import type { Reload } from '../shapes.ts'
import { json, strict } from '../strict.ts'
import { reloadInWords } from '../words.ts'

const id = { type: 'positional', required: true, description: 'The plugin' } as const

export const reload = defineCommand({
  meta: {
    name: 'hc plugin reload',
    description: 'Load a plugin again, and end its pin; 1 when the new version was refused',
  },
  args: {
    id,
    'dry-run': { type: 'boolean', description: 'Only try it, and say what would change' },
    force: { type: 'boolean', description: 'Even where another plugin uses what is gone' },
    json,
  },
  setup: strict(),
  run: ({ args }) => {
    const query = new URLSearchParams({
      ...(args['dry-run'] && { dryRun: 'true' }),
      ...(args.force && { force: 'true' }),
    })
    return post(args.id, `reload?${query.toString()}`, args.json)
  },
})

export const rollback = defineCommand({
  meta: {
    name: 'hc plugin rollback',
    description: 'Go back to the last good version, until the next save or reload; 1 when there is none',
  },
  args: { id, json },
  setup: strict(),
  run: ({ args }) => post(args.id, 'rollback', args.json),
})

async function post(id: string, verb: string, asJson: boolean | undefined): Promise<void> {
  // How long a load may take is for the Core to say.
  const path = `/api/core/plugins/${encodeURIComponent(id)}/${verb}`
  const { text, body } = await ask<Reload>(path, { method: 'POST', timeout: 0 })
  answer(asJson, text, () => reloadInWords(body))
}

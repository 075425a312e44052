// hc restore: have the house bring a backup back, and see what became of it.

import { statSync } from 'node:fs'
import { defineCommand } from 'citty'
import { ask } from '../client.ts'
import { BadUsage, Refused, Unreachable } from '../failure.ts'
import { answer, complain, oneLine } from '../output.ts'
import type { RestoreOutcome, RestorePlan } from '../shapes.ts'
import { json, strict } from '../strict.ts'
import { passphraseIn } from './backup.ts'

/** The most that the Core takes as a body. */
const MOST_BYTES = 64 * 1024 * 1024
/** For the house to come up with it, or to go back. */
const PATIENCE_MS = 120_000

export const restore = defineCommand({
  meta: { name: 'hc restore', description: 'Bring a backup back: the Core starts anew with it' },
  args: {
    backup: {
      type: 'positional',
      required: true,
      description: 'A file here, or the name of a backup that the house keeps',
    },
    'dry-run': { type: 'boolean', description: 'Only check it, and say what would change' },
    'passphrase-file': {
      type: 'string',
      description: 'Bring the key for secrets back, too; its passphrase stands in this file',
    },
    json,
  },
  setup: strict(),
  async run({ args }) {
    const isFile = statSync(args.backup, { throwIfNoEntry: false })?.isFile() ?? false
    const file = isFile ? Bun.file(args.backup) : undefined
    if (file !== undefined && file.size > MOST_BYTES) {
      throw new BadUsage(
        `${args.backup} is too large to be sent. Put it into the BACKUP_DIR of the house, and name it: hc restore NAME`,
      )
    }
    const query = new URLSearchParams({
      ...(file === undefined && { backup: args.backup }),
      ...(args['dry-run'] && { dryRun: 'true' }),
    })
    const passphrase = await passphraseIn(args['passphrase-file'])
    const { text, body: plan } = await ask<RestorePlan>(`/api/core/restore?${query.toString()}`, {
      method: 'POST',
      headers: {
        ...(file !== undefined && { 'content-type': 'application/zstd' }),
        ...(passphrase !== undefined && { 'backup-passphrase': encodeURIComponent(passphrase) }),
      },
      ...(file !== undefined && { body: file }),
      timeout: 0,
    })
    if (args['dry-run']) return answer(args.json, text, () => changesInWords(plan))
    if (!args.json) complain('The backup is good. The Core starts anew with it.')
    const { text: outcome, body } = await outcomeOf(plan.id)
    answer(args.json, outcome, () => (body.last?.outcome === 'restored' ? 'restored' : 'went back'))
    if (body.last?.outcome !== 'restored')
      throw new Refused(`The house went back to what it had. ${body.last?.reason ?? ''}`)
  },
})

function changesInWords({ version, madeAt, files, changes }: RestorePlan): string {
  return [
    ...changes.map(({ path, change }) => oneLine(`${change.padEnd(8)} ${path}`)),
    oneLine(`${files} files, made at ${madeAt} by Home Console ${version}. Nothing was changed.`),
  ].join('\n')
}

async function outcomeOf(id: string) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await Bun.sleep(100)) {
    const found = await ask<RestoreOutcome>('/api/core/restore').catch((error: unknown) => {
      // Between two starts nobody is there.
      if (error instanceof Unreachable) return null
      throw error
    })
    if (found?.body.last?.id === id) return found
  }
  throw new Unreachable('The Core did not say what became of it. Its log does.')
}

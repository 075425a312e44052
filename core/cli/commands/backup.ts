// hc backup: have the house make a backup, and fetch it.

import { renameSync, rmSync, statSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { defineCommand } from 'citty'
import { ask, send } from '../client.ts'
import { answer, complain, oneLine, yellow } from '../output.ts'
import type { Backup } from '../shapes.ts'
import { json, strict } from '../strict.ts'

export const backup = defineCommand({
  meta: { name: 'hc backup', description: 'Make a backup of the house now' },
  args: {
    to: { type: 'string', description: 'A file or a folder here, for a copy of it' },
    code: { type: 'boolean', description: 'The code of the plugins, too' },
    'passphrase-file': {
      type: 'string',
      description: 'Put the key for secrets into it, under the passphrase that stands in this file',
    },
    json,
  },
  setup: strict(),
  async run({ args }) {
    const passphrase = await passphraseIn(args['passphrase-file'])
    const { text, body } = await ask<Backup>('/api/core/backups', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code: args.code === true, ...(passphrase !== undefined && { passphrase }) }),
      timeout: 0,
    })
    const copy = args.to === undefined ? undefined : await fetchInto(args.to, body.name)
    for (const { path, reason } of body.leftOut) complain(yellow(oneLine(`It is without ${path}: ${reason}`)))
    answer(args.json, text, () =>
      oneLine(
        `${body.name}, ${body.files} files, ${body.bytes} bytes${copy === undefined ? '' : `; a copy is in ${copy}`}`,
      ),
    )
  },
})

/** The first line of the file: an editor may end it, or not. */
export async function passphraseIn(file: string | undefined): Promise<string | undefined> {
  return file === undefined ? undefined : (await readFile(file, 'utf8')).split(/\r?\n/)[0]
}

/** Under its name when it is whole, and not at all when it is not. */
async function fetchInto(to: string, name: string): Promise<string> {
  const isFolder = statSync(to, { throwIfNoEntry: false })?.isDirectory() ?? false
  const file = isFolder ? join(to, name) : to
  const part = join(dirname(file), `.${basename(file)}.part`)
  const response = await send(`/api/core/backups/${encodeURIComponent(name)}`, { timeout: 0 })
  try {
    await using handle = await open(part, 'w', 0o600)
    for await (const chunk of response.body!) await handle.writeFile(chunk)
    await handle.sync()
    renameSync(part, file)
    return file
  } finally {
    rmSync(part, { force: true })
  }
}

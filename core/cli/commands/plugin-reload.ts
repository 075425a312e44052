// hc plugin reload: load a plugin again, and say what came of it.

import { defineCommand } from 'citty'
import { ask } from '../client.ts'
import { answer } from '../output.ts'
import type { Reload } from '../shapes.ts'
import { json, strict } from '../strict.ts'
import { reloadInWords } from '../words.ts'

export const reload = defineCommand({
  meta: { name: 'hc plugin reload', description: 'Load a plugin again; 1 when the new version was refused' },
  args: { id: { type: 'positional', required: true, description: 'The plugin' }, json },
  setup: strict(),
  async run({ args }) {
    // How long a load may take is for the Core to say.
    const path = `/api/core/plugins/${encodeURIComponent(args.id)}/reload`
    const { text, body } = await ask<Reload>(path, { method: 'POST', timeout: 0 })
    answer(args.json, text, () => reloadInWords(body))
  },
})

// hc plugin mode: where a plugin's work runs, and where else it can.

import { defineCommand } from 'citty'
import { ask } from '../client.ts'
import { answer, bold, oneLine } from '../output.ts'
import type { Plugin } from '../shapes.ts'
import { json, strict } from '../strict.ts'

export const mode = defineCommand({
  meta: { name: 'hc plugin mode', description: 'Show in which mode a plugin runs, or choose another' },
  args: {
    id: { type: 'positional', required: true, description: 'The plugin' },
    mode: {
      type: 'positional',
      required: false,
      description: 'in_process, embedded or microservice, as far as the plugin can',
    },
    json,
  },
  setup: strict(),
  async run({ args }) {
    const path = `/api/core/plugins/${encodeURIComponent(args.id)}`
    const { text, body } = await (args.mode === undefined
      ? ask<Plugin>(path)
      : ask<Plugin>(path, {
          method: 'PATCH',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ mode: args.mode }),
          timeout: 0,
        }))
    answer(args.json, text, () => {
      const others = body.modes.filter((other) => other !== body.mode)
      const choice = others.length === 0 ? '' : `; it can run ${others.join(' or ')}`
      return oneLine(`${bold(body.id)} runs ${body.mode}${choice}`)
    })
  },
})

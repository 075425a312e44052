// hc plugin enable, hc plugin disable: what the owner wants to run.

import { defineCommand } from 'citty'
import { ask } from '../client.ts'
import { answer, bold, oneLine } from '../output.ts'
import type { Plugin } from '../shapes.ts'
import { json, strict } from '../strict.ts'
import { inColour, plightOf } from '../words.ts'

export const enable = switching('enable', true, 'Let a plugin run, now and after the next start')
export const disable = switching('disable', false, 'Stop a plugin, and do not start it again')

function switching(name: string, enabled: boolean, description: string) {
  return defineCommand({
    meta: { name: `hc plugin ${name}`, description },
    args: { id: { type: 'positional', required: true, description: 'The plugin' }, json },
    setup: strict(),
    async run({ args }) {
      const { text, body } = await ask<Plugin>(`/api/core/plugins/${encodeURIComponent(args.id)}`, {
        method: 'PATCH',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ enabled }),
        timeout: 0,
      })
      answer(args.json, text, () =>
        `${bold(oneLine(body.id))} ${inColour(body.state)} ${plightOf(body)}`.trimEnd(),
      )
    },
  })
}

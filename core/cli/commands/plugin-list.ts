// hc plugin list: every plugin and how it is.

import { defineCommand } from 'citty'
import { ask } from '../client.ts'
import { answer, bold, oneLine, table } from '../output.ts'
import type { Plugin } from '../shapes.ts'
import { json, strict } from '../strict.ts'
import { inColour, plightOf } from '../words.ts'

export const list = defineCommand({
  meta: { name: 'hc plugin list', description: 'Every plugin and how it is' },
  args: { json },
  setup: strict(),
  async run({ args }) {
    const { text, body } = await ask<{ plugins: Plugin[] }>('/api/core/plugins')
    answer(args.json, text, () => {
      const rows = body.plugins.map((plugin) => [
        bold(oneLine(plugin.id)),
        inColour(plugin.state),
        oneLine(plugin.kind),
        oneLine(plugin.version ?? ''),
        `${plugin.generation}`,
        plightOf(plugin),
      ])
      return rows.length === 0
        ? 'no plugins'
        : table(['plugin', 'state', 'kind', 'version', 'generation', ''], rows)
    })
  },
})

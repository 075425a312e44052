// Killed while a plugin's config is changed, with a secret and a comment in its file.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readDocument } from '../../core/settings/document.ts'
import { get, send, type Kind } from './kill.ts'

const LAMP = `
import { definePlugin, z } from '@home-console/sdk'
export default definePlugin({
  config: z.object({
    turn: z.number().default(0),
    filler: z.string().default(''),
    token: z.string().optional().meta({ writeOnly: true }),
  }),
  onConfigChange() {},
  onLoad(ctx) {
    return ctx.router().get('/', (c) => c.json(ctx.config))
  },
})
`
const PATH = '/api/core/plugins/lamp/config'
const COMMENT = '// The one in the hall.'
/** As long as the turn says, so that a text of another turn is known. */
const fillerOf = (turn: number) => 'x'.repeat((turn * 997) % 30_000)

export const config: Kind = {
  what: 'config',
  files: { 'lamp.ts': LAMP },

  async prepare(core) {
    const file = join(core.folder, 'data/config/lamp.jsonc')
    let turn = 0
    let kept = 0
    writeFileSync(file, `${COMMENT}\n{\n  "turn": 0\n}\n`)
    return {
      between: [0, 120],
      async write() {
        for (let acknowledged = 0; ; acknowledged++) {
          const next = ++turn
          const values = { turn: next, filler: fillerOf(next), token: `secret of ${next}` }
          if ((await send(core, 'PATCH', PATH, values)) === null) return acknowledged
          kept = next
        }
      },
      whileDead: () => true,
      async damage() {
        const text = readFileSync(file, 'utf8')
        const inFile = readDocument(text).values
        const held = await get(core, '/api/plugins/lamp')
        const half = [
          ...(text.startsWith(COMMENT) ? [] : ['the comment is gone']),
          ...(held.turn === inFile['turn'] ? [] : [`the plugin has turn ${held.turn}, its file another`]),
          ...(held.filler === (held.turn === 0 ? '' : fillerOf(held.turn))
            ? []
            : ['the filler is of another turn']),
          ...(held.turn === 0 || held.token === `secret of ${held.turn}`
            ? []
            : ['the secret is of another turn']),
        ]
        return { lost: held.turn < kept ? [`turn is ${held.turn}, and ${kept} was acknowledged`] : [], half }
      },
    }
  },
}

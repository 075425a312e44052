// Killed while the owner sets where the home is and what a plugin is to do: in the Core's own database.

import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { get, send, type Kind } from './kill.ts'

const LAMP = `
import { definePlugin } from '@home-console/sdk'
export default definePlugin({ onLoad() {} })
`

/** Counts up, in both. */
export const wishes: Kind = {
  what: 'what the owner sets',
  files: { 'lamp.ts': LAMP },

  async prepare(core) {
    let count = 0
    let kept = { latitude: 0, rollbackAfter: 0 }
    return {
      between: [0, 60],
      async write() {
        for (let acknowledged = 0; ; acknowledged += 2) {
          // Latitudes end at 90.
          count++
          if ((await send(core, 'PATCH', '/api/core/home', { latitude: count / 1_000 })) === null)
            return acknowledged
          kept = { ...kept, latitude: count }
          if ((await send(core, 'PATCH', '/api/core/plugins/lamp', { rollbackAfter: count })) === null)
            return acknowledged + 1
          kept = { ...kept, rollbackAfter: count }
        }
      },
      // There is always a request on its way.
      whileDead: () => true,
      async damage() {
        const { latitude } = (await get(core, '/api/core/home')) as { latitude: number | null }
        const found = { latitude: Math.round((latitude ?? 0) * 1_000), rollbackAfter: wishOf(core.folder) }
        const names = ['latitude', 'rollbackAfter'] as const
        return {
          lost: names
            .filter((name) => found[name] < kept[name])
            .map((name) => `${name} is ${found[name]}, and ${kept[name]} was acknowledged`),
          // What was on its way may have been kept, though nobody was told.
          half: names.filter((name) => found[name] > count).map((name) => `${name} is ${found[name]}`),
        }
      },
    }
  },
}

/** No route shows it: it is read beside the Core, as it will be at the next start. */
function wishOf(folder: string): number {
  using sqlite = new Database(join(folder, 'data/core.sqlite'), { readonly: true })
  using query = sqlite.prepare('SELECT max(rollback_after) FROM plugins')
  return Number(query.values()[0]![0])
}

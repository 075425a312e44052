// Killed while three clients write rows and single values of a plugin.

import { get, type Kind } from './kill.ts'
import { LEDGER, ledger, unsound, Writer, type State } from './ledger.ts'

export const rows: Kind = {
  what: 'rows of a plugin',
  files: ledger(0),

  async prepare(core) {
    const writer = new Writer(core)
    let kills = 0
    return {
      between: [0, 60],
      write: () => writer.write(['row', 'kv', 'row']),
      whileDead() {
        // What runs three times in a row when the Core dies is left out until its files change.
        core.write('ledger/index.ts', `${ledger(0)['ledger/index.ts']}// After kill ${++kills}.\n`)
        return true
      },
      async damage() {
        const state = (await get(core, LEDGER)) as State
        return { lost: writer.lost(state), half: unsound(state) }
      },
    }
  },
}

// Killed while a new version of a plugin is loaded that changes its tables, and rows are written meanwhile.

import { until } from '../until.ts'
import { get, timed, type Kind } from './kill.ts'
import { LEDGER, ledger, unsound, Writer, type State } from './ledger.ts'

const ROWS = 5_000

/** Each version adds two tables; every other one rebuilds those that there are. */
export const migrations: Kind = {
  what: 'migrations',
  files: ledger(0, ROWS),

  async prepare(core) {
    const writer = new Writer(core)
    let version = 0
    const save = () => {
      version++
      for (const [name, text] of Object.entries(ledger(version, ROWS))) core.write(name, text)
    }
    const serving = async () => ((await get(core, LEDGER)) as State).version
    const taken: number[] = []
    for (let undisturbed = 0; undisturbed < 4; undisturbed++) {
      save()
      taken.push(await timed(() => until('the version to serve', async () => (await serving()) === version)))
    }
    return {
      between: [20, Math.max(...taken)],
      async write() {
        save()
        return writer.write(['row', 'kv'])
      },
      whileDead: () => writer.version < version,
      async damage() {
        const state = (await get(core, LEDGER)) as State
        const { applied, tables } = state
        const isWhole = state.version === version && applied === version + 1 && tables === version * 2
        return {
          lost: writer.lost(state),
          half: [
            ...unsound(state),
            ...(isWhole
              ? []
              : [`${applied} migrations and ${tables} tables in version ${state.version} of ${version}`]),
          ],
        }
      },
    }
  },
}

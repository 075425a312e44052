// How long it takes to open again what a Core left when it died: on a copy, so that the next start finds it as it was.

import { cpSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { RestoreSwap } from '../../core/backup/swap.ts'
import { openCoreDatabase } from '../../core/db/core-database.ts'
import { PluginDatabases } from '../../core/db/plugin-databases.ts'
import { problem } from '@home-console/sdk'

/** @param folder with `data` in it. @returns ms */
export function reopening(folder: string): number {
  const dataDir = join(folder, 'copy')
  cpSync(join(folder, 'data'), dataDir, { recursive: true })
  const started = performance.now()
  // A restore may be half done.
  new RestoreSwap(dataDir, []).settle()
  const core = openCoreDatabase(dataDir)
  const plugins = new PluginDatabases({
    dir: join(dataDir, 'plugins'),
    clock: { now: () => Date.now(), after: () => () => {} },
    leave: (run) => run(),
    problem: (code, detail) => problem(503, code, detail),
    warn() {},
    secrets: { seal: (text) => text, unseal: (text) => text },
  })
  for (const name of new Bun.Glob('plugins/*.sqlite').scanSync({ cwd: dataDir }))
    void plugins.lend(basename(name, '.sqlite')).connection
  const took = performance.now() - started
  plugins.close()
  core.close()
  rmSync(dataDir, { recursive: true })
  return took
}

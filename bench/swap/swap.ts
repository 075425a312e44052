// swap: how long after a save the house answers with the new code.
//
// Measured: a helper of a ten-file plugin is replaced in one step (a temporary file and a rename, as editors do); the time
// from the rename to the first answer by the new code, as a client sees it that asks again and again on one kept
// connection. Beside it, taking turns on the same machine: `bun --hot` serving the same ten files, and a loader that checks
// nothing at all.
// Fair, because: all three import the same text; the rivals' host is one Hono on one Bun.serve and has no package but
// Hono to evaluate again; the pause between saves varies, so that nobody's clock falls into step with it.

import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { amount, atMost, type Benchmark } from '../benchmark.ts'
import { CoreProcess } from '../lib/core.ts'
import { KeptConnection } from '../lib/kept-connection.ts'
import { freePort, ServerProcess } from '../lib/process.ts'
import { SavedVersion } from '../lib/saved-version.ts'
import { median, p95 } from '../lib/statistics.ts'
import { Workspace } from '../lib/workspace.ts'
import { SAVED, savedHelper, tenFiles } from './ten-files.ts'

const SAVES = 100
const WARM_UP = 10

export const swap: Benchmark = {
  name: 'swap',
  title: 'A save, and the first answer by the new code',

  async run() {
    using workspace = new Workspace()
    workspace.linkPackages()
    workspace.write('plugins/ten', tenFiles())
    await using core = await CoreProcess.start({ workspace })
    await using hot = await startHost(workspace, 'hot', ['--hot', '--no-clear-screen'])
    await using bare = await startHost(workspace, 'bare', [])

    const contestants = [
      await contestant(core.url, '/api/plugins/ten/version', workspace.path('plugins/ten', SAVED)),
      await contestant(hot.url, '/version', workspace.path('hot/plugin', SAVED)),
      await contestant(bare.url, '/version', workspace.path('bare/plugin', SAVED)),
    ]
    const times: number[][] = contestants.map(() => [])
    for (let round = 0; round < WARM_UP + SAVES; round++) {
      for (const [index, contestant] of contestants.entries()) {
        times[index]!.push(await contestant.save())
        await Bun.sleep(20 + Math.random() * 20)
      }
    }
    const [mine, theirs, least] = times.map((all) => all.slice(WARM_UP)) as [number[], number[], number[]]
    const rivals = (of: (times: number[]) => number) =>
      `bun --hot ${amount(of(theirs), 'ms')}; a loader that checks nothing ${amount(of(least), 'ms')}`
    return [
      atMost('save → first new answer, median', median(mine), 8, 'ms', rivals(median)),
      atMost('save → first new answer, 95th percentile', p95(mine), 25, 'ms', rivals(p95)),
      atMost('its median in those of `bun --hot`', median(mine) / median(theirs), 1, '×'),
    ]
  },
}

async function contestant(server: URL, path: string, file: string): Promise<SavedVersion> {
  return new SavedVersion({ connection: await KeptConnection.open(server), path, file, text: savedHelper })
}

async function startHost(
  workspace: Workspace,
  name: 'hot' | 'bare',
  flags: string[],
): Promise<ServerProcess> {
  workspace.write(`${name}/plugin`, tenFiles())
  const host = workspace.path(name, 'host.ts')
  copyFileSync(join(import.meta.dir, `${name}-host.ts`), host)
  const port = freePort()
  return ServerProcess.start({
    command: [process.execPath, ...flags, host],
    port,
    readyAt: '/version',
    cwd: workspace.path(name),
    env: { PORT: String(port) },
    logFile: workspace.path(`${name}.log`),
  })
}

// A Core that is expected not to start: how it ended, and what it said.

import { join } from 'node:path'

/** @param via a command in front of it */
export async function refusedStart(
  dataDir: string,
  { env = {}, via = [] }: { env?: Record<string, string>; via?: string[] } = {},
): Promise<{ exitCode: number; said: string }> {
  const core = Bun.spawn([...via, process.execPath, join(import.meta.dir, '../../core/main.ts')], {
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'pipe',
    env: {
      ...process.env,
      PORT: '0',
      DATA_DIR: dataDir,
      PLUGINS_DIR: dataDir,
      LOG_FORMAT: 'json',
      ...env,
    },
  })
  // One that starts after all must not hold up the test.
  const timer = setTimeout(() => core.kill('SIGKILL'), 10_000)
  const said = await new Response(core.stderr).text()
  const exitCode = await core.exited
  clearTimeout(timer)
  return { exitCode, said }
}

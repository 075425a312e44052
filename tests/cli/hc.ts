// Runs hc as people do: in a process of its own.

import { join } from 'node:path'

export const HC = join(import.meta.dir, '../../core/cli/hc.ts')

/** Where nobody listens: discard, which only root may open. */
export const NOBODY = 'http://127.0.0.1:9'

export interface Options {
  readonly url?: string
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

export function start(
  args: readonly string[],
  { url = NOBODY, env = {}, cwd = import.meta.dir }: Options = {},
) {
  return Bun.spawn([process.execPath, HC, ...args], {
    cwd,
    env: { PATH: process.env.PATH, HC_URL: url, ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
}

/** Its exit code, what it printed, and what it complained of. */
export async function hc(args: readonly string[], options?: Options) {
  const process = start(args, options)
  const [code, out, err] = await Promise.all([process.exited, process.stdout.text(), process.stderr.text()])
  return { code, out, err }
}

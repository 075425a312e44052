// Lets system calls of a running Core fail, until it is disposed of.

import type { CoreProcess } from '../faults/core-process.ts'

/** @param fault as strace has it: `fsync,fdatasync:error=EIO` */
export async function injectFault(core: CoreProcess, fault: string): Promise<AsyncDisposable> {
  const [calls] = fault.split(':')
  const trace = Bun.spawn(
    [
      'strace',
      '-f',
      '-o',
      '/dev/null',
      '-p',
      String(core.pid),
      '-e',
      `trace=${calls}`,
      '-e',
      `inject=${fault}`,
    ],
    { stderr: 'pipe', stdout: 'ignore', stdin: 'ignore' },
  )
  // It says which threads it holds, and from then on they fail.
  const { value } = await trace.stderr.getReader().read()
  const said = new TextDecoder().decode(value)
  if (!said.includes(`Process ${core.pid} attached`)) throw new Error(`No fault is injected: ${said}`)
  return {
    async [Symbol.asyncDispose]() {
      trace.kill('SIGINT')
      await trace.exited
    },
  }
}

// The processes that a process started, as the system knows them.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { until } from '../until.ts'

export function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    (readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').match(/\d+/g) ?? []).map(Number),
  )
}

export const gone = (pids: readonly number[]) =>
  until(`${pids.join(', ')} to end with who started them`, () => !pids.some(isAlive))

/** One that only waits for somebody to ask how it ended is none. */
function isAlive(pid: number): boolean {
  const file = `/proc/${pid}/stat`
  return existsSync(file) && !/\) [ZX]/.test(readFileSync(file, 'utf8'))
}

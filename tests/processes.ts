// Processes as the system knows them: who started whom, who is still there, and a port that is free for one.

import { readdirSync, readFileSync } from 'node:fs'
import { until } from './until.ts'

export function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    (readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').match(/\d+/g) ?? []).map(Number),
  )
}

/** One that has ended, and only waits for somebody to ask how, is not alive. */
export function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** Waits until none of them is alive. */
export function gone(pids: number | readonly number[], ms?: number): Promise<unknown> {
  const all = [pids].flat()
  return until(`the processes ${all.join(', ')} to be gone`, () => !all.some(isAlive), ms)
}

/** Free a moment ago: whoever must be found again where it was cannot leave it to the system to choose one. */
export function freePort(): number {
  using server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  return server.port
}

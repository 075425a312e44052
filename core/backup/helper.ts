// Has a job done by a process of its own: reading, copying and hashing would hold up the whole house.

import { join } from 'node:path'
import type { Subprocess } from 'bun'
import { BackupRefused } from './manifest.ts'
import type { Answer, Job } from './process.ts'
import { NoRoom } from './room.ts'

export class Helper {
  #child: Subprocess | undefined

  /**
   * Does one job. One at a time: see `busy`.
   *
   * @throws BackupRefused, NoRoom; Error with what went wrong there
   */
  async run<Result>(job: Job): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const child = Bun.spawn([process.execPath, join(import.meta.dir, 'process.ts')], {
      // Nothing of the Core's environment is its business.
      env: {},
      cwd: '/',
      stdio: ['ignore', 'ignore', 'pipe'],
      ipc: resolve,
    })
    this.#child = child
    child.send(job)
    void child.exited.then(async (code) => {
      const said = (await child.stderr.text()).trim().split('\n').at(-1)
      reject(new Error(`The process that should do it ended with ${child.signalCode ?? code}. ${said}`))
    })
    try {
      const answer = await promise
      if ('result' in answer) return answer.result as Result
      const { name, message } = answer.error
      throw new (KINDS[name] ?? Error)(message)
    } finally {
      this.#child = undefined
    }
  }

  /** Ends what is under way: its files are temporary, and the next start removes them. */
  stop(): void {
    this.#child?.kill()
  }
}

const KINDS: Readonly<Record<string, new (message: string) => Error>> = { BackupRefused, NoRoom }

// Has a job done by a process of its own: reading, copying and hashing would hold up the whole house.

import { join } from 'node:path'
import type { Subprocess } from 'bun'
import { BackupRefused } from './manifest.ts'
import type { Answer, Job } from './process.ts'
import { NoRoom } from './room.ts'

export class Helper {
  readonly #guard: () => Promise<readonly string[]>
  #child: Subprocess | undefined
  #stopped = false

  /**
   * @param guard gives a command in front of the process that has it die with this one, where there is such: else it would
   * write on beside the Core that starts next, until it listens
   */
  constructor(guard: () => Promise<readonly string[]>) {
    this.#guard = guard
  }

  /**
   * Does one job; one at a time.
   *
   * @throws BackupRefused, NoRoom; Error with what went wrong there
   */
  async run<Result>(job: Job): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const guard = await this.#guard()
    if (this.#stopped) throw new Error('The Core is stopping.')
    const child = Bun.spawn([...guard, process.execPath, join(import.meta.dir, 'process.ts')], {
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
    this.#stopped = true
    this.#child?.kill()
  }
}

const KINDS: Readonly<Record<string, new (message: string) => Error>> = { BackupRefused, NoRoom }

// One child process, at the head of a process group of its own: started, read, and ended with all that it started.

import { settlesWithin } from '../../clock.ts'
import { OutputLines } from './output-lines.ts'

export interface ChildOptions {
  readonly command: readonly string[]
  readonly cwd: string
  readonly environment: Readonly<Record<string, string>>
  /** Gets what it writes, line by line. */
  readonly onLine: (stream: 'stdout' | 'stderr', line: string) => void
}

/** How long what it wrote last may take to be read when it has ended, in ms. */
const LAST_WORDS_MS = 500
/** Of its last line, as the reason of its end. */
const LONGEST_COMPLAINT = 500
/** Bun and Node sign off with their version; above it, and above the stack, stands what went wrong. */
const SIGN_OFF = /^(Bun|Node\.js) v\d/
const MISTAKE = /^\w[\w. ]*: \S/

export class Child {
  readonly pid: number
  /** Settles when it and all of its group are gone, with how it ended. Never rejects. */
  readonly ended: Promise<string>
  #lastComplaint = ''
  #lastMistake = ''
  #isOver = false

  /** @throws Error when it cannot be started */
  constructor({ command, cwd, environment, onLine }: ChildOptions) {
    const child = Bun.spawn([...command], {
      cwd,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    this.pid = child.pid
    const read = Promise.all([
      new OutputLines((line) => onLine('stdout', line)).read(child.stdout),
      new OutputLines((line) => {
        this.#heed(line)
        onLine('stderr', line)
      }).read(child.stderr),
    ])
    this.ended = child.exited.then(async (code) => {
      this.#isOver = true
      // Whatever it started and left behind goes with it.
      this.#signal('SIGKILL')
      await settlesWithin(read, LAST_WORDS_MS)
      const how = child.signalCode === null ? `exit code ${code}` : child.signalCode
      return `It ended with ${how}${this.#lastComplaint === '' ? '.' : `: ${this.#lastComplaint}`}`
    })
  }

  #heed(line: string): void {
    const complaint = line.trim().slice(0, LONGEST_COMPLAINT)
    if (MISTAKE.test(line)) this.#lastMistake = complaint
    if (SIGN_OFF.test(line) && this.#lastMistake !== '') this.#lastComplaint = this.#lastMistake
    else if (complaint !== '') this.#lastComplaint = complaint
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Asks it to end; what is left of its group after so many ms is ended by force. Settles when nothing is left. */
  async end(ms: number): Promise<void> {
    if (!this.#isOver) {
      this.#signal('SIGTERM')
      if (!(await settlesWithin(this.ended, ms))) this.#signal('SIGKILL')
    }
    await this.ended
  }

  /** Ends it by force. */
  kill(): void {
    this.#signal('SIGKILL')
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, signal)
    } catch (error) {
      // Nobody is left in the group, or nobody whom the Core may end.
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ESRCH' && code !== 'EPERM') throw error
    }
  }
}

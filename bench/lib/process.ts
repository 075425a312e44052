// Child processes of a benchmark: started on a free port, waited for, read out of /proc, and ended by their own handle.

import { openSync, readdirSync, readFileSync } from 'node:fs'
import type { Subprocess } from 'bun'

/** For a server to answer, in ms. */
const PATIENCE_MS = 20_000

export interface ServerOptions {
  readonly command: readonly string[]
  readonly port: number
  /** A path that answers 200 once the server is up. */
  readonly readyAt: string
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** Where its output goes: a pipe that nobody empties would stop it. */
  readonly logFile: string
  /** What ends it; SIGKILL, unless it has children of its own to end first. */
  readonly signal?: NodeJS.Signals
}

export class ServerProcess implements AsyncDisposable {
  readonly url: URL
  readonly logFile: string
  readonly #child: Subprocess
  /** From the spawn to the first 200, in ms. */
  readonly startMs: number

  private constructor(child: Subprocess, url: URL, logFile: string, startMs: number) {
    this.#child = child
    this.url = url
    this.logFile = logFile
    this.startMs = startMs
  }

  /** @throws Error with the end of its output when it does not answer */
  static async start({
    command,
    port,
    readyAt,
    cwd,
    env,
    logFile,
    signal = 'SIGKILL',
  }: ServerOptions): Promise<ServerProcess> {
    const url = new URL(`http://127.0.0.1:${port}`)
    const log = openSync(logFile, 'w')
    const started = performance.now()
    const child = Bun.spawn([...command], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', log, log],
    })
    running.set(child, signal)
    while (!(await answers(new URL(readyAt, url)))) {
      if (child.exitCode === null && performance.now() - started < PATIENCE_MS) continue
      end(child)
      throw new Error(`${command.join(' ')} did not answer:\n${readFileSync(logFile, 'utf8').slice(-2_000)}`)
    }
    return new ServerProcess(child, url, logFile, performance.now() - started)
  }

  get pid(): number {
    return this.#child.pid
  }

  /** Memory that is resident now, in MB. */
  get residentMb(): number {
    const kb = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))![1]
    return Number(kb) / 1_024
  }

  get openFiles(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    end(this.#child)
    await this.#child.exited
  }
}

/** Time that a process has been on a processor, all its threads together, in ms. */
export function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  // utime and stime, in ticks of 10 ms (proc_pid_stat(5)).
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** With the signal that ends it. */
const running = new Map<Subprocess, NodeJS.Signals>()

function end(child: Subprocess): void {
  child.kill(running.get(child) ?? 'SIGKILL')
  running.delete(child)
}

/** Ends every server that runs. */
export function endProcesses(): void {
  for (const child of [...running.keys()]) end(child)
}

// Whatever happens to the benchmark, what it started ends with it.
process.on('exit', endProcesses)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

async function answers(url: URL): Promise<boolean> {
  try {
    const response = await fetch(url, { keepalive: false, signal: AbortSignal.timeout(2_000) })
    await response.arrayBuffer()
    return response.ok
  } catch {
    await Bun.sleep(1)
    return false
  }
}

/** A port that was free a moment ago. */
export function freePort(): number {
  const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  const { port } = server
  server.stop(true)
  return port
}

/** Runs a command on one core alone, where the system can; otherwise as it is. */
export function onCore(core: number, command: readonly string[]): readonly string[] {
  return canPin ? ['taskset', '-c', String(core), ...command] : command
}

/** Whether `onCore` does anything: it takes `taskset`, and a second core for the other side. */
export const canPin = Bun.which('taskset') !== null && navigator.hardwareConcurrency >= 2

// Starts the child process of a service: its command, what it is given, where what it says goes, and its place on record.

import { mkdirSync } from 'node:fs'
import { LiveReach } from '../reach.ts'
import { Child } from './child.ts'
import type { Orphans } from './orphans.ts'
import type { WayOptions } from './way.ts'

export interface LaunchOptions extends WayOptions {
  readonly credential: string
  /** The service's folder. */
  readonly dir: string
  /** A folder of its own for what it writes. */
  readonly dataDir: string
  /** Where the Core is reached. */
  readonly homeUrl: string
  /** What it gets of the Core's own. */
  readonly environment: Readonly<Record<string, string>>
  readonly orphans: Orphans
  /** Goes before its command. */
  readonly guard: readonly string[]
}

export interface Launched {
  readonly child: Child
  /** Where it will answer. */
  readonly reach: LiveReach
}

/** @throws Error why it cannot be started */
export function launch(options: LaunchOptions): Launched {
  const { credential } = options
  const port = freePort()
  const child = spawn(options, port)
  void child.ended.then(record(child, options))
  return { child, reach: new LiveReach({ origin: `http://127.0.0.1:${port}`, address: null, credential }) }
}

function spawn(options: LaunchOptions, port: number): Child {
  const { name, dir, dataDir, homeUrl, environment, guard, log, credential } = options
  const start = options.manifest.start!
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const [named, ...args] = start.command.map((part) => part.replaceAll('{port}', String(port)))
  const program = named === 'bun' ? process.execPath : named!
  const variables: Record<string, string> = {
    ...environment,
    ...start.environment,
    HOST: '127.0.0.1',
    PORT: String(port),
    DATA_DIR: dataDir,
    HOME_CONSOLE_URL: homeUrl,
    HOME_CONSOLE_CREDENTIAL: credential,
  }
  // The guard would say so too, in its own name.
  if (Bun.which(program, { PATH: variables['PATH'] ?? '', cwd: dir }) === null)
    throw new Error(`there is no program "${program}", neither on the PATH nor seen from ${dir}.`)
  return new Child({
    command: [...guard, program, ...args],
    cwd: dir,
    environment: variables,
    onLine(stream, line) {
      if (stream === 'stdout') log().info(line, { external: name })
      else log().warn(line, { external: name })
    },
  })
}

/** @returns takes it off the record again */
function record({ pid }: Child, options: LaunchOptions): () => void {
  const { name, dataDir, orphans, log } = options
  try {
    return orphans.record(pid, dataDir)
  } catch (error) {
    // The kernel ends it with the Core all the same, where it can.
    log().warn(`Process ${pid} of "${name}" is not on record: ${(error as Error).message}`)
    return () => {}
  }
}

/** Free in this moment. Whoever takes it first has it: the child dies then, and the next has another. */
function freePort(): number {
  const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  const { port } = server
  server.stop(true)
  return port
}

// A process that loads servers in turns: so many kept connections to each, every one with one request after the other.
// Called with one argument, a `Load` as JSON; prints a `Round[][]` as JSON.

import { KeptConnection, requestBytes } from './kept-connection.ts'
import { onCore, processorMs } from './process.ts'
import { median, percentile } from './statistics.ts'

export interface Load {
  readonly servers: readonly { readonly url: string; readonly pid: number }[]
  readonly path: string
  readonly token: string
  /** To each server. */
  readonly connections: number
  readonly rounds: number
  readonly roundMs: number
}

/** What one server did in one round. */
export interface Round {
  readonly requestsPerSecond: number
  /** Answers other than 200. */
  readonly failed: number
  /** Of the times from a request to its answer, in ms. */
  readonly medianMs: number
  readonly p99Ms: number
  /** The share of the round in which the server was on a processor. */
  readonly busy: number
}

/** Runs the generator, on one core alone where that can be done. Gives the rounds of each server. */
export async function generateLoad(load: Load, core: number): Promise<Round[][]> {
  const child = Bun.spawn([...onCore(core, [process.execPath, import.meta.path, JSON.stringify(load)])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const text = await new Response(child.stdout).text()
  if ((await child.exited) !== 0) throw new Error('The load generator failed.')
  return JSON.parse(text) as Round[][]
}

async function generate({ servers, path, token, connections, rounds, roundMs }: Load): Promise<Round[][]> {
  const targets = await Promise.all(
    servers.map(async ({ url, pid }) => {
      const target = new URL(url)
      const open = Array.from({ length: connections }, () => KeptConnection.open(target))
      return { pid, bytes: requestBytes('GET', path, target.host, token), open: await Promise.all(open) }
    }),
  )
  const results: Round[][] = targets.map(() => [])
  for (let count = 0; count < rounds; count++) {
    for (const [index, target] of targets.entries()) results[index]!.push(await round(target, roundMs))
  }
  return results
}

interface Target {
  readonly pid: number
  readonly bytes: Uint8Array
  readonly open: readonly KeptConnection[]
}

async function round({ pid, bytes, open }: Target, ms: number): Promise<Round> {
  const latencies: number[] = []
  let failed = 0
  const worked = processorMs(pid)
  const started = performance.now()

  async function loop(connection: KeptConnection): Promise<void> {
    for (let sent = started; sent < started + ms;) {
      const { status } = await connection.sendBytes(bytes)
      const answered = performance.now()
      latencies.push(answered - sent)
      if (status !== 200) failed++
      sent = answered
    }
  }
  await Promise.all(open.map(loop))

  const took = performance.now() - started
  return {
    requestsPerSecond: (latencies.length / took) * 1_000,
    failed,
    medianMs: median(latencies),
    p99Ms: percentile(latencies, 0.99),
    busy: (processorMs(pid) - worked) / took,
  }
}

if (import.meta.main) {
  process.stdout.write(JSON.stringify(await generate(JSON.parse(process.argv[2]!) as Load)))
  process.exit()
}

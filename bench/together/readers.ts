// A process of clients at a steady rate, each of which asks two plugins that change together, one request after the other:
// A, then B, then A again. What A says twice, B must have said in between: anything else is a state that never was.
// Called with one argument, a `Reading` as JSON; ends when its input does, and prints a `Read` as JSON.

import { KeptConnection } from '../lib/kept-connection.ts'
import { percentile } from '../lib/statistics.ts'

const CONNECTIONS = 20

export interface Reading {
  readonly url: string
  /** Paths of plugins that change together. */
  readonly groups: readonly (readonly string[])[]
  readonly perSecond: number
}

export interface Read {
  readonly requests: number
  /** Without an answer, or with another than 200. */
  readonly failures: readonly string[]
  /** Each with what was answered. */
  readonly mixed: readonly string[]
  /** From a request to its answer, 99th percentile, in ms. */
  readonly p99Ms: number
}

export class Readers {
  readonly #child: Bun.Subprocess<'pipe', 'pipe', 'inherit'>

  constructor(reading: Reading) {
    this.#child = Bun.spawn([process.execPath, import.meta.path, JSON.stringify(reading)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
  }

  /** @throws Error when the process failed */
  async stop(): Promise<Read> {
    await this.#child.stdin.end()
    const text = await new Response(this.#child.stdout).text()
    if ((await this.#child.exited) !== 0) throw new Error('The readers failed.')
    return JSON.parse(text) as Read
  }

  [Symbol.dispose](): void {
    this.#child.kill()
  }
}

async function read({ url, groups, perSecond }: Reading, stopped: AbortSignal): Promise<Read> {
  const failures: string[] = []
  const mixed: string[] = []
  const latencies: number[] = []
  const start = performance.now()

  async function loop(index: number): Promise<void> {
    let connection = await KeptConnection.open(new URL(url))
    const ask = async (path: string): Promise<number | null> => {
      const sent = performance.now()
      try {
        const { status, body } = await connection.send('GET', path)
        latencies.push(performance.now() - sent)
        if (status === 200) return (JSON.parse(body) as { state: number }).state
        failures.push(`${path} ${status} ${body}`)
      } catch (error) {
        failures.push(`${path} ${String(error)}`)
        connection = await KeptConnection.open(new URL(url))
      }
      return null
    }
    for (let turn = index; !stopped.aborted; turn += CONNECTIONS) {
      await Bun.sleep(Math.max(0, start + (turn * 3_000) / perSecond - performance.now()))
      const group = groups[Math.floor(turn / CONNECTIONS) % groups.length]!
      const one = Math.floor(Math.random() * group.length)
      const other = (one + 1 + Math.floor(Math.random() * (group.length - 1))) % group.length
      const before = await ask(group[one]!)
      const between = await ask(group[other]!)
      const after = await ask(group[one]!)
      if (before !== null && between !== null && before === after && between !== before)
        mixed.push(`${group[one]} said ${before}, ${group[other]} ${between}, and the first ${after} again`)
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, index) => loop(index)))
  return { requests: latencies.length + failures.length, failures, mixed, p99Ms: percentile(latencies, 0.99) }
}

if (import.meta.main) {
  const stopping = new AbortController()
  void new Response(Bun.stdin.stream()).text().then(() => stopping.abort())
  process.stdout.write(JSON.stringify(await read(JSON.parse(process.argv[2]!) as Reading, stopping.signal)))
  process.exit()
}

// Clients that ask at a steady rate on kept connections, and know which version they must not see any more.

import { ADMIN_TOKEN } from '../lib/core.ts'
import { KeptConnection } from '../lib/kept-connection.ts'

const CONNECTIONS = 20

export class Clients {
  requests = 0
  /** Without an answer, or with another than 200. */
  readonly failures: string[] = []
  /** Begun after a version was live, and answered by an older one. */
  stale = 0
  /** The newest version of the swapped plugin that is known to be live. */
  live = 0
  readonly latencies: number[] = []
  readonly #url: URL
  readonly #perSecond: number
  #stopped = false
  #loops: Promise<void>[] = []

  constructor(url: URL, perSecond: number) {
    this.#url = url
    this.#perSecond = perSecond
  }

  start(): void {
    const start = performance.now()
    this.#loops = Array.from({ length: CONNECTIONS }, (_, index) => this.#loop(index, start))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#loops)
  }

  /** Every second connection asks the swapped plugin, the others the one beside it. */
  async #loop(index: number, start: number): Promise<void> {
    const swapped = index % 2 === 0
    const path = `/api/plugins/${swapped ? 'swapped' : 'other'}/version`
    let connection = await KeptConnection.open(this.#url)
    for (let turn = index; !this.#stopped; turn += CONNECTIONS) {
      await Bun.sleep(Math.max(0, start + (turn * 1_000) / this.#perSecond - performance.now()))
      const sent = performance.now()
      const oldest = swapped ? this.live : 0
      this.requests++
      try {
        const { status, body } = await connection.send('GET', path, ADMIN_TOKEN)
        this.latencies.push(performance.now() - sent)
        if (status !== 200) this.failures.push(`${status} ${body}`)
        else if (Number(body) < oldest) this.stale++
        // What one client has seen is live for all.
        else if (swapped) this.live = Math.max(this.live, Number(body))
      } catch (error) {
        this.failures.push(String(error))
        connection = await KeptConnection.open(this.#url)
      }
    }
    connection.close()
  }
}

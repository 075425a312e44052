// Clients that send a server so many requests a second, each at its time, whether or not the ones before were answered well.

import { KeptConnection } from './kept-connection.ts'

const CONNECTIONS = 20

export interface SteadyOptions {
  readonly url: URL
  readonly path: string
  readonly perSecond: number
}

export class SteadyClients {
  readonly failures: string[] = []
  /** From when a request was due to its answer, in ms. */
  readonly times: number[] = []
  /** When the last good answer came, of the clock that does not jump. */
  lastGoodAt = 0
  readonly #options: SteadyOptions
  #stopped = false
  readonly #loops: Promise<void>[]

  constructor(options: SteadyOptions) {
    this.#options = options
    const start = performance.now()
    this.#loops = Array.from({ length: CONNECTIONS }, (_, index) => this.#loop(index, start))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#loops)
  }

  async #loop(index: number, start: number): Promise<void> {
    const { path, perSecond } = this.#options
    let connection: KeptConnection | undefined
    for (let turn = index; !this.#stopped; turn += CONNECTIONS) {
      const due = start + (turn * 1_000) / perSecond
      await Bun.sleep(Math.max(0, due - performance.now()))
      try {
        connection ??= await KeptConnection.open(this.#options.url)
        const { status, body } = await connection.send('GET', path)
        this.times.push(performance.now() - due)
        if (status === 200) this.lastGoodAt = performance.now()
        else this.failures.push(`${status} ${body}`)
      } catch (error) {
        this.failures.push(String(error))
        connection = undefined
      }
    }
    connection?.close()
  }
}

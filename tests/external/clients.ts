// Clients that ask an adapter for one thing after the other, and count what they are answered.

import type { TestHouse } from '@home-console/sdk/testing'

export class Clients {
  /** How often each was given: `200 word`. */
  readonly answers = new Map<string, number>()
  readonly #house: TestHouse
  readonly #loops: Promise<void>[]
  #isOver = false

  /** @param paths below the adapter, one for each client */
  constructor(house: TestHouse, paths: readonly string[]) {
    this.#house = house
    this.#loops = paths.map((path) => this.#loop(path))
  }

  get count(): number {
    return [...this.answers.values()].reduce((sum, count) => sum + count, 0)
  }

  countOf(answer: string): number {
    return this.answers.get(answer) ?? 0
  }

  /** @returns every answer that there was, once */
  async stop(): Promise<string[]> {
    this.#isOver = true
    await Promise.all(this.#loops)
    return [...this.answers.keys()].sort()
  }

  async #loop(path: string): Promise<void> {
    while (!this.#isOver) {
      const response = await this.#house.request(`/api/plugins/adapter${path}`)
      const answer = `${response.status} ${await response.text()}`
      this.answers.set(answer, this.countOf(answer) + 1)
    }
  }
}

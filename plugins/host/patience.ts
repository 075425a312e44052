// Waits with an end: what hangs must not hold up the rest, nor be asked again before it has answered.

/**
 * A read that hangs keeps one of the process's few file threads, one for each core, and when all hang, nobody in the Core reads a
 * file any more. So a question that was not answered stays open, and is refused until it is.
 */
export class Patience {
  readonly #ms: number
  readonly #open = new Set<string>()

  constructor(ms: number) {
    this.#ms = ms
  }

  /** @throws Error when the answer takes too long, or an earlier one to the same question is still awaited */
  async ask<Answer>(question: string, answer: () => Promise<Answer>): Promise<Answer> {
    if (this.#open.has(question)) throw new Error('it has not answered since it was last asked')
    this.#open.add(question)
    const answered = answer().finally(() => this.#open.delete(question))
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(new Error(`no answer within ${this.#ms} ms`)), this.#ms)
    return Promise.race([answered, late]).finally(() => clearTimeout(timer))
  }
}

// Waits with an end: what hangs must not hold up the rest, nor be asked again before it has answered.

/**
 * A read that hangs keeps one of the process's file threads, of which there are as many as cores; when all hang, nobody
 * in the Core reads a file any more. So a question that was not answered stays open, and is refused until it is.
 */
export class Patience {
  readonly #ms: number
  readonly #open = new Set<string>()

  constructor(ms: number) {
    this.#ms = ms
  }

  /**
   * @param answer is given a signal that aborts when nobody waits for it any more
   * @throws Error when the answer takes too long, or an earlier one to the same question is still awaited
   */
  async ask<Answer>(question: string, answer: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
    if (this.#open.has(question)) throw new Error('it has not answered since it was last asked')
    this.#open.add(question)
    const late = new AbortController()
    const answered = answer(late.signal).finally(() => this.#open.delete(question))
    const { promise: givenUp, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      reject(new Error(`no answer within ${this.#ms} ms`))
      late.abort()
    }, this.#ms)
    return Promise.race([answered, givenUp]).finally(() => clearTimeout(timer))
  }
}

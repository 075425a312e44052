// Takes a child's output apart into lines, so many a second and no longer than that: whoever floods drowns nobody else.

/** Of a line, in bytes. What is longer is cut. */
const LONGEST_LINE = 4 * 1_024
const LINES_PER_SECOND = 200
/** What comes faster than this, in bytes a second, is read ever more slowly: the child waits, and not the house. */
const BYTES_PER_SECOND = 8 * 1_024 * 1_024
const NEWLINE = 10

export class OutputLines {
  readonly #onLine: (line: string) => void
  readonly #decoder = new TextDecoder()
  #line: Uint8Array[] = []
  #length = 0
  #second = 0
  #lines = 0
  #bytes = 0
  #lost = 0

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine
  }

  /** Settles at the end of the output. Never rejects. */
  async read(stream: ReadableStream<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of stream) {
        this.#take(chunk)
        if (this.#bytes <= BYTES_PER_SECOND) continue
        await Bun.sleep(Math.max(0, this.#second + 1_000 - performance.now()))
      }
    } catch (error) {
      this.#onLine(`What it writes cannot be read any more: ${(error as Error).message}`)
    }
    if (this.#length > 0) this.#end()
    this.#tellLost()
  }

  #take(chunk: Uint8Array): void {
    const now = performance.now()
    if (now - this.#second >= 1_000) {
      this.#tellLost()
      this.#second = now
      this.#lines = 0
      this.#bytes = 0
    }
    this.#bytes += chunk.length
    let from = 0
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      this.#add(chunk.subarray(from, at))
      this.#end()
      from = at + 1
    }
    this.#add(chunk.subarray(from))
  }

  #add(part: Uint8Array): void {
    const room = LONGEST_LINE - this.#length
    this.#length += part.length
    // A copy: what it is a part of may be large, and go.
    if (room > 0 && part.length > 0 && this.#lines < LINES_PER_SECOND) this.#line.push(part.slice(0, room))
  }

  #end(): void {
    const parts = this.#line
    const more = this.#length - LONGEST_LINE
    this.#line = []
    this.#length = 0
    if (this.#lines >= LINES_PER_SECOND) {
      this.#lost++
      return
    }
    this.#lines++
    const text = this.#decoder.decode(Buffer.concat(parts)).replace(/\r$/, '')
    this.#onLine(more > 0 ? `${text}… (${more} bytes more)` : text)
  }

  #tellLost(): void {
    if (this.#lost > 0)
      this.#onLine(
        `${this.#lost} lines more were not kept: it writes more than ${LINES_PER_SECOND} a second.`,
      )
    this.#lost = 0
  }
}

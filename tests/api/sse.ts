// Reads server-sent events byte by byte, so that a test sees what a client would.

export interface Frame {
  readonly id: string | undefined
  readonly data: any
}

export class EventReader implements AsyncDisposable {
  /** All that came, as it came. */
  text = ''
  ended = false
  readonly frames: Frame[] = []
  readonly #abort = new AbortController()
  #rest = ''

  /** @param fetch asks for the stream with this signal */
  static async open(fetch: (signal: AbortSignal) => Promise<Response>): Promise<EventReader> {
    const reader = new EventReader()
    const response = await fetch(reader.#abort.signal)
    if (response.status !== 200)
      throw new Error(`The stream answered ${response.status}: ${await response.text()}`)
    void reader.#read(response.body!)
    return reader
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder()
    try {
      for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
        const text = decoder.decode(chunk, { stream: true })
        this.text += text
        const blocks = (this.#rest + text).split('\n\n')
        this.#rest = blocks.pop()!
        for (const block of blocks) this.#take(block)
      }
    } catch {
      // Cut, by either side.
    }
    this.ended = true
  }

  #take(block: string): void {
    const field = (name: string) =>
      block.split('\n').flatMap((line) => (line.startsWith(`${name}: `) ? [line.slice(name.length + 2)] : []))
    const data = field('data')
    if (data.length > 0) this.frames.push({ id: field('id')[0], data: JSON.parse(data.join('\n')) })
  }

  /** The types of the events that came. */
  get types(): string[] {
    return this.frames.map(({ data }) => data.type as string)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort()
  }
}

// Reads server-sent events, and knows whether the stream was ended by us or by the server.

export class EventStream {
  readonly #leaving = new AbortController()
  #cut = false

  /** Settles when the stream is open. `onEvent` gets the JSON of each event's data. */
  static async open(url: URL, token: string, onEvent: (event: any) => void): Promise<EventStream> {
    const stream = new EventStream()
    const response = await fetch(url, {
      headers: { Authorization: `Bearer ${token}`, Accept: 'text/event-stream' },
      signal: stream.#leaving.signal,
    })
    if (!response.ok || response.body === null)
      throw new Error(`${url.href} answered ${response.status}: ${await response.text()}`)
    void stream.#read(response.body, onEvent)
    return stream
  }

  /** Whether the server ended it. */
  get cut(): boolean {
    return this.#cut
  }

  close(): void {
    this.#leaving.abort()
  }

  async #read(body: ReadableStream<Uint8Array>, onEvent: (event: any) => void): Promise<void> {
    const decoder = new TextDecoder()
    let text = ''
    try {
      for await (const chunk of body) {
        text += decoder.decode(chunk, { stream: true })
        const events = text.split('\n\n')
        text = events.pop()!
        for (const event of events) {
          const data = /^data: (.*)$/m.exec(event)?.[1]
          if (data !== undefined) onEvent(JSON.parse(data))
        }
      }
    } catch {
      // How it ended is told by who wanted it to.
    }
    this.#cut = !this.#leaving.signal.aborted
  }
}

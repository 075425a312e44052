// The document that a service gives of itself: fetched when it comes up and again from time to time; the last good one stays.

import type { Clock } from '../../clock.ts'
import type { OwnedLog } from '../../log/log.ts'

export interface KeptDocumentOptions<Document> {
  readonly name: string
  readonly clock: Clock
  readonly log: () => OwnedLog
  /** Where it is; undefined where the service gives none. */
  readonly path: () => string | undefined
  /** Calls the service; null while it takes no calls. */
  readonly fetch: () => ((path: string, init: RequestInit) => Promise<Response>) | null
  /** @throws Error why the text is no document */
  readonly read: (text: string) => Document
  /** Told when the document is another one, and when what is wrong with it is. */
  readonly onChange: () => void
}

/** In bytes. */
const MAX_BYTES = 2 * 1024 * 1024
const FETCH_MS = 10_000
/** A service may be another one without having been away. */
const EVERY_MS = 300_000
const FIRST_PAUSE_MS = 2_000
/** A service that changes all the time keeps the house busy for so small a part of it. */
const PART_OF_THE_TIME = 1 / 20
/** What is read faster than this is nothing to rest from, in ms. */
const QUICKLY_MS = 20

export class KeptDocument<Document> {
  readonly #options: KeptDocumentOptions<Document>
  #document: Document | null = null
  #text: string | null = null
  #etag: string | null = null
  #fault: string | null = null
  #failures = 0
  #cancel = () => {}
  #fetching = false
  #again = false
  #stopped = false
  /** By the platform's clock, in ms. */
  #restsUntil = 0
  #callOff = () => {}

  constructor(options: KeptDocumentOptions<Document>) {
    this.#options = options
  }

  /** The last good one. */
  get document(): Document | null {
    return this.#document
  }

  /** Why what it gives now is not taken; null where it is. */
  get fault(): string | null {
    return this.#fault
  }

  /** It came up, or its service.json is another one: what it says of itself may be, too, and a tag of before means nothing. */
  refresh(): void {
    this.#etag = null
    this.#look()
  }

  #look(): void {
    this.#cancel()
    if (this.#stopped) return
    if (this.#fetching) {
      this.#again = true
      return
    }
    const rest = this.#restsUntil - performance.now()
    if (rest <= 0) return void this.#refresh()
    const timer = setTimeout(() => this.#look(), rest)
    this.#cancel = () => clearTimeout(timer)
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
    this.#callOff()
  }

  async #refresh(): Promise<void> {
    const path = this.#options.path()
    const fetch = this.#options.fetch()
    if (path === undefined) return this.#forget()
    // When it takes calls again, it is asked again.
    if (fetch === null) return
    this.#fetching = true
    let fault: string | null = null
    let isOther = false
    try {
      const text = await this.#fetch(fetch, path)
      if (text !== null && text !== this.#text) {
        this.#document = this.#read(text)
        this.#text = text
        isOther = true
      }
    } catch (error) {
      // What it gave is looked at again next time, whatever its tag.
      this.#etag = null
      fault = error instanceof Error ? error.message : String(error)
    }
    this.#fetching = false
    if (this.#stopped) return
    this.#failures = fault === null ? 0 : this.#failures + 1
    if (fault !== this.#fault) {
      this.#fault = fault
      if (fault !== null) {
        const stays = this.#document === null ? '' : ' The one before stays.'
        this.#options
          .log()
          .warn(`The OpenAPI document of "${this.#options.name}" is not taken: ${fault}${stays}`)
      }
      isOther = true
    }
    if (this.#again) {
      this.#again = false
      this.#etag = null
      this.#look()
    } else {
      const pause = fault === null ? EVERY_MS : Math.min(FIRST_PAUSE_MS * 2 ** (this.#failures - 1), EVERY_MS)
      this.#cancel = this.#options.clock.after(pause, () => this.#look())
    }
    // Last: whoever is told may ask for another look.
    if (isOther) this.#options.onChange()
  }

  /** @throws Error why it is no document */
  #read(text: string): Document {
    const began = performance.now()
    try {
      return this.#options.read(text)
    } finally {
      const took = performance.now() - began
      if (took > QUICKLY_MS) this.#restsUntil = performance.now() + took / PART_OF_THE_TIME
    }
  }

  #forget(): void {
    if (this.#document === null && this.#fault === null) return
    this.#document = this.#text = this.#etag = this.#fault = null
    this.#options.onChange()
  }

  /** @returns null where it is the one that is known */
  async #fetch(
    fetch: (path: string, init: RequestInit) => Promise<Response>,
    path: string,
  ): Promise<string | null> {
    const attempt = new AbortController()
    // It may be forgotten while the answer is on its way.
    const tag = this.#etag
    this.#callOff = () => attempt.abort()
    const late = () => attempt.abort(new Error(`it is not here after ${FETCH_MS} ms.`))
    const deadline = setTimeout(late, FETCH_MS)
    try {
      const response = await fetch(path, {
        headers: {
          Accept: 'application/json',
          'Accept-Encoding': 'identity',
          ...(tag !== null && { 'If-None-Match': tag }),
        },
        redirect: 'manual',
        signal: attempt.signal,
      })
      if (response.status !== 200) {
        await response.body?.cancel()
        if (response.status === 304 && tag !== null) return null
        throw new Error(`${path} answered with ${response.status}.`)
      }
      const packed = response.headers.get('Content-Encoding') ?? 'identity'
      if (packed !== 'identity') {
        await response.body?.cancel()
        throw new Error(`it is packed as ${packed}, though it was asked for as it is.`)
      }
      const text = await textOf(response)
      this.#etag = response.headers.get('ETag')
      return text
    } finally {
      clearTimeout(deadline)
    }
  }
}

/** @throws Error when it is too long, or cut off */
async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let bytes = 0
  let text = ''
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    // Leaving the loop calls the rest off.
    if (bytes > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES / 1024 / 1024} MB.`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

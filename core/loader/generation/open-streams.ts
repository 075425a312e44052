// The answers and WebSockets of one generation that are still open, and how they end when it goes.

import type { Hold } from '@home-console/sdk'
import { settlesWithin } from '../../clock.ts'
import type { OpenStream } from '../../http/request-info.ts'
import { Roster } from '../../roster.ts'

/** Streams that are meant to stay open get this long to end by themselves, and then to be ended in good order. */
const FAREWELL_MS = 250
const CLOSING_MS = 1_000

export class OpenStreams {
  readonly #open = new Roster<OpenStream>()
  #onNoneLasts: (() => void) | undefined

  add(stream: OpenStream): void {
    this.#open.add(stream)
  }

  remove(stream: OpenStream): void {
    this.#open.delete(stream)
    if (this.#onNoneLasts !== undefined && this.#lasting().length === 0) this.#onNoneLasts()
  }

  list(): Hold[] {
    return Array.from(this.#open, ({ kind, label }) => ({ kind, label }))
  }

  /** Event streams and WebSockets never end by themselves; their clients come back. */
  async endLasting(): Promise<void> {
    if (this.#lasting().length === 0) return
    const { promise: noneLasts, resolve } = Promise.withResolvers<void>()
    this.#onNoneLasts = resolve
    if (await settlesWithin(noneLasts, FAREWELL_MS)) return
    for (const stream of this.#lasting()) stream.finish()
    if (await settlesWithin(noneLasts, CLOSING_MS)) return
    for (const stream of this.#lasting()) stream.cut()
  }

  cutAll(): void {
    for (const stream of [...this.#open]) stream.cut()
  }

  #lasting(): OpenStream[] {
    return [...this.#open].filter(({ lasting }) => lasting)
  }
}

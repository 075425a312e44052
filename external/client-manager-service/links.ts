// Who is connected: one link for each client, the newest, so that nobody is there twice.

import type { Herald } from './herald.ts'
import type { Link } from './link.ts'

export class Links {
  readonly #herald: Herald
  readonly #links = new Map<string, Link>()

  constructor(herald: Herald) {
    this.#herald = herald
  }

  /** That of a client, approved or not. */
  get(client: string): Link | undefined {
    return this.#links.get(client)
  }

  /** Where orders may go; null where none may. */
  wayTo(client: string): Link | null {
    const link = this.#links.get(client)
    return link?.trusted ? link : null
  }

  join(client: string, link: Link): void {
    this.#links.get(client)?.replace()
    this.#links.set(client, link)
  }

  /** @returns false when it had been replaced */
  leave(client: string, link: Link, reason: string): boolean {
    if (this.#links.get(client) !== link) return false
    this.#links.delete(client)
    if (link.trusted)
      this.#herald.tell('client.disconnected', client, { client, hostname: link.hostname, reason })
    return true
  }

  announce(client: string, { hostname }: Link): void {
    this.#herald.tell('client.connected', client, { client, hostname })
  }

  closeAll(code: number, reason: string): void {
    for (const link of [...this.#links.values()]) link.close(code, reason)
  }
}

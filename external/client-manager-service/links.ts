// Who is connected: one link for each client, the newest, so that nobody is there twice; and so many strangers.

import type { Clients } from './clients.ts'
import type { Herald } from './herald.ts'
import type { Link } from './link.ts'

/** Connections that are not approved, or have not yet said who they are. */
const MOST_STRANGERS = 32
/** As the Core lets 200 calls through, those of its owner find room beside all agents and all strangers. */
const MOST_TRUSTED = 120

export class Links {
  readonly #clients: Clients
  readonly #herald: Herald
  readonly #links = new Map<string, Link>()
  /** The oldest first. */
  readonly #strangers = new Set<Link>()

  #awaiting: Timer | undefined

  constructor(clients: Clients, herald: Herald) {
    this.#clients = clients
    this.#herald = herald
  }

  /** Those that were connected when the service ended are given time to come back; then it is told that they are gone. */
  awaitReturn(ms: number): void {
    this.#awaiting = setTimeout(() => {
      for (const { id, about, lastHeartbeat } of this.#clients.online())
        if (this.wayTo(id) === null)
          this.#gone(id, about.hostname, lastHeartbeat ?? 0, 'it has not come back')
    }, ms)
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

  /** Someone comes. Where there are too many strangers, the oldest makes room: who has a key is none for long. */
  came(link: Link): void {
    this.#strangers.add(link)
    if (this.#strangers.size > MOST_STRANGERS) this.#strangers.values().next().value!.makeRoom()
  }

  went(link: Link): void {
    this.#strangers.delete(link)
  }

  join(client: string, link: Link): void {
    this.#links.get(client)?.replace()
    this.#links.set(client, link)
  }

  /** @returns false when it had been replaced */
  leave(client: string, link: Link, reason: string): boolean {
    if (this.#links.get(client) !== link) return false
    this.#links.delete(client)
    if (link.trusted) this.#gone(client, link.hostname, link.heardAt, reason)
    return true
  }

  /** It is approved. @returns false when there are too many of those */
  admit(client: string, link: Link): boolean {
    if ([...this.#links.values()].filter(({ trusted }) => trusted).length > MOST_TRUSTED) return false
    this.#strangers.delete(link)
    this.#herald.tell('client.connected', client, { client, hostname: link.hostname })
    return true
  }

  closeAll(code: number, reason: string): void {
    clearTimeout(this.#awaiting)
    for (const link of [...this.#links.values(), ...this.#strangers]) link.close(code, reason)
  }

  #gone(client: string, hostname: string, lastHeartbeat: number, reason: string): void {
    this.#clients.left(client, lastHeartbeat)
    this.#herald.tell('client.disconnected', client, { client, hostname, reason })
  }
}

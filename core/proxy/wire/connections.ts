// The connections to one address: those that nothing is asked on are kept for a while, and asked again.

import { Connection, type Keeper } from './connection.ts'
import { ConnectionLost } from './failure.ts'
import type { Asker } from './pending-answer.ts'
import type { Question } from './request-head.ts'

const MOST_KEPT = 64
/** So many were given up while they were being made, and the system has not: for that it takes two minutes. */
const MOST_ADRIFT = 128

export class Connections implements Keeper {
  readonly #hostname: string
  readonly #port: number
  readonly #idleMs: number
  /** The one that was used last is at the end. */
  readonly #idle: Connection[] = []
  /** So many at the beginning were there at the last sweep, and not used since. */
  #old = 0
  #sweeping: Timer | undefined
  #adrift = 0

  /** @param idleMs before which one is let go of */
  constructor(hostname: string, port: number, idleMs: number) {
    this.#hostname = hostname
    this.#port = port
    this.#idleMs = idleMs
  }

  /**
   * @param isFresh on no connection that was used before
   * @returns what carries it: `destroy` calls it off
   * @throws TypeError for what cannot be sent; ConnectionLost where too many wait for an address that is silent
   */
  ask(question: Question, asker: Asker, isFresh: boolean): Connection {
    const connection = (isFresh ? undefined : this.#idle.pop()) ?? this.#make()
    if (this.#idle.length < this.#old) this.#old = this.#idle.length
    try {
      connection.ask(question, asker)
    } catch (error) {
      connection.destroy()
      throw error
    }
    return connection
  }

  adrift(by: 1 | -1): void {
    this.#adrift += by
  }

  #make(): Connection {
    if (this.#adrift >= MOST_ADRIFT) throw new ConnectionLost({ code: 'ETIMEDOUT' }, false)
    return new Connection(this.#hostname, this.#port, this)
  }

  idle(connection: Connection): void {
    if (this.#idle.length >= MOST_KEPT) return connection.destroy()
    this.#idle.push(connection)
    this.#sweeping ??= setInterval(this.#sweep, this.#idleMs / 2).unref()
  }

  closed(connection: Connection): void {
    const at = this.#idle.indexOf(connection)
    if (at === -1) return
    this.#idle.splice(at, 1)
    if (at < this.#old) this.#old--
  }

  /** Twice in the time after which one is too old: what was there already has had at least the half of it. */
  readonly #sweep = (): void => {
    for (const connection of this.#idle.slice(0, this.#old)) connection.destroy()
    this.#old = this.#idle.length
    if (this.#old > 0) return
    clearInterval(this.#sweeping)
    this.#sweeping = undefined
  }
}
